"""Binding small models to small data, every expected number worked out by hand."""

from __future__ import annotations

import gc

import numpy as np
import pandas as pd
import pytest

from hdsl.design import bind, describe, structural_plan
from hdsl.design.evaluate import Evaluator
from hdsl.diagnostics.record import DataError, FitError
from hdsl.form.expr import Expr
from hdsl.plan import Column, FixedSet, Product
from tests.unit.design.models import (
    ROW,
    aggregate,
    block,
    call,
    covariate,
    define,
    fixed,
    flat,
    label,
    model,
    nested,
    num,
    offset,
    random,
    ref,
)

PUPILS = pd.DataFrame(
    {
        "y": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "x": [1.0, 3.0, 5.0, 7.0, 9.0, 12.0],
        "z": [0.5, 0.5, 0.5, 0.25, 0.25, 0.25],
        "school": ["b", "b", "b", "a", "a", "a"],
        "sex": ["F", "M", "F", "M", "F", "M"],
    },
    index=[10, 11, 12, 13, 14, 15],
)
SCHOOLS = {"j": "school"}


def codes(error: pytest.ExceptionInfo[DataError] | pytest.ExceptionInfo[FitError]) -> list[str]:
    return [d.code for d in error.value.diagnostics if d.severity.value == "error"]


def test_growth_model_has_columns_groups_and_names() -> None:
    form = model(
        fixed("b0"),
        fixed("b1", ref("x")),
        fixed("b4", ref("z", "j"), ref("x")),
        random("u0[j]"),
        random("u1[j]", ref("x")),
        indices=SCHOOLS,
        blocks=(block("u0[j]", "u1[j]"),),
    )
    design = bind(form, PUPILS)
    assert design.fixed_labels == ("b0", "b1", "b4")
    assert design.fixed_terms == ("b0", "b1 * x[i]", "b4 * z[j] * x[i]")
    assert design.levels == (("a", "b"),)
    assert design.arrays.groups[0].tolist() == [1, 1, 1, 0, 0, 0]
    assert design.arrays.x_symbols == ("x[i]", "z[j]")
    assert design.arrays.x[1].tolist() == [0.5, 0.5, 0.5, 0.25, 0.25, 0.25]
    assert design.plan.fixed[2] == Column(symbol="b4", products=(Product(scale=1.0, factors=(1, 0)),))
    assert design.plan.intercept == 0
    assert design.plan.re_terms[0].blocks[0].theta == (0, 1, 2)
    assert design.plan.diagonal_theta == (True, False, True)
    assert design.variance_names == {
        (0, 0, 0): "sd(u0[j])",
        (0, 1, 1): "sd(u1[j])",
        (0, 1, 0): "cor(u0[j], u1[j])",
    }
    assert design.residual_name == "sd"
    assert design.row_labels.tolist() == [10, 11, 12, 13, 14, 15]
    assert design.group_counts == {ROW: 6, ("j",): 2}
    assert not design.arrays.y.flags.writeable
    assert not design.arrays.x[0].flags.writeable


def test_plan_of_data_and_plan_of_text_agree_in_structure() -> None:
    form = model(fixed("b0"), random("u0[j]"), indices=SCHOOLS, blocks=(block("u0[j]"),))
    assert structural_plan(form) == bind(form, PUPILS).plan
    assert structural_plan(form).sizes is None
    assert hash(structural_plan(form)) == hash(bind(form, PUPILS).plan)


def test_missing_values_drop_rows_after_aggregates() -> None:
    data = PUPILS.assign(x=[1.0, 3.0, np.nan, 7.0, 9.0, 12.0], y=[1.0, np.nan, 3.0, 4.0, 5.0, 6.0])
    centred = define("xc", ROW, call("-", ref("x"), ref("xbar", "j")))
    mean = define("xbar", ("j",), aggregate("mean", ref("x"), ROW, ("j",)))
    form = model(
        fixed("b0"),
        fixed("b1", ref("xc")),
        fixed("b2", ref("xbar", "j")),
        indices=SCHOOLS,
        definitions=(mean, centred),
        more_sets=(("j",),),
    )
    design = bind(form, data)
    # The mean of school b is that of rows 1 and 2, though row 2 goes for its outcome.
    assert design.n_read == 6
    assert design.n_dropped == 2
    assert design.missing == {"y": 1, "x": 1}
    assert design.arrays.x[1].tolist() == pytest.approx([2.0, 28 / 3, 28 / 3, 28 / 3])
    assert design.arrays.x[0].tolist() == pytest.approx([-1.0, 7 - 28 / 3, 9 - 28 / 3, 12 - 28 / 3])
    assert design.row_labels.tolist() == [10, 13, 14, 15]
    assert [d.code for d in design.diagnostics] == ["HM405"]
    learned = design.coding.aggregates[0]
    assert (learned.node, learned.labels, learned.values) == (
        mean.expr,
        ("a", "b"),
        pytest.approx((28 / 3, 2.0)),
    )


