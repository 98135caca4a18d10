import pandas as pd

import hdsl

data = pd.read_csv("examples/sleepstudy/sleepstudy.csv")
fit = hdsl.read("examples/sleepstudy/model.hm").fit(data, method="reml")

print(fit.conf_int(method="profile").round(3))
print(fit.profile("sd(b0[Subject])", level=0.95, n=2).round(3))
print(fit.icc().round(3))
print(fit.measures().round(3))
