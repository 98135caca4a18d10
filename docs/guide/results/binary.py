import numpy as np
import pandas as pd

import hdsl

rng = np.random.default_rng(1)
school = np.repeat(np.arange(30), 20)
hours = rng.uniform(0, 10, 600).round(1)
chance = 1 / (1 + np.exp(-(-2 + 0.5 * hours + rng.normal(0, 1, 30)[school])))
data = pd.DataFrame({"school": school, "hours": hours, "passed": rng.binomial(1, chance)})

fit = hdsl.Model("""
passed[i] ~ bernoulli(p[i])
logit(p[i]) = b0[school] + b1*hours[i]
b0[school] ~ normal(b0, sd_school)
""").fit(data)

print(fit.conf_int(method="profile").round(3))
print(fit.measures().round(3))
print(fit.calibration(bins=4).round(3))
print(fit.probabilities().head(3).round(3))
print(fit.residuals_of("deviance").head(3).round(3))
