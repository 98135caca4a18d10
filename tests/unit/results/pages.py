"""Fits for the tests of the report, and its page read as a browser reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd

import hdsl
from hdsl.fit.newton import Tolerances
from hdsl.results import FittedModel

ROOT = Path(__file__).resolve().parents[3]
SLEEPSTUDY = ROOT / "examples" / "sleepstudy"

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}

SCHOOL = "<script>window.hdsl_canary = 1</script>\"'&amp;"
TOWN = "<img src=x onerror=window.hdsl_canary=1>"
LONG = "a name of a school that goes on and on without an end in sight " * 3 + "é\u202etxet"
UNBROKEN = "x" * 120
HOSTILE = """# </script><script>window.hdsl_canary = 1</script> <b>&amp;
index j = school
data y[i] = "y <b>\\"q\\"</b>"
index t = "t&<i>"
y[i] ~ normal(b0[j] + b1*x[i] + b_t[t], sd)
b0[j] ~ normal(b0, sd_school)
b_t[t] ~ flat()
"""


def plain() -> FittedModel:
    """Sleepstudy: nothing is wrong."""
    return hdsl.read(SLEEPSTUDY / "model.hm").fit(SLEEPSTUDY / "sleepstudy.csv", method="reml")


def hostile() -> FittedModel:
    """A boundary fit, names and labels of which look like markup, are long, or are not ASCII."""
    rng = np.random.default_rng(1)
    schools = np.array([SCHOOL, LONG, UNBROKEN, "école", "<!--", "]]>"])
    data = pd.DataFrame({"school": schools[np.repeat(np.arange(6), 10)], "x": rng.normal(size=60)})
    data['y <b>"q"</b>'] = 1.0 + data["x"] + rng.normal(size=60)
    data["t&<i>"] = rng.choice([TOWN, "b", "c"], 60)
    data.loc[3, "x"] = np.nan
    return hdsl.Model(HOSTILE, name="</title><script>window.hdsl_canary = 1<.hm").fit(data, method="reml")


def separated() -> FittedModel:
    """A binary outcome that the covariate tells exactly."""
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"g": np.repeat(np.arange(10), 8), "x": rng.normal(size=80)})
    data["y"] = (data["x"] > 0).astype(int)
    text = "y[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0[g] + b1*x[i]\nb0[g] ~ normal(b0, sd_g)\n"
    return hdsl.Model(text).fit(data)


def unfinished() -> FittedModel:
    """A search that was stopped."""
    with patch("hdsl.fit.gaussian.Tolerances", lambda: Tolerances(max_evaluations=1)):
        return hdsl.read(SLEEPSTUDY / "model.hm").fit(SLEEPSTUDY / "sleepstudy.csv")


def ordinal() -> FittedModel:
    """Three ordered categories."""
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(30), 12)
    data = pd.DataFrame({"g": group, "x": rng.normal(size=360)})
    latent = data["x"] + rng.normal(size=30)[group] + rng.logistic(size=360)
    names = ["low", "mid", "high"]
    data["y"] = pd.Categorical(np.array(names)[np.digitize(latent, [-1.0, 1.0])], categories=names, ordered=True)
    text = "y[i] ~ ordered_logit(eta[i], cut)\neta[i] = b1*x[i] + u[g]\nu[g] ~ normal(0, sd_g)\n"
    return hdsl.Model(text).fit(data)


def without_groups() -> FittedModel:
    """A regression: no random effect, no covariate."""
    data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 5.5]})
    return hdsl.Model("y[i] ~ normal(b0, sd)\n").fit(data)


FITS = {
    "plain": plain,
    "hostile": hostile,
    "separated": separated,
    "unfinished": unfinished,
    "ordinal": ordinal,
    "without_groups": without_groups,
}


@dataclass
class Node:
    """An element of a page."""

    tag: str
    attributes: dict[str, str | None]
    parent: Node | None
    pieces: list[Node | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it."""
        return "".join(piece if isinstance(piece, str) else piece.text for piece in self.pieces)

    def all(self, *tags: str) -> list[Node]:
        """Return the elements in it, of some tags, in the order of the page."""
        found = []
        for piece in self.pieces:
            if isinstance(piece, Node):
                found += [piece] * (not tags or piece.tag in tags) + piece.all(*tags)
        return found

    def named(self, id: str) -> Node:
        """Return the element with an id."""
        (node,) = (node for node in self.all() if node.attributes.get("id") == id)
        return node

    def of_class(self, name: str) -> list[Node]:
        """Return the elements of a class."""
        return [node for node in self.all() if name in (node.attributes.get("class") or "").split()]


class _Builder(HTMLParser):
    """Builds the tree; refuses an end without its start."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Node("", {}, None)
        self.at = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs)), f"an attribute twice: {attrs}"
        node = Node(tag, dict(attrs), self.at)
        self.at.pieces.append(node)
        if tag not in VOID:
            self.at = node

    def handle_endtag(self, tag: str) -> None:
        assert self.at.tag == tag, f"</{tag}> ends <{self.at.tag}>"
        assert self.at.parent is not None
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.pieces.append(data)


def read_page(text: str) -> Node:
    """Return the tree of a page; every element that is begun ends."""
    builder = _Builder()
    builder.feed(text)
    builder.close()
    assert builder.at is builder.root, f"<{builder.at.tag}> does not end"
    return builder.root
