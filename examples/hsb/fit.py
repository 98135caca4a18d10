"""Fit the model to the students' table and the schools' table, each as it came."""

from pathlib import Path

import pandas as pd

import hdsl

here = Path(__file__).parent
model = hdsl.read(here / "model.hm")
students = pd.read_csv(here / "students.csv.gz")
schools = pd.read_csv(here / "schools.csv")

fit = model.fit({"i": students, "school": schools}, method="reml")
print(fit.summary())
