"""What differs between two models, as a record that prints.

Invariants: `a` and `b` are treated alike, so that the difference of (b, a) is that of (a, b) with the sides swapped;
the text keeps to 80 columns.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Literal, TypeAlias

__all__ = ["Change", "LikelihoodRatio", "ModelDifference", "Relation", "Rows", "ordered"]

Relation: TypeAlias = Literal["same", "a in b", "b in a", "not nested", "not decided"]

_WIDTH = 80
_TITLES = {
    "outcome": "outcome",
    "link": "link",
    "fixed": "fixed part",
    "level": "level",
    "offset": "offset",
    "random": "random part",
    "covariance": "covariance",
    "statement": "statements",
}
_SWAPPED: dict[Relation, Relation] = {"a in b": "b in a", "b in a": "a in b"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference.

    Attributes
    ----------
    kind : str
        ``"outcome" "link" "fixed" "level" "offset" "random" "covariance" "statement"``, or ``"reason"``.
    a, b : str or None
        What stands in each model; None where it has nothing of the kind. A reason that is no side's has the same twice.
    """

    kind: str
    a: str | None
    b: str | None

    def swapped(self) -> Change:
        """Return the difference with the two models in the other order."""
        return Change(kind=self.kind, a=self.b, b=self.a)

    @property
    def sentence(self) -> str:
        """The difference as a reason."""
        if self.a is None or self.b is None:
            return f"{self.a or self.b} is in {'b' if self.a is None else 'a'} alone"
        return self.a if self.a == self.b else f"{self.a} in a, {self.b} in b"


