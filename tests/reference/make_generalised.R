# Fits every reference model that is not Gaussian with equal residuals, and writes what the tests compare with:
# generalised.json. Run in this folder: OPENBLAS_NUM_THREADS=1 Rscript make_generalised.R
# glmmTMB and clmm maximise the exact Laplace approximation (observed Hessian); lme4's own differs for links that are
# not canonical, so it serves for quadrature alone.
suppressMessages({
  library(jsonlite)
  library(glmmTMB)
  library(lme4)
  library(nlme)
  library(ordinal)
})

LEVELS <- list(use = c("N", "Y"), urban = c("N", "Y"), livch = c("0", "1", "2", "3+"), Gender = c("F", "M"), r2 = c("N", "Y"),
  btype = c("curse", "scold", "shout"), situ = c("other", "self"), mode = c("want", "do"), temp = c("cold", "warm"),
  contact = c("no", "yes"), Municipality = c("Rural", "SmallTown", "Suburb", "Metropolitan"), Sex = c("Male", "Female"))
FACTORS <- c("herd", "period", "obs", "district", "election", "BROOD", "INDEX", "LOCATION", "YEAR", "id", "item", "Income", "bottle", "judge",
  "Subject", "rating", names(LEVELS))

read_data <- function(file) {
  d <- read.csv(file)
  for (v in intersect(names(d), FACTORS)) {
    given <- LEVELS[[v]]
    d[[v]] <- if (is.null(given)) factor(d[[v]]) else factor(as.character(d[[v]]), levels = given)
  }
  if ("rating" %in% names(d)) d$rating <- factor(d$rating, ordered = TRUE)
  d
}

estimates <- function(est, se) lapply(setNames(seq_along(est), names(est)), function(k) list(est = est[[k]], se = se[[k]]))

spreads <- function(v) {
  out <- list()
  for (g in names(v)) {
    s <- attr(v[[g]], "stddev")
    for (k in names(s)) out[[paste(g, k)]] <- s[[k]]
    r <- attr(v[[g]], "correlation")
    for (k in seq_len(NROW(r) * !is.null(r))) for (l in seq_len(k - 1)) out[[paste(g, rownames(r)[l], rownames(r)[k])]] <- r[k, l]
  }
  out
}

FITTERS <- list(
  glmmTMB = function(formula, d, family, ...) {
    tight <- glmmTMBControl(optCtrl = list(iter.max = 2000, eval.max = 4000, rel.tol = 1e-14, x.tol = 1e-12))
    m <- glmmTMB(formula, d, family = family, control = tight)
    list(logLik = as.numeric(logLik(m)), fixef = estimates(fixef(m)$cond, sqrt(diag(vcov(m)$cond))), spread = spreads(VarCorr(m)$cond))
  },
  glm = function(formula, d, family, ...) {
    m <- glm(formula, family, d, control = glm.control(epsilon = 1e-14, maxit = 100))
    list(logLik = as.numeric(logLik(m)), fixef = estimates(coef(m), sqrt(diag(vcov(m)))), spread = list())
  },
  glmer = function(formula, d, family, nodes) {
    tight <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5), tolPwrss = 1e-12)
    m <- suppressWarnings(glmer(formula, d, family, nAGQ = nodes, control = tight))
    # With several nodes lme4 leaves the constant out that does not depend on parameters; one node has it.
    saturated <- as.numeric(logLik(glm(nobars(formula), family, d))) + deviance(glm(nobars(formula), family, d)) / 2
    list(logLik = as.numeric(logLik(m)) + saturated, fixef = estimates(fixef(m), sqrt(diag(as.matrix(vcov(m))))),
      spread = spreads(VarCorr(m)))
  },
  clmm = function(formula, d, family, nodes) {
    m <- clmm(formula, data = d, link = family, nAGQ = nodes, Hess = TRUE, control = clmm.control(gradTol = 1e-8, maxIter = 500))
    n <- length(coef(m))
    list(logLik = as.numeric(logLik(m)), fixef = estimates(coef(m), sqrt(diag(vcov(m)))[seq_len(n)]), spread = spreads(VarCorr(m)))
  },
  lme = function(formula, d, ...) {
    tight <- lmeControl(msTol = 1e-12, tolerance = 1e-10, opt = "nlminb", msMaxIter = 500, niterEM = 200, returnObject = TRUE)
    m <- lme(distance ~ age * Sex, d, random = ~ age | Subject, weights = varIdent(form = ~ 1 | Sex), method = "ML", control = tight)
    ratio <- coef(m$modelStruct$varStruct, unconstrained = FALSE)
    v <- VarCorr(m)
    other <- names(ratio)
    first <- setdiff(levels(d$Sex), other)
    list(logLik = as.numeric(logLik(m)), fixef = estimates(fixef(m), sqrt(diag(vcov(m)))),
      spread = setNames(list(as.numeric(v[1, 2]), as.numeric(v[2, 2]), m$sigma, m$sigma * as.numeric(ratio)),
        c("Subject (Intercept)", "Subject age", paste("residual", first), paste("residual", other))))
  })

