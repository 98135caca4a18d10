"""The parametric bootstrap of the sleep study."""

import hdsl

fit = hdsl.read("examples/sleepstudy/model.hm").fit("examples/sleepstudy/sleepstudy.csv", method="reml")

found = fit.bootstrap(300, seed=1)
print(found, end="\n\n")
print(found.conf_int(0.9, "basic").round(2))
