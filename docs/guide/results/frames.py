import pandas as pd
from statsmodels.iolib.summary2 import summary_col

import hdsl

data = pd.read_csv("examples/pastes/pastes.csv")
model = hdsl.Model("""
strength[i] ~ normal(m[batch,cask], s)
m[batch,cask] ~ normal(v[batch], sd_cask)
v[batch] ~ normal(mu, sd_batch)
""")
ml, reml = model.fit(data), model.fit(data, method="reml")

print(ml.tidy()[["effect", "group", "term", "estimate", "std.error"]].round(3))
print(ml.glance().T)
print(ml.augment().head(3).round(2))
print(summary_col([ml, reml], model_names=["ML", "REML"], info_dict={"AIC": lambda fit: f"{fit.aic:.2f}"}))