WOMEN <- use ~ age + I(age^2) + urban + livch + (1 | district)
ANSWERS <- r2 ~ Anger + Gender + btype + situ + mode + (1 | id) + (1 | item)
VOTERS <- y ~ Age + Female + Income + Municipality + Parties + Seats
HERDS <- cbind(incidence, size - incidence) ~ period + (1 | herd)

MODELS <- list(
  list("cbpp", "data/cbpp.csv", "glmmTMB", HERDS, binomial()),
  list("cbpp_agq", "data/cbpp.csv", "glmer", HERDS, binomial(), 9),
  list("cbpp_olre", "data/cbpp.csv", "glmmTMB", update(HERDS, . ~ . + (1 | obs)), binomial()),
  list("contraception", "data/Contraception.csv", "glmmTMB", WOMEN, binomial()),
  list("contraception_agq", "data/Contraception.csv", "glmer", WOMEN, binomial(), 25),
  list("contraception_probit", "data/Contraception.csv", "glmmTMB", WOMEN, binomial("probit")),
  list("contraception_probit_agq", "data/Contraception.csv", "glmer", WOMEN, binomial("probit"), 25),
  list("contraception_urban_slope", "data/Contraception.csv", "glmmTMB",
    use ~ age + I(age^2) + urban + livch + (urban | district), binomial()),
  list("grouseticks", "data/grouseticks.csv", "glmmTMB",
    TICKS ~ YEAR + cHEIGHT + (1 | BROOD) + (1 | INDEX) + (1 | LOCATION), poisson()),
  list("verbagg", "data/VerbAgg.csv.gz", "glmmTMB", ANSWERS, binomial()),
  list("voting", "../../examples/voting/voters.csv.gz", "glmmTMB", update(VOTERS, . ~ . + (1 | district) + (1 | election)), binomial()),
  list("voting_pooled", "../../examples/voting/voters.csv.gz", "glm", VOTERS, binomial()),
  list("wine_judge", "data/wine.csv", "clmm", rating ~ temp + contact + (1 | judge), "logit", 1),
  list("wine_judge_agq", "data/wine.csv", "clmm", rating ~ temp + contact + (1 | judge), "logit", 15),
  list("wine_judge_bottle", "data/wine.csv", "clmm", rating ~ temp + contact + (1 | judge) + (1 | bottle), "logit", 1),
  list("wine_judge_probit", "data/wine.csv", "clmm", rating ~ temp * contact + (1 | judge), "probit", 1),
  list("orthodont_varident", "data/Orthodont.csv", "lme", NULL, NULL))

results <- list()
for (m in MODELS) {
  nodes <- if (length(m) > 5) m[[6]] else NULL
  fit <- FITTERS[[m[[3]]]](m[[4]], read_data(m[[2]]), m[[5]], nodes)
  results[[m[[1]]]] <- c(list(data = m[[2]], by = m[[3]], nodes = nodes), fit)
}
packages <- sapply(c("glmmTMB", "lme4", "nlme", "ordinal"), function(p) as.character(packageVersion(p)))
made <- list(R = paste(R.version$major, R.version$minor, sep = "."), packages = as.list(packages), date = format(Sys.Date()))
write_json(list(made = made, fits = results), "generalised.json", auto_unbox = TRUE, digits = NA, pretty = TRUE, null = "null")
