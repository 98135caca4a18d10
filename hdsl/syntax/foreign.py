"""Other languages' words for distributions and functions, and ours for them: data, no code."""

from __future__ import annotations

__all__ = ["DISTRIBUTION_NAMES", "FUNCTION_NAMES"]

DISTRIBUTION_NAMES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("dnorm", "rnorm", "norm", "gaussian", "gauss", "Gaussian", "N"),
        ("normal", "its second argument is the standard deviation, not the variance or the precision"),
    ),
    **dict.fromkeys(
        ("dmnorm", "multi_normal", "multinormal", "mvn", "MvNormal", "multi_normal_cholesky", "multi_normal_prec"),
        ("mvnormal", "its second argument is the covariance: a new name, or `diag(..)`"),
    ),
    **dict.fromkeys(("dt", "t", "student", "StudentT", "tdist"), ("student_t", "its arguments are df, mean, scale")),
    **dict.fromkeys(
        ("dbern", "bern", "bernoulli_logit", "bernoulli_probit"),
        ("bernoulli", "the link stands on its own line: `logit(p[i]) = ..`"),
    ),
    **dict.fromkeys(
        ("dbin", "dbinom", "binom", "binomial_logit"),
        ("binomial", "its arguments are the size and then the probability; a link stands on its own line"),
    ),
    **dict.fromkeys(
        ("dpois", "pois", "poisson_log"),
        ("poisson", "its argument is the mean; a link stands on its own line: `log(mu[i]) = ..`"),
    ),
    **dict.fromkeys(
        ("dnegbin", "neg_binomial", "neg_binomial_2", "neg_binomial_2_log", "nbinom", "negbin"),
        ("negative_binomial", "its arguments are the mean and the size"),
    ),
    **dict.fromkeys(
        ("dgamma", "Gamma"), ("gamma", "its arguments are mean and shape; or name them: `gamma(shape=.., rate=..)`")
    ),
    **dict.fromkeys(("dbeta", "beta_proportion", "Beta"), ("beta", "its arguments are the mean and the precision")),
    **dict.fromkeys(("dexp", "expon"), ("exponential", "its argument is the mean; or name it: `exponential(rate=..)`")),
    **dict.fromkeys(("dweib", "dweibull"), ("weibull", "its arguments are shape and scale")),
    **dict.fromkeys(("dlnorm", "lnorm", "log_normal"), ("lognormal", "its second argument is a standard deviation")),
    **dict.fromkeys(
        ("dcat", "multinomial", "categorical_logit", "multinom"),
        ("categorical", "its argument is a linear predictor for each category"),
    ),
    **dict.fromkeys(
        ("ordered_logistic", "ordinal", "cumulative", "ordered", "polr"),
        ("ordered_logit", "its arguments are the predictor and a new name for the thresholds"),
    ),
    **dict.fromkeys(
        ("dunif", "uniform", "unif", "dflat"),
        ("flat", "`flat()` is an unmodelled coefficient; bounds follow from where a parameter stands"),
    ),
    **dict.fromkeys(("dhalfnorm", "HalfNormal", "halfnormal"), ("half_normal", "its argument is the scale")),
    **dict.fromkeys(("dhalfcauchy", "HalfCauchy", "halfcauchy"), ("half_cauchy", "its argument is the scale")),
    **dict.fromkeys(
        ("inverse_normal", "wald", "invgauss", "inv_gaussian"), ("inverse_gaussian", "its arguments are mean and shape")
    ),
    **dict.fromkeys(("AR", "ar", "AR1", "ar_1"), ("ar1", "its arguments are sd, rho and `over = t`")),
    **dict.fromkeys(
        ("zip", "zinb", "zero_inflated_poisson", "zero_inflated_binomial", "zero_inflated_negbinomial"),
        ("zero_inflated", "it wraps a distribution: `zero_inflated(poisson(mu[i]), p)`"),
    ),
    **dict.fromkeys(
        ("hurdle_poisson", "hurdle_gamma", "hurdle_lognormal"),
        ("hurdle", "it wraps a distribution: `hurdle(poisson(mu[i]), p)`"),
    ),
    **dict.fromkeys(
        ("trunc", "truncate"), ("truncated", "it wraps a distribution: `truncated(normal(mu[i], sd), lower=0)`")
    ),
    **dict.fromkeys(
        ("cens", "censor"), ("censored", "it wraps a distribution: `censored(normal(mu[i], sd), upper=c[i])`")
    ),
}
"""Other languages' words for distributions: ours, and what to mind."""

FUNCTION_NAMES: dict[str, str] = {
    **dict.fromkeys(("ln", "log_e", "Log"), "write `log(..)`, the natural logarithm"),
    "log10": "write `log(x)/log(10)`",
    "log2": "write `log(x)/log(2)`",
    **dict.fromkeys(("expit", "inv_logit", "ilogit", "plogis", "sigmoid", "logistic"), "write `invlogit(..)`"),
    **dict.fromkeys(("pnorm", "phi", "normcdf", "inv_probit"), "write `Phi(..)`, the normal distribution function"),
    **dict.fromkeys(("qnorm", "inv_Phi"), "write `probit(..)`, the inverse of `Phi`"),
    **dict.fromkeys(("pow", "power"), "write `x^2`"),
    **dict.fromkeys(("square", "sqr"), "write `x^2`"),
    **dict.fromkeys(("avg", "average", "ave"), "write `mean(..)`"),
    **dict.fromkeys(("std", "stdev", "stddev", "SD"), "write `sd(..)`"),
    **dict.fromkeys(("var", "variance"), "write `sd(..)^2`"),
    **dict.fromkeys(("n", "len", "length", "size"), "write `count(..)`"),
    **dict.fromkeys(
        ("factor", "as_factor", "C"), "index a coefficient by the column: `b_town[town]`, with `b_town[town] ~ flat()`"
    ),
    **dict.fromkeys(
        ("scale", "center", "standardize", "demean"),
        "define the mean and subtract it: `m = mean(x[i])`, `x_c[i] = x[i] - m`",
    ),
    "offset": "add the term without a coefficient: `+ log(time[i])`",
    "I": "write the expression itself: `x[i]^2`",
    "poly": "write the powers: `b1*x[i] + b2*x[i]^2`",
    **dict.fromkeys(
        ("ifelse", "if_else", "where", "int_step"), "a comparison is 0 or 1: `a*(x[i] > 0) + b*(x[i] <= 0)`"
    ),
    **dict.fromkeys(("inner_prod", "dot_product", "inprod"), "write the sum of products: `b1*x1[i] + b2*x2[i]`"),
    **dict.fromkeys(
        ("s", "te", "gp", "spline"), "smooth terms are not part of the language; put the basis into the data"
    ),
    **dict.fromkeys(("lag", "shift", "diff"), "put the shifted values into the data as a column of their own"),
    **dict.fromkeys(("interaction", "cross"), "write a product: `x[i]*z[j]`; for two index columns, `b[a,c]`"),
}
"""Other languages' words for functions, and what to write instead."""
