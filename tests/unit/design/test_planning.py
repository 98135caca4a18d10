"""Factors, covariance parameters and the order of elimination."""

from __future__ import annotations

from itertools import chain as chained
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from hdsl.design import bind, describe, structural_plan
from hdsl.design.layout import lay_out
from hdsl.design.order import Fill, heaviest_chain, measure_fill
from hdsl.diagnostics.record import FitError
from hdsl.form.model import CompositeModel, Unsupported
from tests.unit.design.models import block, fixed, model, nested, random, ref, span


def three_levels(*, declared: bool) -> tuple[CompositeModel, pd.DataFrame]:
    generator = np.random.default_rng(0)
    child = np.repeat(np.arange(30), 4)
    data = pd.DataFrame(
        {
            "y": generator.normal(size=120),
            "x": generator.normal(size=120),
            "child": child,
            "school": child // 5,
            "rater": np.tile(["a", "b", "c"], 40),
        }
    )
    form = model(
        fixed("b0"),
        random("u0[k]"),
        random("r[m]"),
        random("v0[j]"),
        random("v1[j]", ref("x")),
        indices={"j": "child", "k": "school", "m": "rater"},
        blocks=(block("u0[k]"), block("r[m]"), block("v0[j]", "v1[j]")),
        nestings=(nested("j", "k"),) if declared else (),
    )
    return form, data


def test_chain_is_finest_first_and_the_crossed_factor_is_dense() -> None:
    form, data = three_levels(declared=True)
    plan = bind(form, data).plan
    assert [term.index_set for term in plan.re_terms] == [("k",), ("m",), ("j",)]
    assert plan.chain == (2, 0)
    assert plan.dense == (1,)
    assert plan.crossing == "dense"
    assert plan.sizes is not None
    assert plan.sizes.n_levels == (6, 3, 30)
    assert structural_plan(form) == plan


def test_nesting_found_in_the_data_is_used_and_said() -> None:
    form, data = three_levels(declared=False)
    plan = bind(form, data).plan
    assert plan.chain == (2, 0)
    assert any("found in the data" in reason for reason in plan.reasons)
    assert structural_plan(form).chain == (2,)
    assert structural_plan(form).dense == (0, 1)


def test_set_of_two_indices_lies_in_each_of_them() -> None:
    generator = np.random.default_rng(0)
    data = pd.DataFrame({"y": generator.normal(size=40), "batch": np.repeat(list("AB"), 20), "cask": list("abcde") * 8})
    form = model(
        fixed("b0"),
        random("u[b]"),
        random("w[b,c]"),
        indices={"b": "batch", "c": "cask"},
        blocks=(block("u[b]"), block("w[b,c]")),
    )
    design = bind(form, data)
    assert design.plan.chain == structural_plan(form).chain == (1, 0)
    assert design.plan.crossing == "none"
    assert design.levels[1][:3] == (("A", "a"), ("A", "b"), ("A", "c"))
    assert len(design.levels[1]) == 10


def test_blocks_of_one_index_set_are_one_factor_with_a_block_each() -> None:
    form, data = three_levels(declared=True)
    form = model(
        fixed("b0"),
        random("a[j]"),
        random("b[j]", ref("x")),
        indices={"j": "child"},
        blocks=(block("a[j]"), block("b[j]")),
    )
    design = bind(form, data)
    (term,) = design.plan.re_terms
    assert [(b.columns, b.theta) for b in term.blocks] == [((0,), (0,)), ((1,), (1,))]
    assert design.variance_names == {(0, 0, 0): "sd(a[j])", (0, 1, 1): "sd(b[j])"}


def test_unstructured_block_of_three_counts_thetas_by_column() -> None:
    form = model(
        fixed("b"),
        random("a[j]"),
        random("b[j]", ref("x")),
        random("c[j]", ref("z")),
        indices={"j": "child"},
        blocks=(block("a[j]", "b[j]", "c[j]"),),
    )
    plan = structural_plan(form)
    assert plan.re_terms[0].blocks[0].theta == (0, 1, 2, 3, 4, 5)
    assert plan.diagonal_theta == (True, False, False, True, False, True)


def test_one_name_for_two_standard_deviations_is_one_theta_and_the_residuals_is_none() -> None:
    form = model(
        fixed("b0"),
        random("u[j]"),
        random("v[k]"),
        random("w[m]"),
        indices={"j": "child", "k": "school", "m": "rater"},
        blocks=(
            block("u[j]", sd=("tau",)),
            block("v[k]", sd=("tau",)),
            block("w[m]", sd=("sd",)),
        ),
    )
    plan = structural_plan(form)
    assert [term.blocks[0].theta for term in plan.re_terms] == [(0,), (0,), (-1,)]
    assert plan.n_theta == 1


def test_diagonal_block_has_a_block_for_each_effect() -> None:
    form = model(
        fixed("b0"),
        random("u0[j]"),
        random("u1[j]", ref("x")),
        indices={"j": "child"},
        blocks=(block("u0[j]", "u1[j]", structure="diagonal", sd=("s0", "s1")),),
    )
    assert [b.theta for b in structural_plan(form).re_terms[0].blocks] == [(0,), (1,)]


