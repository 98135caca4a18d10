"""Which levels of unmodelled sets have columns, against ranks of the columns written out."""

from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import hdsl
from hdsl.design import bind
from hdsl.design.rank import Indicators, Vector, gram, independent
from hdsl.form.model import CompositeModel, Term, UnmodelledSet
from hdsl.form.records_json import to_json
from tests.unit.design.models import fixed, flat, model, ref


def frame(**columns: object) -> pd.DataFrame:
    data = pd.DataFrame(columns)
    return data.assign(y=np.arange(len(data), dtype=float))


def test_two_sets_beside_an_intercept_lose_a_level_each() -> None:
    data = frame(a=["x", "y", "x", "y", "z", "z"], b=[1, 1, 2, 2, 1, 2])
    form = model(
        fixed("b0"),
        fixed("p[a]"),
        fixed("q[b]"),
        indices={"a": "a", "b": "b"},
        sets=(flat("p", "a"), flat("q", "b")),
    )
    design = bind(form, data)
    assert design.fixed_labels == ("b0", "p[y]", "p[z]", "q[2]")


def test_first_of_two_sets_without_an_intercept_is_whole() -> None:
    data = frame(a=["x", "y", "x", "y", "z", "z"], b=[1, 1, 2, 2, 1, 2])
    form = model(fixed("p[a]"), fixed("q[b]"), indices={"a": "a", "b": "b"}, sets=(flat("p", "a"), flat("q", "b")))
    assert bind(form, data).fixed_labels == ("p[x]", "p[y]", "p[z]", "q[2]")


def test_set_nested_in_a_set_loses_the_first_level_of_each_parent() -> None:
    data = frame(s=["A", "A", "A", "B", "B", "B"], c=[1, 2, 3, 4, 5, 5])
    form = model(
        fixed("b0"),
        fixed("p[s]"),
        fixed("q[c]"),
        indices={"s": "s", "c": "c"},
        sets=(flat("p", "s"), flat("q", "c")),
    )
    design = bind(form, data)
    assert design.fixed_labels == ("b0", "p[B]", "q[2]", "q[3]", "q[5]")
    assert design.zeroed == {"p[s]": ("A",), "q[c]": ("1", "4")}


def test_cells_beside_both_margins_keep_those_without_a_reference() -> None:
    data = frame(a=["x", "x", "y", "y", "z", "z"] * 2, b=[1, 2] * 6)
    form = model(
        fixed("p[a]"),
        fixed("q[b]"),
        fixed("r[a,b]"),
        indices={"a": "a", "b": "b"},
        sets=(flat("p", "a", refs=("y",)), flat("q", "b"), flat("r", "a", "b")),
    )
    design = bind(form, data)
    # The explicit reference y is zero though nothing before it spans it, so q and r have a level more to say.
    assert design.fixed_labels == ("p[x]", "p[z]", "q[1]", "q[2]", "r[x,2]", "r[z,2]")


def test_cells_beside_an_intercept_alone_lose_one() -> None:
    data = frame(a=["x", "x", "y", "y"], b=[1, 2, 1, 2])
    form = model(fixed("b0"), fixed("r[a,b]"), indices={"a": "a", "b": "b"}, sets=(flat("r", "a", "b"),))
    assert bind(form, data).fixed_labels == ("b0", "r[x,2]", "r[y,1]", "r[y,2]")


def test_slopes_of_a_set_lose_a_level_beside_the_common_slope_only() -> None:
    data = frame(g=[1, 1, 2, 2, 3, 3], x=[1.0, 2.0, 4.0, 3.0, 7.0, 5.0])
    sets = (flat("s", "g"),)
    alone = model(fixed("b0"), fixed("s[g]", ref("x")), indices={"g": "g"}, sets=sets)
    assert bind(alone, data).fixed_labels == ("b0", "s[1]", "s[2]", "s[3]")
    beside = model(fixed("b0"), fixed("b1", ref("x")), fixed("s[g]", ref("x")), indices={"g": "g"}, sets=sets)
    assert bind(beside, data).fixed_labels == ("b0", "b1", "s[2]", "s[3]")


