"""The lines of the subjects, and how far each is drawn to the mean."""

from pathlib import Path

import hdsl

here = Path(__file__).parent
fit = hdsl.read(here / "model.hm").fit(here / "sleepstudy.csv", method="reml")

fit.plot.lines("Days").save(here / "lines.svg")
spectrum = fit.spectrum()
spectrum.plot().save(here / "shrinkage.svg")
print(spectrum)