def ordered(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return differences in the order in which they print: by kind, those of a alone, of b alone, of both."""
    kinds = [*_TITLES, "reason"]

    def place(change: Change) -> tuple[int, bool, list[str]]:
        both = sorted((change.a, change.b)) if change.a is not None and change.b is not None else []
        return kinds.index(change.kind), change.a is None, both

    return tuple(sorted(dict.fromkeys(changes), key=place))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of the data that each model uses.

    Attributes
    ----------
    a, b : int
        Their numbers.
    same : bool
        Whether they are the same rows, with the same outcome.
    missing : tuple of str
        Columns with missing values that one model reads and the other does not.
    """

    a: int
    b: int
    same: bool
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelihoodRatio:
    """Whether twice the difference of the log-likelihoods is a test, and what to compare it with.

    Attributes
    ----------
    ml, reml : bool
        Whether the test is valid between fits by that criterion.
    why_not_ml, why_not_reml : tuple of str
        Reasons, where it is not.
    conditions : tuple of str
        What must hold, but cannot be seen without data.
    df : int or None
        Parameters that the smaller model has less; None where that takes data.
    on_boundary : bool
        Whether the smaller model has variances at zero.
    mixture : tuple of (float, int)
        Weights and degrees of freedom of the chi-squared distributions that are mixed; empty where `df` is None or
        the weights depend on the data.
    reference : str
        The distribution in words.
    """

    ml: bool
    reml: bool
    why_not_ml: tuple[str, ...] = ()
    why_not_reml: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    df: int | None = None
    on_boundary: bool = False
    mixture: tuple[tuple[float, int], ...] = ()
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDifference:
    """What differs between two models, in the words of the models.

    Attributes
    ----------
    names : (str, str)
        What the two models are called.
    changes : tuple of Change
        Differences of outcome, terms, levels, effects and covariances; not of names.
    renamed : tuple of (str, str)
        Parameters and effects that are the same but are called differently.
    only_a, only_b : tuple of str
        Parameters that one model alone has.
    relation : str
        ``"same"``, ``"a in b"``, ``"b in a"``, ``"not nested"`` or ``"not decided"``.
    restrictions : tuple of str
        What makes the larger model the smaller one: ``"b4 = 0"``, ``"sd(u1[j]) = 0"``.
    why_not_nested : tuple of Change
    test : LikelihoodRatio
    rows : Rows or None
        None without data.
    """

    names: tuple[str, str]
    changes: tuple[Change, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()
    relation: Relation = "same"
    restrictions: tuple[str, ...] = ()
    why_not_nested: tuple[Change, ...] = ()
    test: LikelihoodRatio
    rows: Rows | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the two are the same model with the same names."""
        return not (self.changes or self.renamed or self.only_a or self.only_b)

    def swapped(self) -> ModelDifference:
        """Return the difference with the two models in the other order."""
        return replace(
            self,
            names=self.names[::-1],
            changes=ordered(change.swapped() for change in self.changes),
            why_not_nested=ordered(reason.swapped() for reason in self.why_not_nested),
            renamed=tuple((b, a) for a, b in self.renamed),
            only_a=self.only_b,
            only_b=self.only_a,
            relation=_SWAPPED.get(self.relation, self.relation),
            rows=None if self.rows is None else replace(self.rows, a=self.rows.b, b=self.rows.a),
        )

    def as_dict(self) -> dict[str, object]:
        """Return plain values, as ``hdsl diff --json`` prints them."""
        return {**asdict(self), "is_empty": self.is_empty}

    def __str__(self) -> str:
        parts = [f"a: {self.names[0]}\nb: {self.names[1]}"]
        parts += [text for kind, title in _TITLES.items() if (text := self._section(kind, title))]
        parts += [text for text in (self._renamed(), self._parameters(), self._relation(), self._test()) if text]
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"

    def _section(self, kind: str, title: str) -> str:
        changes = [change for change in self.changes if change.kind == kind]
        lines = [title] if changes else []
        for change in changes:
            sides = [(side, text) for side, text in (("a", change.a), ("b", change.b)) if text is not None]
            only = " only" if len(sides) == 1 else ":    "
            for side, text in sides:
                lines += _wrapped(f"  {side}{only}  ", text)
        return "\n".join(lines)

    def _renamed(self) -> str:
        pairs = ", ".join(f"{a} in a is {b} in b" for a, b in self.renamed)
        return "\n".join(["names", *_wrapped("  ", pairs)]) if pairs else ""

    def _parameters(self) -> str:
        sides = [(side, names) for side, names in (("a", self.only_a), ("b", self.only_b)) if names]
        lines = [line for side, names in sides for line in _wrapped(f"  {side} only  ", ", ".join(names))]
        return "\n".join(["parameters", *lines]) if lines else ""

    def _relation(self) -> str:
        match self.relation:
            case "same":
                return "the models are the same" + (", under other names" if self.renamed else "")
            case "a in b" | "b in a":
                small, large = self.relation.split(" in ")
                head = f"{small} is nested in {large}: {small} is {large} with "
                return "\n".join(_wrapped("", head + ", ".join(self.restrictions), "  "))
            case "not nested":
                lines = ["neither model is nested in the other"]
            case _:
                lines = ["whether one is nested in the other cannot be told"]
        for reason in self.why_not_nested:
            lines += _wrapped("  ", reason.sentence, "    ")
        return "\n".join(lines)

    def _test(self) -> str:
        if self.relation == "same":
            return ""
        test = self.test
        lines = ["likelihood-ratio test"]
        lines += _wrapped("  under ML:   ", "valid" if test.ml else "not valid: " + "; ".join(test.why_not_ml))
        lines += _wrapped("  under REML: ", "valid" if test.reml else "not valid: " + "; ".join(test.why_not_reml))
        if test.ml or test.reml:
            for condition in test.conditions:
                lines += _wrapped("  provided that ", condition, "    ")
            lines += _wrapped("  compare with ", test.reference, "    ")
        if self.rows is not None:
            shown = f"the same {self.rows.a:,}" if self.rows.same else f"{self.rows.a:,} in a, {self.rows.b:,} in b"
            lines.append(f"  rows used: {shown}")
        return "\n".join(lines)


def _wrapped(head: str, text: str, indent: str | None = None) -> list[str]:
    """Return lines of at most 80 columns; further lines stand under the first one's text."""
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head) if indent is None else indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
