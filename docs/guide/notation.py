"""The level equations of the high-school data, with the estimates in them."""

import hdsl

model = hdsl.read("examples/hsb/model.hm")
fit = model.fit({"i": "examples/hsb/students.csv.gz", "school": "examples/hsb/schools.csv"}, "reml")
print(fit.equations_latex(notation="raudenbush-bryk"))