def test_group_covariate_before_a_set_costs_it_a_level_more() -> None:
    data = frame(g=[1, 1, 2, 2, 3, 3], z=[1.0, 1.0, 4.0, 4.0, 7.5, 7.5])
    form = model(fixed("b0"), fixed("b1", ref("z", "g")), fixed("s[g]"), indices={"g": "g"}, sets=(flat("s", "g"),))
    assert bind(form, data).fixed_labels == ("b0", "b1", "s[3]")


def test_set_that_is_spanned_altogether_has_no_column() -> None:
    data = frame(g=[1, 1, 2, 2], h=["a", "a", "b", "b"])
    form = model(fixed("p[g]"), fixed("q[h]"), indices={"g": "g", "h": "h"}, sets=(flat("p", "g"), flat("q", "h")))
    design = bind(form, data)
    assert design.fixed_labels == ("p[1]", "p[2]")
    assert len(design.plan.fixed) == 1
    assert len(design.arrays.sets) == 1
    assert design.zeroed["q[h]"] == ("a", "b")


def test_covariate_far_from_zero_does_not_hide_a_slope() -> None:
    generator = np.random.default_rng(1)
    data = frame(g=np.repeat([1, 2, 3], 20), year=1e4 + generator.normal(size=60))
    form = model(
        fixed("b0"), fixed("b1", ref("year")), fixed("s[g]", ref("year")), indices={"g": "g"}, sets=(flat("s", "g"),)
    )
    assert bind(form, data).fixed_labels == ("b0", "b1", "s[2]", "s[3]")


def test_categories_keep_their_order_and_those_that_do_not_occur_are_left_out() -> None:
    town = pd.Categorical(["Town", "Rural", "City", "Rural"], categories=["Rural", "Village", "Town", "City"])
    form = model(fixed("b0"), fixed("t[g]"), indices={"g": "town"}, sets=(flat("t", "g"),))
    assert bind(form, frame(town=town)).fixed_labels == ("b0", "t[Town]", "t[City]")


def test_coding_is_json() -> None:
    data = frame(g=[1, 1, 2, 2], z=[1.0, 2.0, 3.0, 4.0])
    form = model(fixed("b0"), fixed("p[g]"), indices={"g": "g"}, sets=(flat("p", "g"),))
    coding = bind(form, data).coding
    read = json.loads(to_json(coding))
    assert read["levels"] == {"g": ["1", "2"]}
    assert read["sets"][0]["columns"] == [None, 0]


# ---------------------------------------------------------------- random designs against brute force


def _random_model(generator: np.random.Generator) -> tuple[CompositeModel, pd.DataFrame]:
    """Draw up to five fixed terms over three factors, one of them nested, some cells empty."""
    n = int(generator.integers(8, 60))
    a = generator.integers(0, generator.integers(2, 5), n)
    b = generator.integers(0, generator.integers(2, 6), n)
    c = a * 10 + generator.integers(0, 3, n)
    data = pd.DataFrame({"a": a, "b": b, "c": c, "x": generator.normal(size=n).round(1), "y": generator.normal(size=n)})
    data["z"] = data["a"] * 2.0 - 1
    subsets = [("a",), ("b",), ("c",), ("a", "b"), ("b", "c")]
    terms: list[Term] = [fixed("b0")] if generator.random() < 0.6 else []
    sets: list[UnmodelledSet] = []
    for k in range(int(generator.integers(1, 5))):
        choice = int(generator.integers(0, 7))
        slope = [ref("x")] if generator.random() < 0.3 else []
        if choice >= 5:
            terms.append(fixed(f"v{k}", ref("x" if choice == 5 else "z")))
            continue
        subset = subsets[choice]
        refs = (str(data[subset[0]].iloc[0]),) if len(subset) == 1 and generator.random() < 0.3 else ()
        terms.append(fixed(f"s{k}[{','.join(subset)}]", *slope))
        sets.append(flat(f"s{k}", *subset, refs=refs))
    form = model(*terms, indices={"a": "a", "b": "b", "c": "c"}, sets=tuple(sets))
    return form, data


def _columns(term: Term, data: pd.DataFrame) -> dict[tuple[str, ...], NDArray[np.float64]]:
    """Return the columns of a term by label; an ordinary one has the empty label."""
    value = np.ones(len(data))
    for factor in term.covariates:
        value = value * data[factor.expr.name].to_numpy(float)  # type: ignore[union-attr]
    if not term.coefficient_set:
        return {(): value}
    labels = list(zip(*(data[name].astype(str) for name in term.coefficient_set), strict=True))
    ordered = sorted(set(labels), key=lambda label: tuple(int(part) for part in label))
    return {label: value * np.array([other == label for other in labels]) for label in ordered}


