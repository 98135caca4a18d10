"""Whether one model is another with some of its parameters fixed: which ones, and what that means for a test.

Input: two models as columns. Output: a `Nesting`. Invariant: a model is called nested only where its columns are those
of the other one, or are spanned by an unmodelled set of it.

References
----------
Self and Liang (1987), Stram and Lee (1994): variances at zero lie on the edge of the parameter space, and the statistic
then follows a mixture of chi-squared distributions.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hdsl.algebra.columns import Effect, Fixed, Shape
from hdsl.algebra.difference import Change

__all__ = ["Nesting", "nest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nesting:
    """What turns the larger model into the smaller one.

    Attributes
    ----------
    obstacles : tuple of Change
        Why the smaller is not nested; empty where it is.
    restrictions : tuple of str
        Parameters at fixed values: ``"b4 = 0"``.
    n_fixed : int or None
        Fixed coefficients that go; None where a set has one for each level, which takes data to count.
    n_interior : int
        Correlations at zero, and standard deviations that are equal.
    n_variances, n_covariances : int
        Variances at zero, and the covariances that go with them.
    """

    obstacles: tuple[Change, ...] = ()
    restrictions: tuple[str, ...] = ()
    n_fixed: int | None = 0
    n_interior: int = 0
    n_variances: int = 0
    n_covariances: int = 0


def nest(small: Shape, large: Shape) -> Nesting:
    """Return how `small` is nested in `large`, or why it is not: obstacles call `small` a and `large` b."""
    obstacles = _outcome_obstacles(small, large)
    obstacles = obstacles or [*_fixed_obstacles(small, large), *_random_obstacles(small, large)]
    if obstacles:
        return Nesting(obstacles=tuple(obstacles))
    fixed = [f for key, f in large.fixed.items() if key not in small.fixed]
    gone = [e for key, e in large.effects.items() if key not in small.effects]
    pairs = [p for p in large.correlated if p not in small.correlated]
    apart = [p for p in pairs if all(key in small.effects for key in p)]
    ties, n_ties = _ties(small, large)
    spanned = [f for key, f in small.fixed.items() if key not in large.fixed]
    uncounted = bool(spanned) or any(f.group for f in fixed)
    variances = list(dict.fromkeys(e.sd for e in gone))
    return Nesting(
        restrictions=(
            *(_fixed_restriction(f, spanned, small, large) for f in fixed),
            *(f"{sd} = 0" for sd in variances),
            *(f"{large.correlated[p]} = 0" for p in apart),
            *ties,
        ),
        n_fixed=None if uncounted else len(fixed),
        n_interior=len(apart) + n_ties,
        n_variances=len(variances),
        n_covariances=len(pairs) - len(apart),
    )


def _fixed_restriction(fixed: Fixed, spanned: list[Fixed], small: Shape, large: Shape) -> str:
    """Return what a coefficient of the larger model is in the smaller: zero, or what a set takes in of it."""
    parts = ["*".join((f.name, *_more(fixed, f))) for f in spanned if _spans(fixed, f, small, large)]
    if fixed.group and not parts:
        return f"every {fixed.name} = 0"
    return f"{fixed.name} = {' + '.join(parts) or '0'}"


def _more(unmodelled: Fixed, fixed: Fixed) -> tuple[str, ...]:
    """Return the factors of the first product of a column that an unmodelled set does not have."""
    return tuple(sorted((Counter(fixed.key[0][2][0][0]) - Counter(unmodelled.key[0][2][0][0])).elements()))


def _reason(text: str) -> Change:
    return Change(kind="reason", a=text, b=text)


def _alone(text: str) -> Change:
    return Change(kind="reason", a=f"`{text}`", b=None)


def _outcome_obstacles(small: Shape, large: Shape) -> list[Change]:
    if small.outcome != large.outcome:
        return [_reason("the outcomes differ")]
    links = [a for a, link in small.links.items() if large.links.get(a, link) != link]
    return [_reason(f"the link of the {argument} differs") for argument in links]


def _fixed_obstacles(small: Shape, large: Shape) -> list[Change]:
    found = []
    for key, fixed in small.fixed.items():
        if key in large.effects:
            modelled = f"`{large.effects[key].name}` is modelled"
            found.append(Change(kind="reason", a=f"`{fixed.name}` is unmodelled", b=modelled))
        elif key not in large.fixed and not any(
            _spans(f, fixed, small, large) for f in large.fixed.values() if f.group
        ):
            found.append(_alone(fixed.text))
    for offset in small.offsets.keys() ^ large.offsets.keys():
        change = _alone("the offset " + (small.offsets.get(offset) or large.offsets[offset]))
        found.append(change if offset in small.offsets else change.swapped())
    return found


def _spans(unmodelled: Fixed, fixed: Fixed, small: Shape, large: Shape) -> bool:
    """Whether an unmodelled set takes in a column: its own covariates, times what is constant in each of its units."""
    if len(unmodelled.key) != 1 or len(fixed.key) != 1:
        return False
    (argument, group, column), (other_argument, other_group, other_column) = unmodelled.key[0], fixed.key[0]
    if argument != other_argument or not large.determines(group, other_group) or len(column) != 1:
        return False
    own = Counter(column[0][0])
    rest = [Counter(factors) - own for factors, _ in other_column]
    covers = all(own <= Counter(factors) for factors, _ in other_column)
    levels = [small.levels[factor] for more in rest for factor in more]
    return covers and all(large.determines(group, level) for level in levels)


def _random_obstacles(small: Shape, large: Shape) -> list[Change]:
    found = []
    for key, effect in small.effects.items():
        if key in large.fixed:
            unmodelled = f"`{large.fixed[key].name}` is unmodelled"
            found.append(Change(kind="reason", a=f"`{effect.name}` is modelled", b=unmodelled))
        elif key not in large.effects:
            found.append(_alone(effect.text))
    both = small.effects.keys() & large.effects.keys()
    found += [_alone(name) for pair, name in small.correlated.items() if pair <= both and pair not in large.correlated]
    if small.structures or large.structures:
        found.append(_reason("a covariance structure other than diagonal and unstructured is not compared"))
    if {e.sd for e in _gone(small, large)} & {large.effects[key].sd for key in both}:
        found.append(
            Change(kind="reason", a="some effects are missing", b="they share their standard deviation with others")
        )
    if not found and _untied(small, large):
        found.append(Change(kind="reason", a="effects have a standard deviation each", b="they share one"))
    return found


def _gone(small: Shape, large: Shape) -> list[Effect]:
    return [effect for key, effect in large.effects.items() if key not in small.effects]


def _untied(small: Shape, large: Shape) -> bool:
    """Whether effects that share a standard deviation in the larger model do not in the smaller."""
    shared: dict[str, set[str]] = {}
    for key, effect in large.effects.items():
        if key in small.effects:
            shared.setdefault(effect.sd, set()).add(small.effects[key].sd)
    return any(len(names) > 1 for names in shared.values())


def _ties(small: Shape, large: Shape) -> tuple[tuple[str, ...], int]:
    """Return the standard deviations that are one in the smaller model and several in the larger."""
    shared: dict[str, dict[str, None]] = {}
    for key, effect in small.effects.items():
        shared.setdefault(effect.sd, {})[large.effects[key].sd] = None
    ties = [list(names) for names in shared.values() if len(names) > 1]
    return tuple(" = ".join(names) for names in ties), sum(len(names) - 1 for names in ties)
