"""How two index sets lie to each other: what the model says and what data show, as two facts.

Made by `hdsl.design` from data, printed with the levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hdsl.form.expr import IndexSet, show_index_set

__all__ = ["Relation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """How two index sets lie to each other.

    Attributes
    ----------
    first, second : IndexSet
        Of nested ones `first` is the finer.
    data : {"nested", "same", "crossed"}
        ``"same"``: each lies in the other, they group the rows alike.
    declared : bool
        Whether the model says that `first` lies in `second`.
    line : int or None
        The source line that says so.
    pairs, possible : int
        Pairs of units that share a row, and pairs that could.
    """

    first: IndexSet
    second: IndexSet
    data: Literal["nested", "same", "crossed"]
    declared: bool
    line: int | None
    pairs: int
    possible: int

    def __str__(self) -> str:
        a, b = f"[{show_index_set(self.first)}]", f"[{show_index_set(self.second)}]"
        if self.data == "crossed":
            share = self.pairs / self.possible if self.possible else 0.0
            percent = "under 1%" if 0 < share < 0.01 else f"{share:.0%}"
            return (
                f"{a} x {b} crossed, as the model leaves them: "
                f"{self.pairs:,} of {self.possible:,} pairs occur ({percent})"
            )
        lies = f"{a} and {b} group the rows alike" if self.data == "same" else f"{a} lies in {b}"
        if not self.declared:
            return f"{lies} in the data; the model does not say so"
        said = f"line {self.line}" if self.line is not None else "the model"
        return f"{lies}: so says {said}, and so it is in the data"
