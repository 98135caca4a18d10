"""The plan: structure without values, and the arrays that go with it.

Input: `hdsl.design` makes both from a composite model and data. Output: `hdsl.codegen` emits source from the plan
alone; `hdsl.fit` calls that source on the arrays. Invariants: a `Plan` is hashable and holds no data value and no
label; equal plans give byte-identical source; arrays are read-only, rows in the order of the data used.

Each row has K linear predictors ``eta_k = offset_k + X_k beta + sum_f Z_fk b_f``. Grouping factor f has `n_levels`
groups of width p_f; its coefficients have covariance ``Sigma_f = Lambda_f Lambda_f'`` in each group, ``Lambda_f`` block
diagonal with a lower-triangular block for each `CovarianceBlock`. A plan without a density is Gaussian with K = 1:
``y = eta_0 + e``, and its covariances are relative to ``sigma^2``. With a density, ``log f(y | eta_0 .. eta_K-1)`` is
given row by row, and covariances are absolute.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hdsl.form.density import RowDensity

__all__ = ["Arrays", "Column", "CovarianceBlock", "Crossing", "FixedSet", "Plan", "Product", "ReTerm", "Sizes"]

Crossing: TypeAlias = Literal["none", "dense", "sparse", "iterative"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """``scale * x[f1] * x[f2] * ..`` in one predictor.

    `factors` are positions in `Arrays.x`; no factors is the constant `scale`. `predictor` is the k of ``eta_k``.
    """

    scale: float
    factors: tuple[int, ...]
    predictor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the model matrices, in each predictor the sum of its products there.

    `symbol` is the coefficient, for comments.
    """

    symbol: str
    products: tuple[Product, ...]

    @property
    def is_constant(self) -> bool:
        """Whether every row has the same value."""
        return all(not product.factors for product in self.products)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedSet:
    """The columns of an unmodelled set: indicators of its kept levels, times the sum of `products`.

    `codes` is a position in `Arrays.sets`, whose integer array holds for each row the column within the set, or -1 for
    a level that was set to zero. `n_columns` is in `Sizes.set_columns`, in the order of the fixed sets.
    """

    symbol: str
    products: tuple[Product, ...]
    codes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CovarianceBlock:
    """A diagonal block of Lambda_f.

    Attributes
    ----------
    columns : tuple of int
        Positions of its effects among the columns of the factor (consecutive).
    effects : tuple of str
        The effects' symbols.
    theta : tuple of int
        Positions in theta of the lower-triangular entries, column by column: (1,1), (2,1), .., (2,2), ..
        A position may stand more than once (tied standard deviations); -1 is the constant 1 (a standard deviation tied
        to the residual's).
    """

    columns: tuple[int, ...]
    effects: tuple[str, ...]
    theta: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReTerm:
    """A grouping factor with its random-effects columns: all blocks of one index set, side by side."""

    index_set: tuple[str, ...]
    columns: tuple[Column, ...]
    blocks: tuple[CovarianceBlock, ...]

    @property
    def width(self) -> int:
        """Number of columns, p_f."""
        return len(self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Counts of a data set under a plan: rows, groups of each factor, columns of each unmodelled set."""

    n: int
    p: int
    n_levels: tuple[int, ...]
    set_columns: tuple[int, ...]


class _Remembering:
    """What a plan knows of itself once it was asked: its source and layout are looked up by it again and again."""

    __slots__ = ("_hash",)

    _hash: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(_Remembering):
    """How the likelihood is computed.

    Attributes
    ----------
    fixed : tuple of Column or FixedSet
        Columns of X, in order.
    re_terms : tuple of ReTerm
        Grouping factors.
    n_theta : int
        Number of free entries of the covariance factors.
    chain : tuple of int
        Positions in `re_terms` of the factors eliminated one after the other, finest first; each is nested in the next.
    dense : tuple of int
        Positions of the factors that are left to a dense factor (they are crossed with some of the chain).
    crossing : {"none", "dense", "sparse", "iterative"}
        How the cross-products of chain and dense factors are stored; "none" where there is no dense factor. With
        "iterative" all factors are dense ones and nothing is factorised: equations are solved by conjugate gradients.
    has_offset : tuple of bool
        For each predictor whether it has an offset.
    intercept : int or None
        Position in `fixed` of the intercept (of the first predictor).
    diagonal_theta : tuple of bool
        For each theta whether it stands on a diagonal of some Lambda.
    reasons : tuple of str
        Why this plan was taken, in sentences, for printing.
    density : RowDensity or None
        The density of a row; None for a Gaussian model with one predictor, which is integrated in closed form.
    is_weighted : bool
        Whether a plan with a density is closed form, too: Gaussian about the first predictor, random effects in that
        alone, and a standard deviation of each row that is known or has an equation of fixed coefficients. Given those
        the likelihood follows from cross-products in which a row counts ``1 / sd^2``. Covariances are absolute.
    sizes : Sizes
        Counts; None for a plan made without data (not compared: source does not depend on them).
    """

    fixed: tuple[Column | FixedSet, ...]
    re_terms: tuple[ReTerm, ...]
    n_theta: int
    chain: tuple[int, ...]
    dense: tuple[int, ...]
    crossing: Crossing
    has_offset: tuple[bool, ...]
    intercept: int | None
    diagonal_theta: tuple[bool, ...]
    density: RowDensity | None = None
    is_weighted: bool = False
    reasons: tuple[str, ...] = field(compare=False)
    sizes: Sizes | None = field(compare=False)

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            compared = tuple(getattr(self, item.name) for item in fields(self) if item.compare)
            object.__setattr__(self, "_hash", hash(compared))
            return self._hash

    @property
    def n_predictors(self) -> int:
        """K, the number of linear predictors of a row."""
        return 1 if self.density is None else len(self.density.inputs)

    def by_rows(self) -> Plan:
        """Return the plan that goes through its density row by row, closed form or not."""
        return replace(self, is_weighted=False) if self.is_weighted else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrays:
    """What the emitted source reads.

    Attributes
    ----------
    y : ndarray, (n,)
        The outcome on the scale that is modelled.
    x : tuple of ndarray, each (n,) float
        Distinct covariates; `x_symbols` are their printed forms.
    groups : tuple of ndarray, each (n,) intp
        Group code of each row, a factor each, 0 .. n_levels - 1, every code occurring.
    sets : tuple of ndarray, each (n,) intp
        Column within the unmodelled set for each row, or -1.
    offsets : tuple of ndarray, each (n,), or None
        The known part of each predictor; infinite beyond the last threshold.
    known : tuple of ndarray, each (n,)
        Data that the density takes besides y, in the order of `RowDensity.known`; NaN for a bound that is missing.
    """

    y: NDArray[np.float64]
    x: tuple[NDArray[np.float64], ...]
    x_symbols: tuple[str, ...]
    groups: tuple[NDArray[np.intp], ...]
    sets: tuple[NDArray[np.intp], ...]
    offsets: tuple[NDArray[np.float64] | None, ...]
    known: tuple[NDArray[np.float64], ...] = ()
