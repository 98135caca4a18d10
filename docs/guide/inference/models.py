"""Likelihood-ratio tests: of a variance, by a bootstrap, and one that is not valid."""

import hdsl

data = "examples/sleepstudy/sleepstudy.csv"
slopes = hdsl.read("examples/sleepstudy/model.hm")
intercepts = hdsl.read("docs/guide/intercepts.hm")

fits = [model.fit(data, method="reml") for model in (intercepts, slopes)]
print(hdsl.compare(*fits), end="\n\n")
print(hdsl.compare(*fits, bootstrap=200, seed=1), end="\n\n")

schools = hdsl.read("examples/hsb/model.hm")
students = {"i": "examples/hsb/students.csv.gz", "school": "examples/hsb/schools.csv"}
try:
    hdsl.compare(*(model.fit(students, method="reml") for model in (schools.drop("g12"), schools)))
except hdsl.FitError as refusal:
    print(refusal)