def test_unsupported_parts_are_all_named() -> None:
    from dataclasses import replace

    form = replace(
        model(fixed("b")),
        unsupported=(
            Unsupported(feature="a bernoulli outcome", span=span(1)),
            Unsupported(feature="a prior", span=span(2)),
        ),
    )
    with pytest.raises(FitError) as error:
        structural_plan(form)
    assert [d.code for d in error.value.diagnostics] == ["HM501", "HM501"]
    assert "a prior" in error.value.diagnostics[1].message


def test_covariance_that_no_back_end_fits_is_refused() -> None:
    form = model(random("u[j]"), indices={"j": "child"}, blocks=(block("u[j]", structure="ar1"),))
    with pytest.raises(FitError, match="ar1"):
        structural_plan(form)


@pytest.mark.parametrize("seed", range(30))
def test_heaviest_chain_is_the_heaviest_of_all_chains(seed: int) -> None:
    generator = np.random.default_rng(seed)
    size = int(generator.integers(1, 7))
    weights = generator.integers(1, 20, size).tolist()
    # Subsets of a small set, ordered by inclusion, are any partial order.
    sets = [frozenset(np.flatnonzero(generator.random(5) < 0.5).tolist()) | {10 + k} for k in range(size)]
    below = {(a, b) for a in range(size) for b in range(size) if a != b and sets[a] - {10 + a} > sets[b] - {10 + b}}
    found = heaviest_chain(weights, lambda a, b: (a, b) in below)
    subsets = chained.from_iterable(combinations(range(size), r) for r in range(1, size + 1))
    best = max(
        sum(weights[k] for k in subset)
        for subset in subsets
        if all((a, b) in below or (b, a) in below for a, b in combinations(subset, 2))
    )
    assert sum(weights[k] for k in found) == best
    assert all((a, b) in below for a, b in combinations(found, 2))


def test_fill_counts_cells_and_pairs() -> None:
    groups = [np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 0])]
    fill = measure_fill(groups, [1, 1], [3, 2], [0], [1])
    assert (fill.columns, fill.cells, fill.possible) == (2, 4, 6)
    assert fill.pairs == 2 * 2 + 1 + 1
    assert fill.stored == 1
    assert fill.crossing == "dense"


def test_large_and_empty_crossing_is_sparse() -> None:
    fill = Fill(
        columns=1142,
        cells=73_000,
        possible=3_400_000,
        pairs=1_800_000,
        stored=900_000,
        flops=2 * 2972 * 1142.0**2,
        bytes=2.7e7,
    )
    assert fill.crossing == "sparse"


def test_crossing_beyond_memory_is_solved_by_iterations() -> None:
    n = 30_000
    generator = np.random.default_rng(0)
    data = pd.DataFrame({"y": generator.normal(size=n), "a": np.arange(n) // 2, "b": generator.permutation(n) // 2})
    form = model(
        fixed("b0"), random("u[a]"), random("v[b]"), indices={"a": "a", "b": "b"}, blocks=(block("u[a]"), block("v[b]"))
    )
    design = bind(form, data)
    assert design.plan.crossing == "iterative"
    assert (design.plan.chain, design.plan.dense) == ((), (0, 1))
    page = describe(design.plan, design.arrays)
    assert "conjugate gradients" in page
    assert "15,000, too many to factor it" in " ".join(page.split())
    assert max(map(len, page.splitlines())) <= 80


def test_long_names_still_fit_eighty_columns() -> None:
    generator = np.random.default_rng(0)
    names = ["a_classroom_with_a_long_name", "a_school_with_a_name_that_is_longer_still"]
    data = pd.DataFrame({"y": generator.normal(size=40), "c": np.arange(40) // 4, "s": np.arange(40) // 20})
    form = model(
        fixed("b0"),
        *(random(f"u[{name}]") for name in names),
        indices=dict(zip(names, "cs", strict=True)),
        blocks=tuple(block(f"u[{name}]") for name in names),
    )
    design = bind(form, data)
    lines = describe(design.plan, design.arrays).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("[a_classroom_with_a..]") for line in lines)


def test_sets_that_group_the_rows_alike_are_one_factor() -> None:
    generator = np.random.default_rng(0)
    data = pd.DataFrame({"y": generator.normal(size=40), "x": generator.normal(size=40), "c": np.arange(40) // 4})
    data["head"] = data["c"].map(lambda c: f"head {c}")
    form = model(
        fixed("b0"),
        random("u[c]"),
        random("v[h]", ref("x")),
        indices={"c": "c", "h": "head"},
        blocks=(block("u[c]"), block("v[h]")),
    )
    plan = bind(form, data).plan
    assert len(plan.re_terms) == 1
    assert [b.columns for b in plan.re_terms[0].blocks] == [(0,), (1,)]
    assert plan.reasons[0] == "`c` and `h` group the rows alike, so they are one factor."


def test_effect_that_cancels_out_is_refused() -> None:
    form = model(fixed("b0"), indices={"j": "child"}, blocks=(block("u[j]"),))
    with pytest.raises(FitError) as error:
        structural_plan(form)
    assert error.value.code == "HM108"
    assert error.value.span is not None


def test_columns_are_laid_out_once_for_a_form_and_its_categories() -> None:
    form, _ = three_levels(declared=True)
    other, _ = three_levels(declared=True)
    assert lay_out(form, ["low", "high"]) is lay_out(form, ("low", "high"))
    assert lay_out(form, ["low", "high"]) is not lay_out(form, ["low", "middle", "high"])
    assert lay_out(form) is not lay_out(other)
    assert lay_out(form) == lay_out(other)
