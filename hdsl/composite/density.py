"""Distribution, wrappers and the expressions of their arguments → `RowDensity`.

Stage: composite. Input: names and records of `hdsl.form.expr`. Output: the log density of a row with its derivatives
to third order, for `hdsl.codegen`. SymPy composes and differentiates (`density_derive`); families are rows of a table
(`density_families`), links another (`density_links`). Invariant: the cases are disjoint and, together, all rows.
"""

from __future__ import annotations

from functools import lru_cache

from hdsl.composite.density_concave import is_log_concave
from hdsl.composite.density_derive import derived
from hdsl.composite.density_families import FAMILIES
from hdsl.composite.density_functions import raised
from hdsl.composite.density_wrappers import UnsupportedDensity, Wrapper, wrapped
from hdsl.form.density import Input, RowDensity
from hdsl.form.expr import Expr

__all__ = ["UnsupportedDensity", "Wrapper", "row_density"]


@lru_cache(maxsize=256)
def row_density(
    distribution: str,
    arguments: tuple[tuple[str, Expr], ...],
    wrappers: tuple[Wrapper, ...],
    inputs: tuple[Input, ...],
    known: tuple[str, ...],
) -> RowDensity:
    """Return the density of a row.

    Parameters
    ----------
    distribution : str
        A family: a row of `density_families.FAMILIES`.
    arguments : tuple of (str, Expr)
        Each argument of the distribution on its natural scale, by ``eta0``, ``eta1``, .. and known data, all with an
        empty index set. Ordered categories take two, in this order: the threshold above the row's category less its
        predictor, and the one below; they may be infinite.
    wrappers : tuple of Wrapper
        The outermost first.
    inputs : tuple of Input
        What ``eta0``, ``eta1``, .. are.
    known : tuple of str
        Names of known data, bounds and size among them.

    Returns
    -------
    RowDensity

    Raises
    ------
    UnsupportedDensity
        If nothing is derived for the family, or for a wrapper around it.
    """
    if distribution not in FAMILIES:
        raise UnsupportedDensity(f"an outcome with the distribution `{distribution}`")
    outer = FAMILIES[distribution]({name: raised(expr) for name, expr in arguments})
    called, natural = distribution, arguments
    for wrapper in reversed(wrappers):
        outer = wrapped(outer, wrapper, called)
        called = f"{wrapper.name}({called})"
        natural = (*natural, *wrapper.arguments)
    return RowDensity(
        distribution=called,
        inputs=inputs,
        known=known,
        cases=tuple(derived(piece.log, piece.holds, len(inputs)) for piece in outer.pieces),
        natural=natural,
        is_log_concave=is_log_concave(distribution, arguments, wrappers, inputs),
    )