def test_column_inside_an_aggregate_alone_drops_no_row() -> None:
    data = PUPILS.assign(x=[1.0, 3.0, np.nan, 7.0, 9.0, 12.0])
    mean = define("xbar", ("j",), aggregate("mean", ref("x"), ROW, ("j",)))
    form = model(fixed("b0"), fixed("b2", ref("xbar", "j")), indices=SCHOOLS, definitions=(mean,))
    design = bind(form, data)
    assert design.n_dropped == 0
    assert design.arrays.x[0].tolist() == pytest.approx([2.0] * 3 + [28 / 3] * 3)


def test_aggregate_that_does_not_exist_is_counted_under_its_name() -> None:
    data = PUPILS.assign(x=[np.nan, np.nan, np.nan, 7.0, 9.0, 12.0])
    mean = define("xbar", ("j",), aggregate("mean", ref("x"), ROW, ("j",)))
    form = model(fixed("b0"), fixed("b2", ref("xbar", "j")), indices=SCHOOLS, definitions=(mean,))
    design = bind(form, data)
    assert design.missing == {"xbar[j]": 3}
    assert design.arrays.y.tolist() == [4.0, 5.0, 6.0]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("mean", [3.0, 28 / 3]),
        ("sum", [9.0, 28.0]),
        ("sd", [2.0, np.sqrt(((7 - 28 / 3) ** 2 + (9 - 28 / 3) ** 2 + (12 - 28 / 3) ** 2) / 2)]),
        ("min", [1.0, 7.0]),
        ("max", [5.0, 12.0]),
        ("count", [3.0, 3.0]),
    ],
)
def test_aggregates(function: str, expected: list[float]) -> None:
    definition = define("g", ("j",), aggregate(function, ref("x"), ROW, ("j",)))
    form = model(fixed("b", ref("g", "j")), indices=SCHOOLS, definitions=(definition,))
    values = bind(form, PUPILS).arrays.x[0]
    assert values[[0, 3]].tolist() == pytest.approx(expected)


def test_aggregate_over_groups_counts_each_group_once() -> None:
    data = PUPILS.assign(z=[2.0, 2.0, 6.0, 6.0, 6.0, 6.0], school=["a", "a", "b", "b", "b", "b"])
    grand = define("m", (), aggregate("mean", ref("z", "j"), ("j",), ()))
    form = model(fixed("b", ref("m")), indices=SCHOOLS, definitions=(grand,))
    form = model(
        fixed("b", covariate(call("-", ref("z", "j"), _grand_mean()), text="z - m", index_set=("j",))),
        indices=SCHOOLS,
        definitions=(grand,),
    )
    assert bind(form, data).arrays.x[0].tolist() == [-2.0, -2.0, 2.0, 2.0, 2.0, 2.0]


def _grand_mean() -> object:
    from hdsl.form.expr import Ref

    return Ref(name="m", index_set=())


def test_comparison_with_a_label_is_an_indicator() -> None:
    data = PUPILS.assign(sex=["F", "M", None, "M", "F", "M"])
    female = covariate(call("==", ref("sex"), label("F")), text='(sex[i] == "F")')
    design = bind(model(fixed("b0"), fixed("b1", female)), data)
    assert design.arrays.x[0].tolist() == [1.0, 0.0, 0.0, 1.0, 0.0]
    assert design.missing == {"sex": 1}


def test_comparison_of_numbers_with_a_label_reads_the_label() -> None:
    two = covariate(call("==", ref("x"), label("3")), text='(x[i] == "3")')
    assert bind(model(fixed("b1", two)), PUPILS).arrays.x[0].tolist() == [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]


def test_comparison_with_a_label_that_never_occurs_is_warned_of() -> None:
    form = model(fixed("b0"), fixed("b1", covariate(call("==", ref("sex"), label("f")), text="f")))
    assert [d.code for d in bind(form, PUPILS).diagnostics] == ["HM417"]


def test_text_as_a_number_is_refused_with_a_way_out() -> None:
    with pytest.raises(DataError) as error:
        bind(model(fixed("b0"), fixed("b1", ref("sex"))), PUPILS)
    assert codes(error) == ["HM407"]
    assert 'sex[i] == "F"' in error.value.help
    assert error.value.span is not None


def test_stray_text_in_a_number_column_is_shown() -> None:
    data = PUPILS.astype({"x": object})
    data.loc[12, "x"] = "unknown"
    with pytest.raises(DataError) as error:
        bind(model(fixed("b1", ref("x"))), data)
    assert "row 3" in error.value.first.notes[0]
    assert "`unknown`" in error.value.first.notes[0]


