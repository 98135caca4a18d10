"""What stands in the way of an estimate: a record that a fit ends with, and its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Kind", "Trouble"]

Kind: TypeAlias = Literal[
    "edge", "separation", "quasi-separation", "undetermined", "infinite", "no mode", "no top", "no convergence"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that stands in the way of an estimate.

    Attributes
    ----------
    kind : str
        ``"edge"``: a parameter without an equation is at an end of its range; the other estimates stand (status
        "boundary"). ``"separation"``, ``"quasi-separation"``: the columns tell the outcome of all, or of some, rows
        exactly. ``"undetermined"``: the criterion does not depend on the columns. ``"infinite"``: it falls forever
        along the columns or entries. ``"no mode"``: the density of the random effects has no mode. ``"no top"``: the
        search ended on a slope, and there is no random effect. ``"no convergence"``: the search stopped short. All but
        the first come with the status "not converged".
    columns : tuple of int
        Columns of X that it is about.
    entries : tuple of (int, int, int)
        Covariance entries (factor, row, column) that it is about.
    reason : str
        What it means, a clause; empty where the kind says all.
    """

    kind: Kind
    columns: tuple[int, ...] = ()
    entries: tuple[tuple[int, int, int], ...] = ()
    reason: str = ""

    @property
    def leaves_estimates(self) -> bool:
        """Whether the other parameters are estimated all the same."""
        return self.kind == "edge"

    def sentence(self, names: Sequence[str]) -> str:
        """Return what is wrong, in words.

        Parameters
        ----------
        names : sequence of str
            What the columns, then the entries, are called.
        """
        listed = ", ".join(f"`{name}`" for name in names)
        tell = "tells" if len(names) == 1 else "tell"
        match self.kind:
            case "edge":
                return f"{listed} {self.reason}"
            case "separation" if self.reason:
                return f"{self.reason}: there is no finite estimate of {listed}"
            case "separation":
                return f"{listed} {tell} every outcome exactly: there is no finite estimate"
            case "quasi-separation":
                return f"{listed} {tell} some of the outcomes exactly: there is no finite estimate"
            case "undetermined":
                return f"the likelihood is the same for any value of {listed}: there is no estimate"
            case "infinite":
                return f"{listed} can grow without bound, and the likelihood does not fall: there is no finite estimate"
            case "no top":
                return "the likelihood has no highest point where the search went: it rises as far as can be computed"
            case "no mode":
                return (
                    "the density of the random effects has no mode where the search went: the approximation ends there"
                )
            case "no convergence":
                return self.reason
