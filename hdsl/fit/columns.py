"""The model matrices of K predictors as columns: products with vectors, cross-products, least squares.

Input: a plan with arrays. Invariants: a column that is zero in a predictor takes no part there; columns are in the
order of `Plan.fixed`, an unmodelled set as many columns as it has kept levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hdsl.fit.standardise import Block, Floats, is_constant
from hdsl.plan import Arrays, FixedSet, Plan, Product
from hdsl.runtime import Indicators, constant, gram

__all__ = ["FixedColumns", "fixed_columns", "product_sum", "random_columns"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedColumns:
    """The columns of X in each predictor.

    Attributes
    ----------
    n, p, n_predictors : int
    parts : tuple of tuple of (int, Block)
        For each predictor its blocks, each with the number of its first column.
    starts : tuple of int
        The first column of each item of `Plan.fixed`.
    """

    n: int
    p: int
    starts: tuple[int, ...]
    parts: tuple[tuple[tuple[int, Block], ...], ...]

    @property
    def n_predictors(self) -> int:
        """Return K."""
        return len(self.parts)

    def times(self, k: int, beta: Floats) -> Floats:
        """Return ``X_k beta``, (n,)."""
        total = np.zeros(self.n)
        for start, block in self.parts[k]:
            if isinstance(block, Indicators):
                per_code = np.append(beta[start : start + block.size], 0.0)  # code -1 takes the last
                total += per_code[block.codes] * block.values
            else:
                total += beta[start] * block
        return total

    def transposed(self, k: int, values: Floats) -> Floats:
        """Return ``X_k' values``, (p,)."""
        out = np.zeros(self.p)
        for start, block in self.parts[k]:
            if isinstance(block, Indicators):
                sums = np.bincount(block.codes + 1, block.values * values, minlength=block.size + 1)
                out[start : start + block.size] = sums[1:]
            else:
                out[start] = block @ values
        return out

    def gram(self, weights: Sequence[Floats | None] | None = None) -> Floats:
        """Return ``sum_k X_k' diag(w_k) X_k``; no weights are weights of 1."""
        out = np.zeros((self.p, self.p))
        for k, parts in enumerate(self.parts):
            root = None if weights is None or (w := weights[k]) is None else np.sqrt(w)
            blocks = [block if root is None else _scaled(block, root) for _, block in parts]
            at = [c for start, block in parts for c in range(start, start + _size(block))]
            if at:
                out[np.ix_(at, at)] += gram(blocks)
        return out

    @cached_property
    def squares(self) -> Floats:
        """The sum of squares of each column over rows and predictors, (p,)."""
        out = np.zeros(self.p)
        for parts in self.parts:
            for start, block in parts:
                if isinstance(block, Indicators):
                    sums = np.bincount(block.codes + 1, block.values**2, minlength=block.size + 1)
                    out[start : start + block.size] += sums[1:]
                else:
                    out[start] += self.n * float(block[0]) ** 2 if is_constant(block) else float(block @ block)
        return out

    def intercepts(self) -> dict[int, tuple[int, float]]:
        """Return for each predictor a column that is constant in it and in no other, with its value."""
        places: dict[int, list[int]] = {}
        for k, parts in enumerate(self.parts):
            for start, _ in parts:
                places.setdefault(start, []).append(k)
        out: dict[int, tuple[int, float]] = {}
        for k, parts in enumerate(self.parts):
            for start, block in parts:
                if isinstance(block, Indicators) or not is_constant(block) or k in out:
                    continue
                if places[start] == [k] and block[0] != 0.0:
                    out[k] = (start, float(block[0]))
        return out

    def dense(self, k: int) -> Floats:
        """Return ``X_k``, (n, p)."""
        out = np.zeros((self.n, self.p))
        for start, block in self.parts[k]:
            if isinstance(block, Indicators):
                inside = np.flatnonzero(block.codes >= 0)
                out[inside, start + block.codes[inside]] = block.values[inside]
            else:
                out[:, start] = block
        return out


def _size(block: Block) -> int:
    return block.size if isinstance(block, Indicators) else 1


def _scaled(block: Block, factor: Floats) -> Block:
    return block._replace(values=block.values * factor) if isinstance(block, Indicators) else block * factor


def fixed_columns(plan: Plan, arrays: Arrays) -> FixedColumns:
    """Return the columns of X in each predictor."""
    parts: list[list[tuple[int, Block]]] = [[] for _ in range(plan.n_predictors)]
    start, starts = 0, []
    for item in plan.fixed:
        starts.append(start)
        size = int(arrays.sets[item.codes].max()) + 1 if isinstance(item, FixedSet) else 1
        for k in range(plan.n_predictors):
            values = product_sum(item.products, k, arrays)
            if values is None:
                continue
            if isinstance(item, FixedSet):
                parts[k].append((start, Indicators(arrays.sets[item.codes], size, values)))
            else:
                parts[k].append((start, values))
        start += size
    return FixedColumns(n=len(arrays.y), p=start, starts=tuple(starts), parts=tuple(tuple(blocks) for blocks in parts))


def random_columns(plan: Plan, arrays: Arrays, factor: int) -> list[list[Floats | None]]:
    """Return the columns of Z of a factor: for each predictor one for each effect, None where it is zero."""
    columns = plan.re_terms[factor].columns
    return [[product_sum(column.products, k, arrays) for column in columns] for k in range(plan.n_predictors)]


def product_sum(products: Sequence[Product], k: int, arrays: Arrays) -> Floats | None:
    """Return the sum of the products that stand in predictor k; without any, None; a constant takes no storage."""
    own = [product for product in products if product.predictor == k]
    if not own:
        return None
    n = len(arrays.y)
    if all(not product.factors for product in own):
        return constant(sum(product.scale for product in own), n)
    if len(own) == 1 and own[0].scale == 1.0 and len(own[0].factors) == 1:
        return arrays.x[own[0].factors[0]]
    total = np.zeros(n)
    for product in own:
        part = np.full(n, product.scale)
        for factor in product.factors:
            part *= arrays.x[factor]
        total += part
    return total
