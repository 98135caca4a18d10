"""Predictions of reaction times: a subject of the study, a new one, and any one."""

import pandas as pd

import hdsl

fit = hdsl.read("examples/sleepstudy/model.hm").fit("examples/sleepstudy/sleepstudy.csv", method="reml")
new = pd.DataFrame({"Subject": ["308", "308", "new"], "Days": [0, 12, 12]})

found = fit.predictions(new)
print(found.round(1))
print(found.attrs["about"], end="\n\n")

anyone = new[["Days"]].drop_duplicates()
print(fit.predictions(anyone, include=None).round(1), end="\n\n")

one_more = fit.predictions(anyone, include=None, marginal=True, interval="prediction")
print(one_more.round(1))
print(one_more.attrs["about"])
