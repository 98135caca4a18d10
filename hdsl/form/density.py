"""The density of a row, with derivatives: the same for every family, link and wrapper.

    log f(y | eta_1 .. eta_K),  eta_k a linear predictor of the row

Input: `hdsl.composite` derives it with SymPy. Output: `hdsl.codegen` emits it. Invariants: expressions refer to ``y``,
``eta0``, ``eta1``, .., to known data by argument name (``size``, ``lower``), and to steps of their own case by name; a
function in them is one of `hdsl.families.FUNCTIONS` or of the primitives of `hdsl.runtime.special`. A parameter without
an equation (a shape, a residual's standard deviation) is a linear predictor with one constant column, on the scale
where it is unbounded; thresholds of an ordinal outcome are columns of the two predictors that they bound. So a row
density has no parameter besides its K inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from hdsl.form.expr import Expr

__all__ = ["Case", "Input", "RowDensity", "Step", "pairs", "triples"]

Step: TypeAlias = tuple[str, Expr]
"""A common subexpression and its name, ``s0``, ``s1``, ..; it may refer to those before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of a row density, ``eta_k``.

    Attributes
    ----------
    argument : str
        What it gives: ``"mean"``, ``"sd"``, ``"upper threshold"``; of a wrapper, ``"p of zero_inflated"``.
    predictor : int or None
        Position among `CompositeModel.predictors`; None for a parameter without an equation.
    sign : float
        What the predictor is multiplied by: 1, or -1 where it stands below a threshold.
    scalar : str or None
        Name of the parameter that it is, if it has no equation.
    inverse : str
        Function that takes ``eta_k`` to the natural scale of a scalar: ``"identity"``, ``"exp"``, ``"invlogit"``.
    threshold : {"upper", "lower"} or None
        Whether the threshold above or below the row's category is added; it is infinite beyond the ends.
    """

    argument: str
    predictor: int | None
    sign: float = 1.0
    scalar: str | None = None
    inverse: str = "identity"
    threshold: Literal["upper", "lower"] | None = None

    @property
    def slot(self) -> str:
        """What the distribution or wrapper that takes it calls it: ``"p"`` of ``"p of zero_inflated"``."""
        return self.argument.partition(" of ")[0]

    @property
    def wrapper(self) -> str:
        """The wrapper that takes it, else nothing."""
        return self.argument.partition(" of ")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The density of the rows where `holds` is true.

    Attributes
    ----------
    holds : Expr or None
        Of data alone, 1 or 0; None for the one case that has all rows.
    steps : tuple of Step
        Common subexpressions of all that follows, in order.
    value : Expr
        log f without what depends on data alone.
    constant : Expr
        What depends on data alone, without steps.
    first : tuple of Expr, length K
        Derivatives by ``eta_k``.
    second : tuple of Expr
        By ``eta_k eta_l``, in the order of `pairs`.
    third : tuple of Expr
        By ``eta_k eta_l eta_m``, in the order of `triples`.
    """

    holds: Expr | None
    steps: tuple[Step, ...]
    value: Expr
    constant: Expr
    first: tuple[Expr, ...]
    second: tuple[Expr, ...]
    third: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDensity:
    """A row density and its derivatives.

    Attributes
    ----------
    distribution : str
        Its name, wrappers around it: ``"zero_inflated(poisson)"``.
    inputs : tuple of Input
        The K predictors that it takes.
    known : tuple of str
        Names of the data that it takes besides ``y``, as in `Outcome.known`.
    cases : tuple of Case
        Disjoint, together all rows.
    natural : tuple of (str, Expr)
        Arguments of the distribution (and of its wrappers, ``"p"`` of ``zero_inflated``) on their natural scale, by
        the inputs: ``("mean", exp(eta0))``.
    is_log_concave : bool
        Whether -log f is known to be convex in all inputs that random effects may stand in, so that a mode is the mode.
    """

    distribution: str
    inputs: tuple[Input, ...]
    known: tuple[str, ...]
    cases: tuple[Case, ...]
    natural: tuple[tuple[str, Expr], ...]
    is_log_concave: bool = False


def pairs(k: int) -> tuple[tuple[int, int], ...]:
    """Return the pairs of inputs in the order of second derivatives: (0,0), (0,1), .., (1,1), .."""
    return tuple((a, b) for a in range(k) for b in range(a, k))


def triples(k: int) -> tuple[tuple[int, int, int], ...]:
    """Return the triples of inputs in the order of third derivatives: (0,0,0), (0,0,1), .., (0,1,1), .., (1,1,1), .."""
    return tuple((a, b, c) for a in range(k) for b in range(a, k) for c in range(b, k))
