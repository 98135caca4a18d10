"""The design: a composite model bound to a data set.

Output of the stage `hdsl.design`; `hdsl.fit` and `hdsl.results` read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hdsl.design.coding import Coding
from hdsl.design.units import Units
from hdsl.diagnostics.record import Diagnostic
from hdsl.form.expr import IndexSet
from hdsl.form.labels import Labels, UnitLabel
from hdsl.form.model import CompositeModel
from hdsl.plan import Arrays, Plan

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Design", "ScalarColumn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarColumn:
    """A parameter without an equation (a shape, a size, a threshold) that is a column of `Plan.fixed`.

    `column` is its place among the columns of X; `inverse` is the function from the scale of the fit to its natural
    one, as in `hdsl.form.density.Input`. `role` is as in `Parameter.role`.
    """

    name: str
    role: str
    column: int
    inverse: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Design:
    """A model bound to data.

    Attributes
    ----------
    form : CompositeModel
    plan : Plan
    arrays : Arrays
    coding : Coding
        What was learned from the data, so that new data are coded alike.
    fixed_labels : tuple of str, length p
        ``"b_age"``, ``"b_income[2]"``.
    fixed_terms : tuple of str, length p
        The composite term of each column: ``"b4 * x3[j] * x1[i]"``.
    levels : tuple of Labels
        Labels of the groups of each grouping factor, in code order; tuples for sets of several indices.
    variance_names : dict
        Parameter of the covariance entry (factor, row, column), row >= column: its standard deviation or correlation.
    residual_name : str
        Name of the residual's standard deviation; empty where it is known.
    zeroed : dict
        For each unmodelled set, by symbol, the labels that were set to zero.
    n_read, n_dropped : int
        Rows of the data, and those dropped for missing values.
    missing : dict of str to int
        Rows with a missing value, by column.
    row_labels : pandas.Index
        Labels of the rows used: the frame's own, or row numbers from 0.
    group_counts : dict
        Number of units of every index set of the model, in the rows used.
    diagnostics : tuple of Diagnostic
        Warnings and notes of the data.
    scalars : tuple of ScalarColumn
        Parameters without an equation that the density takes, in the order of their columns, which are the last ones
        of X; empty for a plan without a density.
    units : Units or None
        The units of every index set in the rows used; None in a design that no data were bound to here.
    """

    form: CompositeModel
    plan: Plan
    arrays: Arrays
    coding: Coding
    fixed_labels: tuple[str, ...]
    fixed_terms: tuple[str, ...]
    levels: tuple[Labels[UnitLabel], ...]
    variance_names: dict[tuple[int, int, int], str]
    residual_name: str
    zeroed: dict[str, tuple[str, ...]]
    n_read: int
    n_dropped: int
    missing: dict[str, int]
    row_labels: pd.Index
    group_counts: dict[IndexSet, int]
    diagnostics: tuple[Diagnostic, ...]
    scalars: tuple[ScalarColumn, ...] = ()
    units: Units | None = None
