"""The pictures of this page: `PICTURES` has the code of each, by the name of its file."""

from pathlib import Path

import hdsl

here = Path(__file__).parent
examples = here.parents[2] / "examples"


def fit(study, *data, method=None):
    """Return the fit of an example; of several tables each is given with its index."""
    folder = examples / study
    tables = {index: folder / name for index, name in data} if len(data) > 1 else folder / data[0]
    return hdsl.read(folder / "model.hm").fit(tables, method)


sleep = fit("sleepstudy", "sleepstudy.csv", method="reml")
voters = fit("voting", "voters.csv.gz")
schools = fit("hsb", ("i", "students.csv.gz"), ("school", "schools.csv"), method="reml")

PICTURES = {
    "lines": lambda: sleep.plot.lines("Days"),
    "effects": lambda: schools.plot.effects("cses", by=["meanses", "catholic"]),
    "levels-of-a-set": lambda: voters.plot.effects("Income", by="Female"),
    "proportions": lambda: voters.plot.proportions("Age", by="Female"),
    "ranked": lambda: voters.plot.ranked(bins=20),
    "caterpillar": lambda: sleep.plot.caterpillar(),
    "shrinkage": lambda: sleep.plot.shrinkage(),
    "shrinkage-of-many": lambda: voters.plot.shrinkage("j,k"),
    "modes_qq": lambda: sleep.plot.modes_qq(),
    "profile": lambda: sleep.plot.profile(),
    "residuals": lambda: sleep.plot.residuals(),
    "levels": lambda: voters.plot.levels(),
}

if __name__ == "__main__":
    for name, picture in PICTURES.items():
        picture().save(here / f"{name}.svg")
    print(sleep.plot.catalogue()[["shows", "available"]].to_string())
