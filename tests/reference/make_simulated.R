# Simulates one data set with an outcome for each distribution (data/simulated.csv.gz) and fits it with R's packages:
# simulated.json, which test_simulated.py compares with. Run in this folder:
# OPENBLAS_NUM_THREADS=1 Rscript make_simulated.R
suppressMessages({
  library(jsonlite)
  library(glmmTMB)
  library(ordinal)
  library(survival)
})

set.seed(20240511)
n_g <- 40
d <- expand.grid(k = 1:4, s = 1:3, g = 1:n_g)
n <- nrow(d)
d$h <- sample(1:15, n, TRUE)
d$x <- round(rnorm(n), 2)
d$z <- round(rnorm(n_g), 2)[d$g]
d$hours <- round(runif(n, 1, 8), 1)
d$trials <- sample(2:12, n, TRUE)
slopes <- cbind(rnorm(n_g), rnorm(n_g)) %*% chol(matrix(c(0.36, 0.12, 0.12, 0.16), 2))
u <- slopes[d$g, 1]
v <- slopes[d$g, 2]
u_s <- 0.4 * rnorm(3 * n_g)[interaction(d$s, d$g)]
u_h <- 0.5 * rnorm(15)[d$h]
eta <- 0.3 + (0.5 + v) * d$x + u
zeros <- runif(n) < plogis(-1.2 + 0.6 * d$x + 0.7 * rnorm(n_g)[d$g])
positive <- function(draw, mean) {
  y <- draw(mean)
  while (any(y == 0)) y[y == 0] <- draw(mean)[y == 0]
  y
}

d$bin <- rbinom(n, d$trials, pnorm(0.6 * eta))
d$yes <- rbinom(n, 1, 1 - exp(-exp(-0.4 + 0.5 * d$x + u + u_h)))
d$pois <- rpois(n, d$hours * exp(-0.5 + 0.3 * d$x + 0.4 * d$z + u + u_s))
d$root <- rpois(n, (2.5 + 0.3 * d$x + 0.5 * u)^2)
d$nb <- rnbinom(n, mu = exp(0.8 + eta), size = exp(0.7 + 0.4 * d$z))
d$gam <- signif(rgamma(n, 3, 3 / exp(eta)), 4)
d$share <- round(pmin(pmax(rbeta(n, 6 * plogis(eta), 6 * plogis(-eta)), 1e-3), 1 - 1e-3), 4)
d$zip <- ifelse(zeros, 0, rpois(n, exp(1 + 0.4 * d$x + u)))
d$zinb <- ifelse(zeros, 0, rnbinom(n, mu = exp(1.2 + 0.4 * d$x + u), size = 2))
d$hurdle <- ifelse(zeros, 0, positive(function(m) rnbinom(n, mu = m, size = 2), exp(1.2 + 0.4 * d$x + u)))
d$cost <- ifelse(zeros, 0, d$gam)
d$t <- round(1 + 0.5 * d$x + u + 0.8 * rt(n, 4), 3)
d$logn <- signif(exp(eta + 0.7 * rnorm(n)), 5)
d$norm <- round(eta + exp(-0.3 + 0.4 * d$x) * rnorm(n), 3)
d$rating <- cut(eta + 0.8 * rlogis(n), c(-Inf, -1, 0, 1, Inf), labels = FALSE)
time <- exp(1 + 0.4 * d$x - 0.3 * d$z) * rweibull(n, 1.6)
d$limit <- round(runif(n, 1, 9), 2)
d$time <- pmin(signif(time, 4), d$limit)
d$event <- as.integer(d$time < d$limit)
d$low <- round(pmax(d$norm, -0.5), 3)
d$plain_gam <- signif(rgamma(n, 2.5, 2.5 / exp(0.4 + 0.3 * d$x)), 4)
nu <- rnorm(n)^2
mu <- exp(0.4 + 0.3 * d$x)
root <- mu + mu^2 * nu / 6 - mu / 6 * sqrt(12 * mu * nu + mu^2 * nu^2)
d$plain_ig <- signif(ifelse(runif(n) <= mu / (mu + root), root, mu^2 / root), 4)
d$plain_pois <- rpois(n, exp(0.8 + 0.5 * d$x))
d$plain_nb <- rnbinom(n, mu = exp(0.8 + 0.5 * d$x), size = 1.5)
d$plain_bin <- rbinom(n, d$trials, plogis(-0.6 + 0.4 * d$x))
d$k <- NULL
f <- gzfile("data/simulated.csv.gz", "w")
write.csv(d, f, row.names = FALSE)
close(f)
d <- read.csv("data/simulated.csv.gz")
d$g <- factor(d$g); d$h <- factor(d$h); d$s <- factor(d$s)
d$rating <- factor(d$rating, ordered = TRUE)