def test_na_error_refuses() -> None:
    data = PUPILS.assign(x=[1.0, 3.0, np.nan, 7.0, 9.0, 12.0])
    with pytest.raises(DataError) as error:
        bind(model(fixed("b1", ref("x"))), data, na="error")
    assert codes(error) == ["HM406"]
    assert any("`x` is missing in 1 row" in note for note in error.value.first.notes)


def test_no_rows_left() -> None:
    with pytest.raises(DataError) as error:
        bind(model(fixed("b1", ref("x"))), PUPILS.assign(x=np.nan))
    assert codes(error) == ["HM408"]
    with pytest.raises(DataError) as error:
        bind(model(fixed("b1", ref("x"))), PUPILS.iloc[:0])
    assert codes(error) == ["HM408"]


def test_infinite_value_and_division_by_zero_name_the_row() -> None:
    data = PUPILS.assign(x=[1.0, np.inf, 5.0, 7.0, 9.0, 12.0], z=[1.0, 2.0, 0.0, 1.0, 1.0, 1.0])
    ratio = covariate(call("/", num(1), ref("z")), text="(1/z[i])")
    with pytest.raises(DataError) as error:
        bind(model(fixed("b1", ref("x")), fixed("b2", ratio)), data)
    assert codes(error) == ["HM416", "HM416"]
    messages = [d.message for d in error.value.diagnostics]
    assert any("`x[i]`" in m and "row 2" in m for m in messages)
    assert any("`(1/z[i])`" in m and "row 3" in m for m in messages)


def test_all_missing_columns_are_reported_at_once_with_near_names() -> None:
    form = model(
        fixed("b1", ref("age")), fixed("b2", ref("X")), random("u[j]"), indices={"j": "schol"}, blocks=(block("u[j]"),)
    )
    with pytest.raises(DataError) as error:
        bind(form, PUPILS)
    assert codes(error) == ["HM401"] * 3
    messages = {d.message for d in error.value.diagnostics}
    assert any("`school`" in text for text in messages)
    assert any("did you mean `x`?" in text for text in messages)


def test_covariate_that_varies_within_its_level() -> None:
    form = model(fixed("b", ref("x", "j")), random("u[j]"), indices=SCHOOLS, blocks=(block("u[j]"),))
    with pytest.raises(DataError) as error:
        bind(form, PUPILS)
    assert codes(error) == ["HM402"]
    assert "x_mean[j] = mean(x[i])" in error.value.help
    assert "`b`" in error.value.first.notes[0]
    assert "1 in row 1 and 3 in row 2" in error.value.first.notes[0]


def test_nesting_that_the_data_contradict() -> None:
    data = PUPILS.assign(kind=["A", "A", "F", "A", "A", "A"], clazz=[3, 3, 3, 4, 4, 4])
    form = model(
        fixed("b"),
        random("u[j]"),
        indices={"j": "clazz", "k": "kind"},
        blocks=(block("u[j]"),),
        nestings=(nested("j", "k"),),
    )
    with pytest.raises(DataError) as error:
        bind(form, data)
    assert codes(error) == ["HM403"]
    assert "clazz `3` lies in kind `A` and in kind `F`" in error.value.first.notes[0]
    assert "[j,k]" in error.value.help
    assert error.value.span is not None
    assert error.value.span.line == 6


def test_transformed_outcome() -> None:
    form = model(fixed("b"), transform="log")
    assert bind(form, PUPILS).arrays.y.tolist() == pytest.approx(np.log(PUPILS["y"]).tolist())
    with pytest.raises(DataError) as error:
        bind(form, PUPILS.assign(y=[1.0, 2.0, 0.0, 1.0, 1.0, 1.0]))
    assert codes(error) == ["HM404"]
    assert "row 3" in error.value.message


def test_offset_is_the_sum_of_its_terms() -> None:
    design = bind(model(fixed("b"), offset(ref("x"), scale=2.0), offset(ref("z"))), PUPILS)
    assert design.plan.has_offset == (True,)
    assert design.arrays.offsets[0] is not None
    assert design.arrays.offsets[0].tolist() == pytest.approx((2 * PUPILS["x"] + PUPILS["z"]).tolist())


def test_coefficient_in_two_terms_is_one_column() -> None:
    design = bind(model(fixed("b0"), fixed("b", ref("x")), fixed("b", ref("z"), scale=2.0)), PUPILS)
    assert design.plan.fixed[1] == Column(
        symbol="b", products=(Product(scale=1.0, factors=(0,)), Product(scale=2.0, factors=(1,)))
    )
    assert design.fixed_terms[1] == "b * x[i] + 2 * b * z[i]"


