# Profile intervals of lme4, a list by model: what test_profiles.py compares with.
# Run in this folder: OPENBLAS_NUM_THREADS=1 Rscript make_profiles.R
suppressMessages({
  library(jsonlite)
  library(lme4)
})

ends <- function(fit) {
  bounds <- confint(fit, oldNames = FALSE, quiet = TRUE)
  lapply(split(bounds, rownames(bounds))[rownames(bounds)], as.numeric)
}

found <- list(
  versions = list(R = as.character(getRversion()), lme4 = as.character(packageVersion("lme4"))),
  sleepstudy_slope = ends(lmer(Reaction ~ Days + (Days | Subject), sleepstudy, REML = FALSE)),
  pastes_nested = ends(lmer(strength ~ 1 + (1 | batch) + (1 | sample), Pastes, REML = FALSE)),
  dyestuff2 = ends(suppressMessages(lmer(Yield ~ 1 + (1 | Batch), Dyestuff2, REML = FALSE))),
  penicillin = ends(lmer(diameter ~ 1 + (1 | plate) + (1 | sample), Penicillin, REML = FALSE))
)
writeLines(toJSON(found, auto_unbox = TRUE, digits = 10, pretty = TRUE), "profiles.json")
