"""Laplace's approximation and quadrature, and two likelihoods without a highest point."""

import numpy as np
import pandas as pd

import hdsl

rng = np.random.default_rng(5)
clinic = np.repeat(np.arange(60), 5)
dose = rng.normal(size=300).round(2)
eta = -1 + 0.8 * dose + 1.5 * rng.normal(size=60)[clinic]
data = pd.DataFrame({"clinic": clinic, "dose": dose, "cured": rng.binomial(1, 1 / (1 + np.exp(-eta)))})
model = hdsl.Model("""
cured[i] ~ bernoulli(p[i])
logit(p[i]) = b0[clinic] + b1*dose[i]
b0[clinic] ~ normal(b0, sd_clinic)
""")

print("nodes   -2 log L      b1  sd_clinic")
for nodes in (1, 3, 7, 15, 25):
    fit = model.fit(data, method="agq", nodes=nodes)
    print(f"{nodes:5} {-2 * fit.loglik:10.4f} {fit.params['b1']:7.4f} {fit.params['sd_clinic']:10.4f}")
fit = model.fit(data)
print(f"{'laplace':7} {-2 * fit.loglik:8.4f} {fit.params['b1']:7.4f} {fit.params['sd_clinic']:10.4f}", end="\n\n")

data["high"] = (data["dose"] > 1.8).astype(int)
data["all_cured"] = data["cured"].where(data["high"] == 0, 1)
separated = hdsl.Model("""
all_cured[i] ~ bernoulli(p[i])
logit(p[i]) = b0[clinic] + b1*dose[i] + b2*high[i]
b0[clinic] ~ normal(b0, sd_clinic)
""").fit(data)
print(separated.status)
print(separated.diagnostics[0], end="\n\n")

data["visits"] = rng.binomial(6, 0.5, size=300)
even = hdsl.Model("""
visits[i] ~ negative_binomial(mu[i], size)
log(mu[i]) = b0[clinic] + b1*dose[i]
b0[clinic] ~ normal(b0, sd_clinic)
""").fit(data)
print(even.status)
for diagnostic in even.diagnostics:
    print(diagnostic)