named <- function(est, se, part) {
  names(est) <- paste0(part, names(est))
  lapply(setNames(seq_along(est), names(est)), function(k) list(est = est[[k]], se = se[[k]]))
}

spreads <- function(v, part) {
  out <- list()
  for (g in names(v)) {
    s <- attr(v[[g]], "stddev")
    for (k in names(s)) out[[paste0(part, g, " ", k)]] <- s[[k]]
    r <- attr(v[[g]], "correlation")
    if (NROW(r) > 1) out[[paste0(part, g, " correlation")]] <- r[1, 2]
  }
  out
}

tmb <- function(formula, family, zi = ~0, disp = ~1, data = d, ...) {
  tight <- glmmTMBControl(optCtrl = list(iter.max = 2000, eval.max = 4000, rel.tol = 1e-14, x.tol = 1e-12))
  # nlminb calls an optimum at such a tolerance "singular convergence"
  m <- suppressWarnings(glmmTMB(formula, data, family = family, ziformula = zi, dispformula = disp, control = tight, ...))
  errors <- summary(m$sdr, "fixed")
  fixed <- spread <- list()
  for (part in c("cond", "zi", "disp")) {
    label <- paste0(part, ": ")
    est <- fixef(m)[[part]]
    rows <- errors[rownames(errors) == c(cond = "beta", zi = "betazi", disp = "betad")[[part]], 2]
    if (length(rows)) fixed <- c(fixed, named(est, rows, label))
    if (part != "disp") spread <- c(spread, spreads(VarCorr(m)[[part]], label))
  }
  if (family$family == "t") spread[["df"]] <- family_params(m)[[1]]
  list(logLik = as.numeric(logLik(m)), fixef = fixed, spread = spread)
}

clm <- function(formula, link, nodes = 1) {
  m <- clmm(formula, data = d, link = link, nAGQ = nodes, Hess = TRUE, control = clmm.control(gradTol = 1e-8, maxIter = 500))
  list(logLik = as.numeric(logLik(m)), fixef = named(coef(m), sqrt(diag(vcov(m)))[seq_along(coef(m))], ""), spread = spreads(VarCorr(m), ""))
}

# glm's standard errors are from expected information: only its estimates are kept
plain <- function(formula, family) {
  m <- glm(formula, family, d, control = glm.control(epsilon = 1e-15, maxit = 200))
  list(logLik = as.numeric(logLik(m)), fixef = named(coef(m), rep(NA, length(coef(m))), ""), spread = list())
}

survival <- function(formula, dist) {
  m <- survreg(formula, d, dist = dist, control = survreg.control(rel.tolerance = 1e-14, maxiter = 200))
  p <- length(coef(m))
  list(logLik = m$loglik[2], fixef = named(coef(m), sqrt(diag(vcov(m)))[1:p], ""), spread = list(scale = m$scale))
}

