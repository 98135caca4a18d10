"""What the emitters of a density read off a plan: which sums of predictors columns enter, and which columns are equal.

A channel is a set of predictors that a column enters with the same values. Most columns enter one predictor; the
covariates of an ordinal outcome enter both thresholds' predictors alike. With channels S the predictors are
``eta_k = base_k + sum_{S has k} u_S``, and the derivatives that a column of S needs are sums over the k of S.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from hdsl.codegen.layout import Factor, Layout
from hdsl.plan import Column, CovarianceBlock, FixedSet, Plan, Product

__all__ = ["Atom", "Channel", "Channels", "Part", "channels", "parts"]

Channel = tuple[int, ...]
Products = tuple[Product, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """The share of a column in one channel: the sum of `products`."""

    channel: Channel
    products: Products

    @property
    def is_constant(self) -> bool:
        """Whether every row has the same value."""
        return all(not product.factors for product in self.products)

    @property
    def value(self) -> float:
        """The value of a constant part."""
        return sum(product.scale for product in self.products)


@dataclass(frozen=True, slots=True)
class Atom:
    """The share of a column of Z in one channel: `scale` times the distinct column `column`, or times 1 for None."""

    channel: int
    column: int | None
    scale: float


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels of a plan.

    Attributes
    ----------
    inputs : tuple of Channel
        The predictors of each channel.
    fixed : tuple of int
        Channels of X.
    random : tuple of int
        Channels of the Z.
    columns : dict of factor position to tuple of tuple of Atom
        The atoms of each column of each Z.
    held : tuple of (int, int, int)
        For each distinct column of the Z the factor, column and part where it stands.
    flat : tuple of bool
        For each predictor whether it is the same number in all rows.
    """

    inputs: tuple[Channel, ...]
    fixed: tuple[int, ...]
    random: tuple[int, ...]
    columns: dict[int, tuple[tuple[Atom, ...], ...]]
    held: tuple[tuple[int, int, int], ...]
    flat: tuple[bool, ...]

    def atoms(self, factor: Factor) -> tuple[tuple[Atom, ...], ...]:
        """Return the atoms of each column of a factor."""
        return self.columns[factor.position]

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Pairs of channels of the Z."""
        return tuple((s, t) for i, s in enumerate(self.random) for t in self.random[i:])

    @property
    def used(self) -> tuple[int, ...]:
        """Channels of X or of a Z."""
        return tuple(sorted({*self.fixed, *self.random}))


def parts(item: Column | FixedSet) -> tuple[Part, ...]:
    """Return the parts of a column; predictors that it enters alike share one."""
    by_predictor: dict[int, list[Product]] = {}
    for product in item.products:
        by_predictor.setdefault(product.predictor, []).append(Product(scale=product.scale, factors=product.factors))
    shared: dict[Products, list[int]] = {}
    for k, products in sorted(by_predictor.items()):
        shared.setdefault(tuple(products), []).append(k)
    return tuple(Part(tuple(ks), products) for products, ks in shared.items())


def _blocks(plan: Plan) -> Iterator[tuple[int, int, tuple[object, ...]]]:
    """Yield factor, column, and what decides how the column is standardised: ties, and the constants of its block."""
    times: dict[int, int] = {}
    for term in plan.re_terms:
        for block in term.blocks:
            for t in block.theta:
                times[t] = times.get(t, 0) + 1
    for f, term in enumerate(plan.re_terms):
        for block in term.blocks:
            tied = any(t < 0 or times[t] > 1 for t in block.theta)
            for c in block.columns:
                yield f, c, (tied, *_constants(plan, f, block))


def _constants(plan: Plan, f: int, block: CovarianceBlock) -> list[Part]:
    columns = [parts(plan.re_terms[f].columns[c]) for c in block.columns]
    return [own[0] for own in columns if len(own) == 1 and own[0].is_constant]


@lru_cache(maxsize=64)
def _channels(plan: Plan) -> Channels:
    fixed = [part for item in plan.fixed for part in parts(item)]
    random = [part for term in plan.re_terms for column in term.columns for part in parts(column)]
    inputs = tuple(sorted({part.channel for part in (*fixed, *random)}, key=lambda ks: (len(ks), ks)))
    number = {channel: s for s, channel in enumerate(inputs)}
    policy = {(f, c): key for f, c, key in _blocks(plan)}
    known: dict[tuple[object, ...], int] = {}
    held: list[tuple[int, int, int]] = []
    columns: dict[int, tuple[tuple[Atom, ...], ...]] = {}
    for f, term in enumerate(plan.re_terms):
        own = []
        for c, column in enumerate(term.columns):
            atoms = []
            for i, part in enumerate(parts(column)):
                s = number[part.channel]
                if part.is_constant:
                    atoms.append(Atom(s, None, part.value))
                    continue
                # equal products that are standardised alike are one array
                key = (part.products, len(parts(column)), part.channel, policy[f, c])
                if key not in known:
                    known[key] = len(held)
                    held.append((f, c, i))
                atoms.append(Atom(s, known[key], 1.0))
            own.append(tuple(atoms))
        columns[f] = tuple(own)
    varying = {k for part in random for k in part.channel}
    for item in plan.fixed:
        for part in parts(item):
            if isinstance(item, FixedSet) or not part.is_constant:
                varying |= set(part.channel)
    flat = tuple(k not in varying and not plan.has_offset[k] for k in range(plan.n_predictors))
    return Channels(
        inputs,
        tuple(sorted({number[part.channel] for part in fixed})),
        tuple(sorted({number[part.channel] for part in random})),
        columns,
        tuple(held),
        flat,
    )


def channels(plan_layout: Layout) -> Channels:
    """Return the channels of a plan with a density."""
    return _channels(plan_layout.plan)
