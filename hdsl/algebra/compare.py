"""Compare two models: what differs, whether one is nested in the other, whether a likelihood-ratio test is valid.

Input: two models, and data if there are some. Output: a `ModelDifference`. Invariant: names of parameters and indices
decide nothing; columns do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from hdsl.algebra.columns import LOCATION, ROWS, Group, Key, Shape, shape_of
from hdsl.algebra.difference import Change, LikelihoodRatio, ModelDifference, Relation, Rows, ordered
from hdsl.algebra.nested import Nesting, nest
from hdsl.diagnostics import Diagnostics
from hdsl.form.model import CompositeModel
from hdsl.semantics import resolve
from hdsl.semantics.equations import Equations
from hdsl.semantics.record import ResolvedModel, Role
from hdsl.source import Source
from hdsl.syntax import parse

if TYPE_CHECKING:
    from hdsl.design import Design

__all__ = ["Comparable", "Named", "diff", "difference"]


class Named(Protocol):
    """The source of a model and what it became; a form has both."""

    @property
    def source(self) -> Source:
        """The text."""
        ...

    @property
    def form(self) -> CompositeModel:
        """The composite."""
        ...


class Comparable(Named, Protocol):
    """What `diff` needs of a model; `hdsl.Model` has it."""

    def bind(self, data: Any) -> Design:
        """Bind data."""
        ...


def diff(a: Comparable, b: Comparable, data: Any = None) -> ModelDifference:
    """Say what differs between two models.

    Parameters
    ----------
    a, b : Model
    data : frame, path or dict, optional
        With data, the rows that the models use are compared and parameters are counted.

    Returns
    -------
    ModelDifference

    Raises
    ------
    DataError, FitError
        Where `data` cannot be bound to one of the models.
    """
    return difference(a, b, None if data is None else (a.bind(data), b.bind(data)))


def difference(a: Named, b: Named, designs: tuple[Design, Design] | None) -> ModelDifference:
    """Say what differs between two models, data bound to them or not; see `diff`."""
    shapes = shape_of(a.form, b.form), shape_of(b.form, a.form)
    resolved = _resolved(a), _resolved(b)
    unread = _unread(a, b, resolved)
    changes = ordered((*_changes(*shapes), *(_statements(*resolved) if unread else ())))
    renamed, only_a, only_b = _names(a, b, shapes)
    in_b, in_a = nest(*shapes), nest(*shapes[::-1])
    relation, nesting = _relation(changes, in_b, in_a, bool(unread))
    rows = None if designs is None else _rows(*designs)
    test = _test(relation, nesting, shapes, resolved, designs, rows)
    return ModelDifference(
        names=(a.source.name, b.source.name),
        changes=changes,
        renamed=renamed,
        only_a=only_a,
        only_b=only_b,
        relation=relation,
        restrictions=nesting.restrictions if relation in ("a in b", "b in a") else (),
        why_not_nested=_why(relation, unread, in_b, in_a),
        test=test,
        rows=rows,
    )


def _resolved(model: Named) -> ResolvedModel:
    return resolve(parse(model.source), model.source, Diagnostics())


# -- what differs ----------------------------------------------------------------------------------------------------


def _changes(a: Shape, b: Shape) -> Iterator[Change]:
    """Yield the differences of the two composites, part by part."""
    if a.outcome != b.outcome:
        yield Change(kind="outcome", a=_outcome(a), b=_outcome(b))
    for argument in sorted(a.links.keys() & b.links.keys()):
        if a.links[argument] != b.links[argument]:
            yield Change(kind="link", a=f"{a.links[argument]} ({argument})", b=f"{b.links[argument]} ({argument})")
    yield from _sides("fixed", {k: f.text for k, f in a.fixed.items()}, {k: f.text for k, f in b.fixed.items()})
    yield from (
        Change(kind="level", a=f"{f.text} at {_at(f.level)}", b=f"{b.fixed[key].text} at {_at(b.fixed[key].level)}")
        for key, f in a.fixed.items()
        if key in b.fixed and f.level != b.fixed[key].level
    )
    yield from _sides("offset", a.offsets, b.offsets)
    yield from _sides("random", _effect_texts(a), _effect_texts(b))
    yield from _covariances(a, b)


def _sides(kind: str, a: Any, b: Any) -> Iterator[Change]:
    """Yield what one side alone has."""
    yield from (Change(kind=kind, a=text, b=None) for key, text in a.items() if key not in b)
    yield from (Change(kind=kind, a=None, b=text) for key, text in b.items() if key not in a)


def _effect_texts(shape: Shape) -> dict[Key, str]:
    return {key: f"{effect.text}, for each {_at(effect.group)}" for key, effect in shape.effects.items()}


def _covariances(a: Shape, b: Shape) -> Iterator[Change]:
    """Yield correlations that one side has between effects of both, ties of standard deviations, and structures."""
    both = a.effects.keys() & b.effects.keys()
    for pair in (p for p in (*a.correlated, *b.correlated) if p <= both and (p in a.correlated) != (p in b.correlated)):
        texts = (a.correlated.get(pair), b.correlated.get(pair))
        names = [" and ".join(sorted(s.effects[key].name for key in pair)) + " uncorrelated" for s in (a, b)]
        yield Change(kind="covariance", a=texts[0] or names[0], b=texts[1] or names[1])
    for first, second in _pairs(sorted(both)):
        tied = [s.effects[first].sd == s.effects[second].sd for s in (a, b)]
        if tied[0] != tied[1]:
            shown = [
                f"{s.effects[first].name} and {s.effects[second].name} "
                + (f"share {s.effects[first].sd}" if t else "have a standard deviation each")
                for s, t in zip((a, b), tied, strict=True)
            ]
            yield Change(kind="covariance", a=shown[0], b=shown[1])
    structures = [sorted(s.structures.values()) for s in (a, b)]
    if structures[0] != structures[1]:
        yield Change(kind="covariance", a=", ".join(structures[0]) or None, b=", ".join(structures[1]) or None)


def _pairs(keys: list[Key]) -> Iterator[tuple[Key, Key]]:
    yield from ((first, second) for place, first in enumerate(keys) for second in keys[place + 1 :])


def _outcome(shape: Shape) -> str:
    column, transform, distribution, *known = shape.outcome
    left = f"{transform}({column})" if transform else column
    return f"{left} ~ {distribution}" + "".join(f", {text}" for text in known if text)


def _at(group: Group) -> str:
    return " and ".join(group) if group and group != (ROWS,) else "row" if group else "the whole model"


def _statements(a: ResolvedModel, b: ResolvedModel) -> Iterator[Change]:
    """Yield the statements that one side alone has, for models whose composites do not say all."""
    texts = [[line.strip() for line in str(Equations(model)).splitlines() if line.startswith(" ")] for model in (a, b)]
    yield from (Change(kind="statement", a=text, b=None) for text in texts[0] if text not in texts[1])
    yield from (Change(kind="statement", a=None, b=text) for text in texts[1] if text not in texts[0])


def _unread(a: Named, b: Named, resolved: tuple[ResolvedModel, ResolvedModel]) -> tuple[str, ...]:
    """Return what the composites of the two models do not hold, so that comparing them is not enough."""
    found: dict[str, None] = {}
    for form, model in zip((a.form, b.form), resolved, strict=True):
        if not form.predictors or any(not p.terms for p in form.predictors):
            found["a predictor is not linear in its coefficients"] = None
        for argument, _ in form.outcome.nonlinear:
            found[f"the {argument} of a model is not linear"] = None
        if form.outcome.wrappers:
            found["an outcome has a wrapper around its distribution"] = None
        if len(model.of_role(Role.OUTCOME)) > 1:
            found["a model has several outcomes"] = None
        for item in form.unsupported:
            if not item.is_in_form:
                found[f"a model has {item.feature}"] = None
        if any(block.distribution != "normal" for block in form.blocks):
            found["coefficients are not normal"] = None
    return tuple(found)


def _names(
    a: Named, b: Named, shapes: tuple[Shape, Shape]
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...], tuple[str, ...]]:
    """Return what is the same under another name, and the parameters that one side alone has."""
    pairs: dict[tuple[str, str], None] = {}
    for key in (k for k in shapes[0].fixed if k in shapes[1].fixed):
        pairs[shapes[0].fixed[key].name, shapes[1].fixed[key].name] = None
    for key in (k for k in shapes[0].effects if k in shapes[1].effects):
        first, second = shapes[0].effects[key], shapes[1].effects[key]
        pairs[first.name, second.name] = None
        pairs[first.sd, second.sd] = None
    for pair in (p for p in shapes[0].correlated if p in shapes[1].correlated):
        pairs[shapes[0].correlated[pair], shapes[1].correlated[pair]] = None
    made = ("sd(", "cor(")
    renamed = tuple((x, y) for x, y in pairs if x != y and not x.startswith(made) and not y.startswith(made))
    left, right = {x for x, _ in pairs}, {y for _, y in pairs}
    elsewhere = _outside(a, shapes[0]) & _outside(b, shapes[1])
    only_a = tuple(p.name for p in a.form.parameters if p.name not in left | elsewhere)
    only_b = tuple(p.name for p in b.form.parameters if p.name not in right | elsewhere)
    return renamed, only_a, only_b


def _outside(model: Named, shape: Shape) -> set[str]:
    """Return the parameters that stand in no column, so that only their names can be compared."""
    inside = {f.name for f in shape.fixed.values()} | {e.sd for e in shape.effects.values()}
    return {p.name for p in model.form.parameters} - inside - set(shape.correlated.values())


# -- nesting and the test --------------------------------------------------------------------------------------------


def _relation(changes: tuple[Change, ...], in_b: Nesting, in_a: Nesting, is_unread: bool) -> tuple[Relation, Nesting]:
    real = [change for change in changes if change.kind != "level"]
    if not real:
        return "same", in_b
    if is_unread:
        return "not decided", in_b
    if not in_b.obstacles:
        return "a in b", in_b
    if not in_a.obstacles:
        return "b in a", in_a
    return "not nested", in_b


def _why(relation: Relation, unread: tuple[str, ...], in_b: Nesting, in_a: Nesting) -> tuple[Change, ...]:
    if relation == "not decided":
        return ordered(Change(kind="reason", a=text, b=text) for text in unread)
    if relation == "not nested":
        return ordered((*in_b.obstacles, *(obstacle.swapped() for obstacle in in_a.obstacles)))
    return ()


def _rows(a: Design, b: Design) -> Rows:
    """Compare the rows that two designs use, and their outcomes."""
    import numpy as np

    same = a.row_labels.equals(b.row_labels) and np.array_equal(a.arrays.y, b.arrays.y)
    missing = {name for name in a.missing.keys() ^ b.missing.keys() if a.missing.get(name, 0) + b.missing.get(name, 0)}
    return Rows(a=len(a.row_labels), b=len(b.row_labels), same=bool(same), missing=tuple(sorted(missing)))


def _test(
    relation: Relation,
    nesting: Nesting,
    shapes: tuple[Shape, Shape],
    resolved: tuple[ResolvedModel, ResolvedModel],
    designs: tuple[Design, Design] | None,
    rows: Rows | None,
) -> LikelihoodRatio:
    if relation == "same":
        return LikelihoodRatio(ml=False, reml=False, why_not_ml=("nothing to test",), why_not_reml=("nothing to test",))
    why = [*_why_not(relation, resolved, rows)]
    why_reml = [*why, *_why_not_reml(shapes)]
    conditions = () if rows is not None else _conditions(shapes)
    small, large = (0, 1) if relation == "a in b" else (1, 0)
    n_fixed = nesting.n_fixed
    if n_fixed is None and designs is not None:
        n_fixed = len(designs[large].fixed_labels) - len(designs[small].fixed_labels)
    mixture, reference = _reference(nesting, n_fixed)
    is_valid = not why or not why_reml
    return LikelihoodRatio(
        ml=not why,
        reml=not why_reml,
        why_not_ml=tuple(why),
        why_not_reml=tuple(why_reml),
        conditions=tuple(conditions),
        df=None if n_fixed is None or not is_valid else _total(nesting, n_fixed),
        on_boundary=is_valid and nesting.n_variances > 0,
        mixture=mixture if is_valid else (),
        reference=reference if is_valid else "",
    )


def _why_not(relation: Relation, resolved: tuple[ResolvedModel, ResolvedModel], rows: Rows | None) -> Iterator[str]:
    """Yield why no likelihood-ratio test is valid."""
    if relation not in ("a in b", "b in a"):
        yield "the models are not nested" if relation == "not nested" else "whether they are nested cannot be told"
    priors = sorted({e.printed for m in resolved for e in m.of_role(Role.PARAMETER) if _has_prior(m, e.key)})
    if priors:
        yield f"{', '.join(f'`{name}`' for name in priors)} {'has a prior' if len(priors) == 1 else 'have priors'}"
    if rows is not None and not rows.same:
        because = f" (missing values in {', '.join(f'`{name}`' for name in rows.missing)})" if rows.missing else ""
        yield f"they use different rows{because}: fit both to the rows that both can use"


def _has_prior(model: ResolvedModel, key: tuple[str, tuple[str, ...]]) -> bool:
    statement = model.entities[key].stochastic
    return statement is not None and statement.distribution.name != "flat"


def _why_not_reml(shapes: tuple[Shape, Shape]) -> Iterator[str]:
    a, b = shapes
    mean = [{key for key in s.fixed if key[0][0] == LOCATION} for s in shapes]
    if {a.outcome[2], b.outcome[2]} != {"normal"}:
        yield "REML is for normal outcomes"
    elif mean[0] != mean[1]:
        yield "the fixed parts differ, so the restricted likelihoods are of different data"
    elif any(a.fixed[key].scale != b.fixed[key].scale for key in mean[0]):
        yield "fixed columns have different scales, which the restricted likelihood depends on"


def _conditions(shapes: tuple[Shape, Shape]) -> Iterator[str]:
    """Yield what only data can show: missing values in a column that one model alone reads."""
    a, b = (_columns_read(shape) for shape in shapes)
    names = sorted(a ^ b)
    if names:
        yield f"no value of {', '.join(f'`{name}`' for name in names)} is missing (give DATA to see)"


def _columns_read(shape: Shape) -> set[str]:
    groups = [*(f.group for f in shape.fixed.values()), *(e.group for e in shape.effects.values())]
    return {*shape.levels, *(column for group in groups for column in group)} - {ROWS}


def _total(nesting: Nesting, n_fixed: int) -> int:
    return n_fixed + nesting.n_interior + nesting.n_variances + nesting.n_covariances


def _reference(nesting: Nesting, n_fixed: int | None) -> tuple[tuple[tuple[float, int], ...], str]:
    """Return the mixture of chi-squared distributions that the statistic follows, and its description."""
    if n_fixed is None:
        more = " with a boundary" if nesting.n_variances else ""
        return (), f"chi-squared{more}; its degrees of freedom depend on the levels of a set (give DATA)"
    total = _total(nesting, n_fixed)
    if nesting.n_variances == 0:
        return ((1.0, total),), f"chi-squared with {total} degree{'' if total == 1 else 's'} of freedom"
    if nesting.n_variances == 1:
        words = f"half chi-squared({total - 1}), half chi-squared({total}): a variance is tested at zero, its boundary"
        return ((0.5, total - 1), (0.5, total)), words
    low = n_fixed + nesting.n_interior
    words = (
        f"a mixture of chi-squared({low}) to chi-squared({total}): {nesting.n_variances} variances are tested at zero, "
        f"and the weights depend on the data; chi-squared({total}) is conservative"
    )
    return (), words
