"""What the emitters read off a plan: factors by their part in the elimination, and the names of their arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from hdsl.plan import CovarianceBlock, Plan

__all__ = ["Entry", "Factor", "Layout", "layout", "theta_entries"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a covariance factor Lambda: its factor, row, column and position in theta (-1: the constant 1)."""

    factor: int
    row: int
    column: int
    theta: int


@dataclass(frozen=True, slots=True)
class Factor:
    """A grouping factor of the plan.

    `position` is among `Plan.re_terms`; `number`, from 1, is in the names of its arrays. `above` are the factors of the
    chain that its groups lie in, next coarser first; empty for dense factors.
    """

    position: int
    width: int
    title: str
    entries: tuple[Entry, ...]
    above: tuple[Factor, ...] = ()

    @property
    def number(self) -> int:
        """The number in the names of its arrays."""
        return self.position + 1

    @property
    def width_above(self) -> int:
        """Columns of all factors of the chain above it."""
        return sum(factor.width for factor in self.above)

    def name(self, letter: str) -> str:
        """Return the name of one of its arrays, ``A1``."""
        return f"{letter}{self.number}"

    def columns_of(self, other: Factor) -> slice:
        """Return where the columns of `other` are among those of the factors above."""
        at = 0
        for factor in self.above:
            if factor.position == other.position:
                return slice(at, at + factor.width)
            at += factor.width
        raise KeyError(other.position)


@dataclass(frozen=True, slots=True)
class Layout:
    """A plan, seen from the emitters."""

    plan: Plan
    chain: tuple[Factor, ...]
    dense: tuple[Factor, ...]

    @property
    def is_sparse(self) -> bool:
        """Whether chain and dense factors meet on occupied cells."""
        return self.plan.crossing == "sparse" and bool(self.chain) and bool(self.dense)

    @property
    def has_bare_border(self) -> bool:
        """Whether the chain is bordered by one right side alone, of which nothing is asked but the random effects."""
        return self.plan.density is not None and not self.plan.is_weighted and not self.dense

    @property
    def factors(self) -> tuple[Factor, ...]:
        """All factors in the order of the plan."""
        return tuple(sorted((*self.chain, *self.dense), key=lambda factor: factor.position))


def block_entries(factor: int, block: CovarianceBlock) -> list[Entry]:
    """Return the lower-triangular entries of a covariance block, column by column."""
    pairs = [(row, column) for k, column in enumerate(block.columns) for row in block.columns[k:]]
    return [Entry(factor, row, column, theta) for (row, column), theta in zip(pairs, block.theta, strict=True)]


@lru_cache(maxsize=64)
def theta_entries(plan: Plan) -> tuple[Entry, ...]:
    """Return the entries of all covariance factors, in the order of the plan's factors and blocks."""
    return tuple(
        entry for f, term in enumerate(plan.re_terms) for block in term.blocks for entry in block_entries(f, block)
    )


def layout(plan: Plan) -> Layout:
    """Return the layout of a plan."""
    entries = theta_entries(plan)

    def factor(position: int, above: tuple[Factor, ...] = ()) -> Factor:
        term = plan.re_terms[position]
        title = f"[{','.join(term.index_set)}] {', '.join(column.symbol for column in term.columns)}"
        own = tuple(entry for entry in entries if entry.factor == position)
        return Factor(position, term.width, title, own, above)

    chain: list[Factor] = []
    for position in reversed(plan.chain):
        chain.insert(0, factor(position, tuple(chain)))
    return Layout(plan, tuple(chain), tuple(factor(position) for position in plan.dense))