def test_set_beside_an_intercept_loses_its_first_level() -> None:
    data = PUPILS.assign(income=[3, 1, 2, 3, 1, 2])
    form = model(fixed("b0"), fixed("b[g]"), indices={"g": "income"}, sets=(flat("b", "g"),))
    design = bind(form, data)
    assert design.fixed_labels == ("b0", "b[2]", "b[3]")
    assert design.zeroed == {"b[g]": ("1",)}
    assert design.arrays.sets[0].tolist() == [1, -1, 0, 1, -1, 0]
    assert design.plan.fixed[1] == FixedSet(symbol="b[g]", products=(Product(scale=1.0, factors=()),), codes=0)
    assert design.plan.sizes is not None
    assert design.plan.sizes.set_columns == (2,)
    assert [d.code for d in design.diagnostics] == ["HM410"]


def test_explicit_reference_matches_text_and_is_zero_without_an_intercept() -> None:
    data = PUPILS.assign(income=[3.0, 1.0, 2.0, 3.0, 1.0, 2.0])
    form = model(fixed("b[g]"), indices={"g": "income"}, sets=(flat("b", "g", refs=("3",)),))
    assert bind(form, data).fixed_labels == ("b[1]", "b[2]")
    with pytest.raises(DataError) as error:
        bind(model(fixed("b[g]"), indices={"g": "income"}, sets=(flat("b", "g", refs=("4",)),)), data)
    assert codes(error) == ["HM412"]


def test_column_with_the_name_of_an_unknown_or_a_definition_is_noted() -> None:
    definition = define("z", ROW, call("*", num(2), ref("x")))
    form = model(fixed("school"), fixed("b", ref("z")), parameters=("school", "b"), definitions=(definition,))
    design = bind(form, PUPILS)
    assert [d.code for d in design.diagnostics] == ["HM409", "HM409"]
    assert design.arrays.x[0].tolist() == (2 * PUPILS["x"]).tolist()


def test_as_many_groups_as_rows_is_refused() -> None:
    form = model(fixed("b"), random("u[j]"), indices={"j": "y"}, blocks=(block("u[j]"),))
    with pytest.raises(FitError) as error:
        bind(form, PUPILS)
    assert codes(error) == ["HM505"]


def test_one_group_is_refused() -> None:
    form = model(fixed("b"), random("u[j]"), indices=SCHOOLS, blocks=(block("u[j]"),))
    with pytest.raises(FitError) as error:
        bind(form, PUPILS.assign(school="a"))
    assert codes(error) == ["HM415"]


def test_two_intercepts_of_sets_that_are_one_in_the_data_are_refused() -> None:
    data = PUPILS.assign(head=["y", "y", "y", "x", "x", "x"])
    form = model(
        fixed("b"),
        random("u[j]"),
        random("v[k]"),
        indices={"j": "school", "k": "head"},
        blocks=(block("u[j]"), block("v[k]")),
    )
    with pytest.raises(FitError) as error:
        bind(form, data)
    assert codes(error) == ["HM302"]
    assert "`j` and `k` group the rows of these data alike" in error.value.first.notes[0]


def test_description_fits_eighty_columns() -> None:
    form = model(
        fixed("b0"),
        random("u0[j]"),
        random("v[k]"),
        indices={"j": "school", "k": "sex"},
        blocks=(block("u0[j]"), block("v[k]")),
    )
    design = bind(form, PUPILS)
    text = describe(design.plan, design.arrays)
    assert max(map(len, text.splitlines())) <= 80
    assert "[j]" in text
    assert "dense, crossed with" in text
    assert "6 rows, 1 fixed columns, 4 random columns, 2 covariance parameters" in text
    assert max(map(len, describe(structural_plan(form)).splitlines())) <= 80


def test_nothing_holds_the_columns_that_were_read_after_binding() -> None:
    half = define("half", ROW, call("/", ref("x"), num(2.0)))
    form = model(fixed("b0"), fixed("b1", ref("half")), definitions=(half,))
    gc.collect()
    gc.disable()
    try:
        bind(form, PUPILS)
        assert not [held for held in gc.get_objects() if isinstance(held, Evaluator)]
    finally:
        gc.enable()


@pytest.mark.parametrize("kind", ["float64", "float32", "int64", "int16", "bool"])
@pytest.mark.parametrize("expr", [ref("x"), call("+", ref("x"), num(0.0)), call("^", ref("x"), num(2.0))])
def test_a_design_does_not_share_memory_with_the_data(kind: str, expr: Expr) -> None:
    columns = {"y": np.arange(6.0), "x": np.array([1, 0, 0, 1, 1, 0]).astype(kind)}
    kept = {name: values.copy() for name, values in columns.items()}
    design = bind(model(fixed("b0"), fixed("b1", covariate(expr, "z"))), pd.DataFrame(columns, copy=False))
    for values in columns.values():
        values[:] = 1
    np.testing.assert_array_equal(design.arrays.y, kept["y"])
    np.testing.assert_array_equal(design.arrays.x[0], kept["x"])
