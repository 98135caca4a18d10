"""The pictures of this page: `PICTURES` has the code of each, by the name of its file.

From the project's top: ``python docs/guide/plots/gallery.py docs/guide/plots`` draws them all.
"""

import sys
from pathlib import Path

import hdsl

EXAMPLES = Path("examples")


def fit(study, data, method=None):
    """Return the fit of an example."""
    return hdsl.read(EXAMPLES / study / "model.hm").fit(data, method)


sleep = fit("sleepstudy", EXAMPLES / "sleepstudy/sleepstudy.csv", method="reml")
voters = fit("voting", EXAMPLES / "voting/voters.csv.gz")
pupils = {"i": EXAMPLES / "hsb/students.csv.gz", "school": EXAMPLES / "hsb/schools.csv"}
schools = fit("hsb", pupils, method="reml")

PICTURES = {
    "lines": lambda: sleep.plot.lines("Days"),
    "effects": lambda: schools.plot.effects("cses", by=["meanses", "catholic"]),
    "levels-of-a-set": lambda: voters.plot.effects("Income", by="Female"),
    "proportions": lambda: voters.plot.proportions("Age", by="Female"),
    "ranked": lambda: voters.plot.ranked(bins=20),
    "caterpillar": sleep.plot.caterpillar,
    "shrinkage": sleep.plot.shrinkage,
    "shrinkage-of-many": lambda: voters.plot.shrinkage("j,k"),
    "modes_qq": sleep.plot.modes_qq,
    "profile": sleep.plot.profile,
    "residuals": sleep.plot.residuals,
    "levels": voters.plot.levels,
}

if len(sys.argv) > 1:
    for name, picture in PICTURES.items():
        picture().save(Path(sys.argv[1]) / f"{name}.svg")
print(len(PICTURES), "pictures")
