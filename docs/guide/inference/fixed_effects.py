"""Degrees of freedom, hypotheses and contrasts of the schools' model."""

import hdsl

data = {"i": "examples/hsb/students.csv.gz", "school": "examples/hsb/schools.csv"}
fit = hdsl.read("examples/hsb/model.hm").fit(data, method="reml")

print(fit.inference().round(3), end="\n\n")
print(fit.inference("kenward-roger").round(3), end="\n\n")
print(fit.test(["g11 = 0", "g12 = 0"]), end="\n\n")
print(fit.test("g02 = 2*g01"), end="\n\n")
print(fit.contrast({"slope, public": "g10", "slope, Catholic": "g10 + g12"}).round(3), end="\n\n")
print(fit.anova().round(4), end="\n\n")
print(fit.robust("school"))
