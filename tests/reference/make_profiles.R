# Profile intervals of lme4 and glmmTMB, a list by model: what test_profiles.py compares with.
# Run in this folder: OPENBLAS_NUM_THREADS=1 Rscript make_profiles.R
suppressMessages({
  library(jsonlite)
  library(lme4)
  library(glmmTMB)
})

ends <- function(fit) {
  bounds <- confint(fit, oldNames = FALSE, quiet = TRUE)
  lapply(split(bounds, rownames(bounds))[rownames(bounds)], as.numeric)
}

# glmmTMB 1.1.5 has residual spreads as logarithms of variances, that of the random effect as that of its sd.
spreads <- function(fit) {
  bounds <- confint(fit, method = "profile")
  half <- grepl("^d~", rownames(bounds))
  bounds[half, ] <- exp(bounds[half, ] / 2)
  sd <- grepl("^theta", rownames(bounds))
  bounds[sd, ] <- exp(bounds[sd, ])
  lapply(split(bounds, rownames(bounds))[rownames(bounds)], as.numeric)
}

found <- list(
  versions = list(
    R = as.character(getRversion()), lme4 = as.character(packageVersion("lme4")),
    glmmTMB = as.character(packageVersion("glmmTMB"))),
  sleepstudy_slope = ends(lmer(Reaction ~ Days + (Days | Subject), sleepstudy, REML = FALSE)),
  pastes_nested = ends(lmer(strength ~ 1 + (1 | batch) + (1 | sample), Pastes, REML = FALSE)),
  dyestuff2 = ends(suppressMessages(lmer(Yield ~ 1 + (1 | Batch), Dyestuff2, REML = FALSE))),
  penicillin = ends(lmer(diameter ~ 1 + (1 | plate) + (1 | sample), Penicillin, REML = FALSE)),
  cbpp = ends(glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial)),
  orthodont_spread = spreads(glmmTMB(
    distance ~ age + (1 | Subject), dispformula = ~ 0 + Sex, data = read.csv("data/Orthodont.csv")))
)
writeLines(toJSON(found, auto_unbox = TRUE, digits = 10, pretty = TRUE), "profiles.json")
