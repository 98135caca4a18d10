"""Pictures of a fit, each with the frame that it is drawn from: ``fit.plot.caterpillar().save("modes.svg")``."""

from hdsl.results.plots.face import Plots
from hdsl.results.plots.picture import Picture

__all__ = ["Picture", "Plots"]
