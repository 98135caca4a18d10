"""The pooled logit and the model with random intercepts, side by side."""

from pathlib import Path

import pandas as pd

import hdsl

here = Path(__file__).parent
voters = pd.read_csv(here / "voters.csv.gz")
model = hdsl.read(here / "model.hm")
fits = {"pooled": model.pooled().fit(voters), "levels": model.fit(voters)}

columns = {
    (name, what): values
    for name, fit in fits.items()
    for what, values in (("estimate", fit.fixef), ("se", fit.bse), ("z", fit.tvalues))
}
table = pd.DataFrame(columns).loc[fits["pooled"].fixef.index]
print(table.to_string(float_format="{:.3f}".format))
print()
for name, fit in fits.items():
    print(f"{name:8}log-likelihood {fit.loglik:.2f}  AIC {fit.aic:.2f}  BIC {fit.bic:.2f}", end="  ")
    print(f"told right: {fit.percent_correct():.1f} %")
print(f"{'fall':8}AIC {fits['pooled'].aic - fits['levels'].aic:.2f}  BIC {fits['pooled'].bic - fits['levels'].bic:.2f}")
