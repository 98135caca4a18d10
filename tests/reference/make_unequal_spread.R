# Fits Gaussian models whose residuals have standard deviations of their own, and writes what the tests compare with:
# unequal_spread.json. Run in this folder: OPENBLAS_NUM_THREADS=1 Rscript make_unequal_spread.R
# Data: Orthodont of nlme, Penicillin and Pastes of lme4 (all GPL), and the eight schools of Rubin (1981); they stand in the
# same file beside the estimates.
suppressMessages({
  library(jsonlite)
  library(nlme)
  library(glmmTMB)
})
tight <- lmeControl(opt = "nlminb", msMaxIter = 500, tolerance = 1e-10, msTol = 1e-12)
sharp <- glmmTMBControl(optCtrl = list(iter.max = 2000, eval.max = 4000, rel.tol = 1e-14, x.tol = 1e-12))
orthodont <- as.data.frame(nlme::Orthodont)
orthodont$Subject <- as.character(orthodont$Subject)
data(Penicillin, package = "lme4")
data(Pastes, package = "lme4")
Penicillin$late <- as.numeric(Penicillin$plate) - 12.5
Pastes$u <- as.numeric(Pastes$cask) - 2
schools <- data.frame(y = c(28, 8, -3, 7, -1, 1, 18, 12), se = c(15, 10, 16, 11, 9, 11, 10, 18))

of_lme <- function(m) list(logLik = as.numeric(logLik(m)), fixef = as.numeric(fixef(m)), se = as.numeric(sqrt(diag(vcov(m)))))
of_tmb <- function(m) list(logLik = as.numeric(logLik(m)), fixef = as.numeric(fixef(m)$cond),
  se = as.numeric(sqrt(diag(vcov(m)$cond))), disp = as.numeric(fixef(m)$disp))
meta <- function(reml) {
  y <- schools$y
  value <- function(tau) {
    v <- schools$se^2 + tau^2
    mu <- sum(y / v) / sum(1 / v)
    n <- length(y) - reml
    -0.5 * (n * log(2 * pi) + sum(log(v)) + sum((y - mu)^2 / v) + reml * log(sum(1 / v)))
  }
  best <- optimize(value, c(0, 40), maximum = TRUE, tol = 1e-10)
  zero <- value(0) >= best$objective
  tau <- if (zero) 0 else best$maximum
  v <- schools$se^2 + tau^2
  list(logLik = value(tau), fixef = sum(schools$y / v) / sum(1 / v), se = 1 / sqrt(sum(1 / v)), tau = tau)
}
out <- list()
for (method in c("ML", "REML")) {
  reml <- method == "REML"
  out[[paste0("by_sex_", method)]] <- of_lme(lme(distance ~ age * Sex, orthodont, ~ 1 | Subject,
    weights = varIdent(form = ~ 1 | Sex), method = method, control = tight))
  out[[paste0("slopes_by_sex_", method)]] <- of_lme(lme(distance ~ age * Sex, orthodont, ~ age | Subject,
    weights = varIdent(form = ~ 1 | Sex), method = method, control = tight))
  out[[paste0("by_age_", method)]] <- of_lme(lme(distance ~ age * Sex, orthodont, ~ age | Subject,
    weights = varExp(form = ~ age), method = method, control = tight))
  out[[paste0("crossed_", method)]] <- of_tmb(glmmTMB(diameter ~ 1 + (1 | plate) + (1 | sample), Penicillin,
    dispformula = ~ late, REML = reml, control = sharp))
  out[[paste0("nested_", method)]] <- of_tmb(glmmTMB(strength ~ 1 + (1 | batch) + (1 | sample), Pastes,
    dispformula = ~ u, REML = reml, control = sharp))
  out[[paste0("schools_", method)]] <- meta(reml)
}
data <- list(orthodont = orthodont[c("distance", "age", "Subject", "Sex")],
  penicillin = transform(Penicillin[c("diameter", "plate", "sample", "late")], plate = as.character(plate), sample = as.character(sample)),
  pastes = transform(Pastes[c("strength", "batch", "sample", "u")], batch = as.character(batch), sample = as.character(sample)),
  schools = schools)
write_json(list(versions = list(R = as.character(getRversion()), nlme = as.character(packageVersion("nlme")),
  glmmTMB = as.character(packageVersion("glmmTMB"))), fits = out, data = data),
  "unequal_spread.json", digits = 12, auto_unbox = TRUE, dataframe = "columns")
