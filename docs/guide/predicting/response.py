"""Means of counts: at an effect of zero, and over all offices."""

import hdsl

model = hdsl.read("docs/guide/predicting/response.hm")
calls = model.simulate(
    {"b0": 0.5, "b1": 0.3, "sd_office": 0.8}, {"office": 60, "i": 8}, {"staff": ("choice", [1, 2, 3])}, seed=1
)
print(calls.head(3).to_string(index=False), end="\n\n")

fit = model.fit(calls)
new = {"staff": [1, 2, 3]}
print(fit.predictions(new, include=None).round(2), end="\n\n")
print(fit.predictions(new, include=None, marginal=True).round(2), end="\n\n")
print(fit.predictions(new, include=None, scale="link").round(2))
print()
print(fit.predictions(new, include=None, marginal=True, interval="prediction").round(2))