def _expected(form: CompositeModel, data: pd.DataFrame) -> list[str]:
    """Return the labels kept when each column is tried in turn against the rank of those before it."""
    first = {name: str(data[name].min()) for name in "abc"}
    for unmodelled in reversed(form.sets):
        if unmodelled.references:
            first[unmodelled.index_set[0]] = unmodelled.references[0]
    sets = {f"{s.name}[{','.join(s.index_set)}]": s for s in form.sets}
    basis: list[NDArray[np.float64]] = []
    labels: list[str] = []

    def adds(column: NDArray[np.float64]) -> bool:
        if np.linalg.matrix_rank(np.column_stack([*basis, column]), tol=1e-7) == len(basis):
            return False
        basis.append(column)
        return True

    for term in form.predictors[0].terms:
        columns = _columns(term, data)
        unmodelled = sets.get(term.coefficient or "")
        if unmodelled is None:
            adds(columns[()])
            labels.append(term.coefficient or "")
            continue
        own = unmodelled.references or tuple(first[name] for name in unmodelled.index_set)
        plain = [label for label in columns if not any(x == r for x, r in zip(label, own, strict=True))]
        rest = [label for label in columns if label not in plain]
        tried = [label for label in (*reversed(plain), *reversed(rest)) if label != unmodelled.references]
        kept = {label for label in tried if adds(columns[label])}
        labels += [f"{unmodelled.name}[{','.join(label)}]" for label in columns if label in kept]
    return labels


@pytest.mark.parametrize("seed", range(150))
def test_kept_levels_are_those_that_raise_the_rank(seed: int) -> None:
    form, data = _random_model(np.random.default_rng(seed))
    assert list(bind(form, data).fixed_labels) == _expected(form, data)


def test_random_designs_have_empty_cells_nested_sets_and_slopes() -> None:
    empty = nested = slopes = 0
    for seed in range(150):
        form, data = _random_model(np.random.default_rng(seed))
        symbols = {s.index_set for s in form.sets}
        cells = data.groupby(["a", "b"]).ngroups
        empty += ("a", "b") in symbols and cells < data["a"].nunique() * data["b"].nunique()
        nested += {("a",), ("c",)} <= symbols
        slopes += any(term.coefficient_set and term.covariates for term in form.predictors[0].terms)
    assert min(empty, nested, slopes) >= 10


def test_gram_matrix_is_that_of_the_centred_columns() -> None:
    generator = np.random.default_rng(3)
    codes, x = generator.integers(0, 4, 50), generator.normal(size=50) + 30
    parts = [Vector(values=x), Vector(values=None), Indicators(codes=codes, values=x, width=4), Vector(values=x**2)]
    matrix, _ = gram(parts, 50)
    dense = np.column_stack([x, np.ones(50), *((codes == k) * x for k in range(4)), x**2])
    dense[:, 2:] -= dense[:, 2:].mean(axis=0)
    np.testing.assert_allclose(matrix, dense.T @ dense, rtol=1e-9, atol=1e-7)


def test_two_thousand_levels_take_seconds() -> None:
    generator = np.random.default_rng(4)
    school = generator.integers(0, 300, 20_000)
    codes = [school, school * 6 + generator.integers(0, 6, 20_000)]
    parts = [Vector(values=None), *(Indicators(codes=c, values=None, width=int(c.max()) + 1) for c in codes)]
    start = time.perf_counter()
    matrix, scale = gram(parts, 20_000)
    kept = independent(matrix, scale, np.ones(len(matrix), dtype=bool))
    assert time.perf_counter() - start < 20
    assert kept.sum() == len(np.unique(codes[1]))


def test_a_set_with_a_coefficient_for_each_row_has_too_many() -> None:
    frame = pd.DataFrame({"y": [1.0, 2.5, 2.0, 4.0]})
    with pytest.raises(hdsl.FitError) as caught:
        hdsl.Model("y[i] ~ normal(b[i], sd)\nb[i] ~ flat()").fit(frame)
    assert caught.value.code == "HM504"
