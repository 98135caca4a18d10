"""Counts with too many zeros, ratings, a spread that differs, a curve: one mechanism."""

import numpy as np
import pandas as pd

import hdsl

rng = np.random.default_rng(11)
n, n_sites = 600, 40
site = rng.integers(n_sites, size=n)
x = rng.normal(size=n).round(2)
u = rng.normal(0, 0.6, n_sites)[site]
data = pd.DataFrame({"site": site, "x": x})
mean = np.exp(0.8 + 0.5 * x + u)
data["count"] = np.where(rng.uniform(size=n) < 0.25, 0, rng.negative_binomial(3, 3 / (3 + mean)))
data["rating"] = np.digitize(0.9 * x + u + rng.logistic(size=n), [-1, 0.5, 2]) + 1
data["weight"] = 10 + 2 * x + 2 * u + rng.normal(size=n) * np.exp(0.1 + 0.4 * x)
data["age"] = rng.uniform(1, 20, n).round(1)
data["height"] = (50 + 10 * u) / (1 + np.exp((8 - data["age"]) / 3)) + rng.normal(size=n)

MODELS = {
    "counts": """
        count[i] ~ zero_inflated(negative_binomial(mu[i], size), zero)
        log(mu[i]) = b0[site] + b1*x[i]
        b0[site] ~ normal(b0, sd_site)""",
    "ratings": """
        rating[i] ~ ordered_logit(eta[i], cut)
        eta[i] = b1*x[i] + u[site]
        u[site] ~ normal(0, sd_site)""",
    "spread": """
        weight[i] ~ normal(b0[site] + b1*x[i], sd[i])
        log(sd[i]) = s0 + s1*x[i]
        b0[site] ~ normal(b0, sd_site)""",
    "curve": """
        height[i] ~ normal(A[site]/(1 + exp((half - age[i])/scale)), sd)
        A[site] ~ normal(A, sd_A)""",
}
for name, text in MODELS.items():
    fit = hdsl.Model(text).fit(data)
    values = "  ".join(f"{label} {value:.3f}" for label, value in fit.params.items())
    print(f"{name} ({fit.method}, {fit.status}): {values}")
