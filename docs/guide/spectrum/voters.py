"""The spectrum of a logistic model, by election: districts stay as they are."""

import hdsl

fit = hdsl.read("examples/voting/model.hm").fit("examples/voting/voters.csv.gz")
spectrum = fit.spectrum("k")

print(spectrum.measures.round(1))
print(spectrum.shrinkage.drop(columns="own_se").head(4).round(3))
print(spectrum.notes[0])
