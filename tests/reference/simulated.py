"""The models of `make_simulated.R`, level by level, by hand; coefficients are called so that R's names lead to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["STUDIES", "Study"]


@dataclass(frozen=True, kw_only=True)
class Study:
    """A model, which rows it is of, how it is fitted, and R's names of standard deviations and correlations."""

    text: str
    spread: Mapping[str, str] = field(default_factory=dict)
    where: str | None = None
    nodes: int | None = None


BY_GROUP = {"cond: g (Intercept)": "sd_g"}
CROSSED = {"cond: g (Intercept)": "sd_g", "cond: h (Intercept)": "sd_h"}
SLOPE = {
    "cond: g (Intercept)": "sd(b0[g])",
    "cond: g x": "sd(b_x[g])",
    "cond: g correlation": "cor(b0[g], b_x[g])",
}
INTERCEPT = "b0[g] ~ normal(b0, sd_g)"
CORRELATED = "(b0[g], b_x[g]) ~ mvnormal((b0, b_x), Omega)"


def study(
    *lines: str, spread: Mapping[str, str] | None = None, where: str | None = None, nodes: int | None = None
) -> Study:
    return Study(text="\n".join(lines), spread=spread or {}, where=where, nodes=nodes)


STUDIES = {
    "binomial_probit_slope": study(
        "bin[i] ~ binomial(trials[i], p[i])", "probit(p[i]) = b0[g] + b_x[g]*x[i]", CORRELATED, spread=SLOPE
    ),
    "bernoulli_cloglog_crossed": study(
        "yes[i] ~ bernoulli(p[i])",
        "cloglog(p[i]) = b0 + b_x*x[i] + u[g] + w[h]",
        "u[g] ~ normal(0, sd_g)",
        "w[h] ~ normal(0, sd_h)",
        spread=CROSSED,
    ),
    "binomial_logit_uncorrelated": study(
        "bin[i] ~ binomial(trials[i], p[i])",
        "logit(p[i]) = b0[g] + b_x[g]*x[i]",
        "b0[g] ~ normal(b0 + b_z*z[g], sd_0)",
        "b_x[g] ~ normal(b_x + b_xz*z[g], sd_x)",
        spread={"cond: g (Intercept)": "sd_0", "cond: g.1 x": "sd_x"},
    ),
    "poisson_offset_nested": study(
        "pois[i] ~ poisson(hours[i]*rate[i])",
        "log(rate[i]) = b0[s,g] + b_x*x[i]",
        "b0[s,g] ~ normal(b0[g], sd_s)",
        "b0[g] ~ normal(b0 + b_z*z[g], sd_g)",
        spread={"cond: s:g (Intercept)": "sd_s", "cond: g (Intercept)": "sd_g"},
    ),
    "poisson_sqrt": study("root[i] ~ poisson(mu[i])", "sqrt(mu[i]) = b0[g] + b_x*x[i]", INTERCEPT, spread=BY_GROUP),
    "negative_binomial_slope": study(
        "nb[i] ~ negative_binomial(mu[i], size)", "log(mu[i]) = b0[g] + b_x[g]*x[i]", CORRELATED, spread=SLOPE
    ),
    "negative_binomial_size": study(
        "nb[i] ~ negative_binomial(mu[i], size[i])",
        "log(mu[i]) = b0[g] + b_x*x[i]",
        "log(size[i]) = d0 + d_z*z[i]",
        INTERCEPT,
        spread=BY_GROUP,
    ),
    "gamma_log_slope": study(
        "gam[i] ~ gamma(mu[i], shape)", "log(mu[i]) = b0[g] + b_x[g]*x[i]", CORRELATED, spread=SLOPE
    ),
    "gamma_log_shape": study(
        "gam[i] ~ gamma(mu[i], shape[i])",
        "log(mu[i]) = b0 + b_x*x[i] + u[g] + w[h]",
        "log(shape[i]) = d0 + d_x*x[i]",
        "u[g] ~ normal(0, sd_g)",
        "w[h] ~ normal(0, sd_h)",
        spread=CROSSED,
    ),
    "gamma_inverse": study(
        "plain_gam[i] ~ gamma(1/(b0[h] + b_z*z[i]), shape)",
        "b0[h] ~ normal(b0, sd_h)",
        spread={"cond: h (Intercept)": "sd_h"},
    ),
    "beta_logit": study(
        "share[i] ~ beta(mu[i], precision)", "logit(mu[i]) = b0[g] + b_x*x[i]", INTERCEPT, spread=BY_GROUP
    ),
    "beta_precision": study(
        "share[i] ~ beta(mu[i], precision[i])",
        "logit(mu[i]) = b0[g] + b_x[g]*x[i]",
        "log(precision[i]) = d0 + d_z*z[i]",
        CORRELATED,
        spread=SLOPE,
    ),
    "student_t": study("t[i] ~ student_t(df, b0[g] + b_x*x[i], scale)", INTERCEPT, spread=BY_GROUP | {"df": "df"}),
    "normal_sd": study(
        "norm[i] ~ normal(b0[g] + b_x*x[i], sd[i])", "log(sd[i]) = d0 + d_x*x[i]", INTERCEPT, spread=BY_GROUP
    ),
    "lognormal_slope": study("logn[i] ~ lognormal(b0[g] + b_x[g]*x[i], exp(d0))", CORRELATED, spread=SLOPE),
    "zero_inflated_poisson": study(
        "zip[i] ~ zero_inflated(poisson(mu[i]), invlogit(q0))",
        "log(mu[i]) = b0[g] + b_x*x[i]",
        INTERCEPT,
        spread=BY_GROUP,
    ),
    "zero_inflated_poisson_random": study(
        "zip[i] ~ zero_inflated(poisson(mu[i]), q[i])",
        "log(mu[i]) = b0[g] + b_x*x[i]",
        "logit(q[i]) = q0[g] + q_x*x[i]",
        INTERCEPT,
        "q0[g] ~ normal(q0, sd_q)",
        spread=BY_GROUP | {"zi: g (Intercept)": "sd_q"},
    ),
    "zero_inflated_negative_binomial": study(
        "zinb[i] ~ zero_inflated(negative_binomial(mu[i], size), q[i])",
        "log(mu[i]) = b0[g] + b_x*x[i]",
        "logit(q[i]) = q0 + q_x*x[i]",
        INTERCEPT,
        spread=BY_GROUP,
    ),
    "hurdle_negative_binomial": study(
        "hurdle[i] ~ hurdle(negative_binomial(mu[i], size), q[i])",
        "log(mu[i]) = b0[g] + b_x*x[i]",
        "logit(q[i]) = q0[g] + q_x*x[i]",
        INTERCEPT,
        "q0[g] ~ normal(q0, sd_q)",
        spread=BY_GROUP | {"zi: g (Intercept)": "sd_q"},
    ),
    "hurdle_poisson": study(
        "zip[i] ~ hurdle(poisson(mu[i]), q[i])",
        "log(mu[i]) = b0[g] + b_x*x[i]",
        "logit(q[i]) = q0 + q_x*x[i]",
        INTERCEPT,
        spread=BY_GROUP,
    ),
    "hurdle_gamma": study(
        "cost[i] ~ hurdle(gamma(mu[i], shape), q[i])",
        "log(mu[i]) = b0[g] + b_x*x[i]",
        "logit(q[i]) = q0 + q_x*x[i]",
        INTERCEPT,
        spread=BY_GROUP,
    ),
    "truncated_poisson": study(
        "zip[i] ~ truncated(poisson(mu[i]), lower=1)",
        "log(mu[i]) = b0[g] + b_x*x[i]",
        INTERCEPT,
        spread=BY_GROUP,
        where="zip > 0",
    ),
    "truncated_negative_binomial": study(
        "hurdle[i] ~ truncated(negative_binomial(mu[i], size), lower=1)",
        "log(mu[i]) = b0[g] + b_x*x[i]",
        INTERCEPT,
        spread=BY_GROUP,
        where="hurdle > 0",
    ),
    "ordered_logit_slope": study(
        "rating[i] ~ ordered_logit(b_x[g]*x[i] + u[g], cut)",
        "(u[g], b_x[g]) ~ mvnormal((0, b_x), Omega)",
        spread={"g (Intercept)": "sd(u[g])", "g x": "sd(b_x[g])", "g correlation": "cor(u[g], b_x[g])"},
    ),
    "ordered_probit_crossed": study(
        "rating[i] ~ ordered_probit(b_x*x[i] + b_z*z[i] + u[g] + w[h], cut)",
        "u[g] ~ normal(0, sd_g)",
        "w[h] ~ normal(0, sd_h)",
        spread={"g (Intercept)": "sd_g", "h (Intercept)": "sd_h"},
    ),
    "ordered_logit_agq": study(
        "rating[i] ~ ordered_logit(b_x*x[i] + u[g], cut)",
        "u[g] ~ normal(0, sd_g)",
        spread={"g (Intercept)": "sd_g"},
        nodes=11,
    ),
    "weibull_censored": study(
        "time[i] ~ censored(weibull(1/scale, mu[i]), upper=limit[i])",
        "log(mu[i]) = b0 + b_x*x[i] + b_z*z[i]",
        spread={"scale": "scale"},
    ),
    "exponential_censored": study(
        "time[i] ~ censored(exponential(mu[i]), upper=limit[i])", "log(mu[i]) = b0 + b_x*x[i] + b_z*z[i]"
    ),
    "lognormal_censored": study(
        "time[i] ~ censored(lognormal(b0 + b_x*x[i] + b_z*z[i], scale), upper=limit[i])", spread={"scale": "scale"}
    ),
    "normal_censored": study(
        "low[i] ~ censored(normal(b0 + b_x*x[i] + b_z*z[i], scale), lower=-0.5)", spread={"scale": "scale"}
    ),
    "plain_logit": study("plain_bin[i] ~ binomial(trials[i], p[i])", "logit(p[i]) = b0 + b_x*x[i]"),
    "plain_probit": study("plain_bin[i] ~ binomial(trials[i], p[i])", "probit(p[i]) = b0 + b_x*x[i]"),
    "plain_cloglog": study("plain_bin[i] ~ binomial(trials[i], p[i])", "cloglog(p[i]) = b0 + b_x*x[i]"),
    "plain_poisson": study("plain_pois[i] ~ poisson(exp(b0 + b_x*x[i]))"),
    "plain_poisson_sqrt": study("plain_pois[i] ~ poisson(mu[i])", "sqrt(mu[i]) = b0 + b_z*z[i]"),
    "plain_poisson_identity": study("plain_pois[i] ~ poisson(b0 + b_z*z[i])"),
    "plain_negative_binomial": study("plain_nb[i] ~ negative_binomial(mu[i], size)", "log(mu[i]) = b0 + b_x*x[i]"),
    "plain_gamma_log": study("plain_gam[i] ~ gamma(mu[i], shape)", "log(mu[i]) = b0 + b_x*x[i]"),
    "plain_gamma_inverse": study("plain_gam[i] ~ gamma(mu[i], shape)", "inverse(mu[i]) = b0 + b_z*z[i]"),
    "plain_gamma_identity": study("plain_gam[i] ~ gamma(b0 + b_z*z[i], shape)"),
    "plain_beta": study("share[i] ~ beta(mu[i], precision)", "logit(mu[i]) = b0 + b_x*x[i]"),
    "plain_inverse_gaussian": study("plain_ig[i] ~ inverse_gaussian(mu[i], shape)", "log(mu[i]) = b0 + b_x*x[i]"),
    "plain_inverse_gaussian_canonical": study("plain_ig[i] ~ inverse_gaussian(1/sqrt(b0 + b_z*z[i]), shape)"),
}