FITS <- list(
  binomial_probit_slope = function() tmb(cbind(bin, trials - bin) ~ x + (x | g), binomial("probit")),
  bernoulli_cloglog_crossed = function() tmb(yes ~ x + (1 | g) + (1 | h), binomial("cloglog")),
  binomial_logit_uncorrelated = function() tmb(cbind(bin, trials - bin) ~ x * z + (1 | g) + (0 + x | g), binomial()),
  poisson_offset_nested = function() tmb(pois ~ x + z + offset(log(hours)) + (1 | g / s), poisson()),
  poisson_sqrt = function() tmb(root ~ x + (1 | g), poisson("sqrt")),
  negative_binomial_slope = function() tmb(nb ~ x + (x | g), nbinom2()),
  negative_binomial_size = function() tmb(nb ~ x + (1 | g), nbinom2(), disp = ~z),
  gamma_log_slope = function() tmb(gam ~ x + (x | g), Gamma("log")),
  gamma_log_shape = function() tmb(gam ~ x + (1 | g) + (1 | h), Gamma("log"), disp = ~x),
  gamma_inverse = function() tmb(plain_gam ~ z + (1 | h), Gamma("inverse"), start = list(beta = c(1, 0))),
  beta_logit = function() tmb(share ~ x + (1 | g), beta_family()),
  beta_precision = function() tmb(share ~ x + (x | g), beta_family(), disp = ~z),
  student_t = function() tmb(t ~ x + (1 | g), t_family()),
  normal_sd = function() tmb(norm ~ x + (1 | g), gaussian(), disp = ~x),
  zero_inflated_poisson = function() tmb(zip ~ x + (1 | g), poisson(), zi = ~1),
  zero_inflated_poisson_random = function() tmb(zip ~ x + (1 | g), poisson(), zi = ~ x + (1 | g)),
  zero_inflated_negative_binomial = function() tmb(zinb ~ x + (1 | g), nbinom2(), zi = ~x),
  hurdle_negative_binomial = function() tmb(hurdle ~ x + (1 | g), truncated_nbinom2(), zi = ~ x + (1 | g)),
  hurdle_poisson = function() tmb(zip ~ x + (1 | g), truncated_poisson(), zi = ~x),
  hurdle_gamma = function() tmb(cost ~ x + (1 | g), ziGamma("log"), zi = ~x),
  ordered_logit_slope = function() clm(rating ~ x + (x | g), "logit"),
  ordered_probit_crossed = function() clm(rating ~ x + z + (1 | g) + (1 | h), "probit"),
  ordered_logit_agq = function() clm(rating ~ x + (1 | g), "logit", 11),
  weibull_censored = function() survival(Surv(time, event) ~ x + z, "weibull"),
  exponential_censored = function() survival(Surv(time, event) ~ x + z, "exponential"),
  lognormal_censored = function() survival(Surv(time, event) ~ x + z, "lognormal"),
  normal_censored = function() survival(Surv(low, low > -0.5, type = "left") ~ x + z, "gaussian"),
  lognormal_slope = function() {
    m <- tmb(log(logn) ~ x + (x | g), gaussian())
    m$logLik <- m$logLik - sum(log(d$logn))
    m
  },
  truncated_poisson = function() tmb(zip ~ x + (1 | g), truncated_poisson(), data = subset(d, zip > 0)),
  truncated_negative_binomial = function() tmb(hurdle ~ x + (1 | g), truncated_nbinom2(), data = subset(d, hurdle > 0)),
  plain_logit = function() tmb(cbind(plain_bin, trials - plain_bin) ~ x, binomial()),
  plain_probit = function() tmb(cbind(plain_bin, trials - plain_bin) ~ x, binomial("probit")),
  plain_cloglog = function() tmb(cbind(plain_bin, trials - plain_bin) ~ x, binomial("cloglog")),
  plain_poisson = function() tmb(plain_pois ~ x, poisson()),
  plain_poisson_sqrt = function() tmb(plain_pois ~ z, poisson("sqrt"), start = list(beta = c(1.5, 0))),
  plain_poisson_identity = function() tmb(plain_pois ~ z, poisson("identity"), start = list(beta = c(2, 0))),
  plain_negative_binomial = function() tmb(plain_nb ~ x, nbinom2()),
  plain_gamma_log = function() tmb(plain_gam ~ x, Gamma("log")),
  plain_gamma_inverse = function() tmb(plain_gam ~ z, Gamma("inverse"), start = list(beta = c(1, 0))),
  plain_gamma_identity = function() tmb(plain_gam ~ z, Gamma("identity"), start = list(beta = c(1, 0))),
  plain_beta = function() tmb(share ~ x, beta_family()),
  plain_inverse_gaussian = function() plain(plain_ig ~ x, inverse.gaussian("log")),
  plain_inverse_gaussian_canonical = function() plain(plain_ig ~ z, inverse.gaussian()))

results <- list()
for (name in names(FITS)) {
  # clmm warns of a step that is halved
  results[[name]] <- suppressWarnings(FITS[[name]]())
}
packages <- sapply(c("glmmTMB", "ordinal", "survival"), function(p) as.character(packageVersion(p)))
made <- list(R = paste(R.version$major, R.version$minor, sep = "."), packages = as.list(packages), date = format(Sys.Date()))
write_json(list(made = made, fits = results), "simulated.json", auto_unbox = TRUE, digits = NA, pretty = TRUE, null = "null")
