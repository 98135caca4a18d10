"""New data through the coding of a fit: labels, aggregates, missing values, columns that are not there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from hdsl import DataError, Model
from hdsl.design import Design
from hdsl.design.recode import NewRows, Wanted, recode

TEXT = """\
index j = school

y[i] ~ normal(b0[j] + b1*(x[i] - xbar[j]) + b2*(x[i] - grand) + b_town[town] + b3*(use[i] == "Y"), sd)
b0[j] ~ normal(g0 + g1*xbar[j] + g2*count(x[i]) + g3*z[j], sd_j)
xbar[j] = mean(x[i])
grand = mean(x[i])
b_town[town] ~ flat(ref = "2")
"""

DATA = pd.DataFrame(
    {
        "school": ["a", "a", "b", "b", "b", "c", "c", "d"],
        "town": [1, 2, 3, 1, 2, 3, 1, 2],
        "use": ["N", "Y", "N", "Y", "Y", "N", "N", "Y"],
        "x": [1.0, 3.0, 2.0, 4.0, 9.0, 5.0, 6.0, 7.0],
        "z": [0.0, 0.0, 1.0, 1.0, 1.0, 5.0, 5.0, 2.0],
        "y": [1.0, 2.0, 2.5, 3.5, 1.0, 0.0, 2.0, 4.0],
    }
)
NEW = pd.DataFrame(
    {
        "school": ["b", "new", "new", "a"],
        "town": ["1", "2", "3", "2"],
        "use": ["Y", "N", "?", "Y"],
        "x": [10.0, 1.0, 5.0, 0.0],
        "z": [1.0, 8.0, 8.0, 0.0],
    },
    index=["p", "q", "r", "s"],
)
ALL = Wanted(effects=((0, 0),), factors=(0,))


@pytest.fixture(scope="module")
def design() -> Design:
    return Model(TEXT).bind(DATA)


def covariate(rows: NewRows, text: str) -> list[float]:
    return rows.arrays.x[rows.arrays.x_symbols.index(text)].tolist()


def test_the_rows_of_the_fit_are_coded_as_they_were(design: Design) -> None:
    rows = recode(design, DATA.drop(columns="y"), ALL)
    for again, fitted in zip(rows.arrays.x, design.arrays.x, strict=True):
        assert again.tolist() == fitted.tolist()
    assert [g.tolist() for g in rows.arrays.groups] == [g.tolist() for g in design.arrays.groups]
    assert [s.tolist() for s in rows.arrays.sets] == [s.tolist() for s in design.arrays.sets]
    assert rows.is_complete.all()
    assert rows.new_levels == ((),)


def test_labels_are_matched_as_text_and_a_new_group_comes_after_those_of_the_fit(design: Design) -> None:
    rows = recode(design, NEW, ALL)
    assert rows.arrays.groups[0].tolist() == [1, 4, 4, 0]
    assert rows.new_levels == (("new",),)
    assert rows.arrays.sets[0].tolist() == [0, -1, 1, -1]
    assert rows.row_labels.tolist() == ["p", "q", "r", "s"]
    assert np.isnan(rows.arrays.y).all()


def test_an_aggregate_is_that_of_the_fit_for_known_units_and_of_the_new_rows_for_new_ones(design: Design) -> None:
    rows = recode(design, NEW, ALL)
    assert covariate(rows, "xbar[j]") == [5.0, 3.0, 3.0, 2.0]
    assert covariate(rows, "(x[i] - xbar[j])") == [5.0, -2.0, 2.0, -2.0]
    assert covariate(rows, "(x[i] - grand)") == (NEW["x"] - DATA["x"].mean()).tolist()
    assert covariate(rows, "count(x[i])") == [3.0, 2.0, 2.0, 2.0]
    assert covariate(rows, '(use[i] == "Y")') == [1.0, 0.0, 0.0, 1.0]


def test_a_covariate_of_a_group_is_what_its_row_says(design: Design) -> None:
    rows = recode(design, NEW.assign(school="b", z=[0.0, 1.0, 2.0, 3.0]), ALL)
    assert covariate(rows, "z[j]") == [0.0, 1.0, 2.0, 3.0]


def test_what_no_wanted_term_needs_may_be_absent() -> None:
    design = Model(
        "y[i] ~ normal(b0 + b1*x[i] + u[j] + v[j]*t[i], sd)\nu[j] ~ normal(0, su)\nv[j] ~ normal(0, sv)"
    ).bind(DATA.assign(j=DATA["school"], t=DATA["z"]))
    rows = recode(design, {"x": [1.0, 2.0]}, Wanted())
    assert np.isnan(rows.arrays.x[1]).all()
    assert rows.arrays.groups[0].tolist() == [-1, -1]
    with pytest.raises(DataError) as caught:
        recode(design, {"x": [1.0, 2.0]}, Wanted(effects=((0, 1),), factors=(0,)))
    assert [d.code for d in caught.value.diagnostics] == ["HM401", "HM401"]
    assert {d.message.split("`")[1] for d in caught.value.diagnostics} == {"j", "t"}


def test_a_column_inside_an_aggregate_alone_is_needed_for_new_units_only() -> None:
    text = "y[i] ~ normal(b0 + b1*xbar[j] + u[j], sd)\nxbar[j] = mean(x[i])\nu[j] ~ normal(0, s)\nindex j = school\n"
    design = Model(text).bind(DATA)
    assert covariate(recode(design, {"school": ["b"]}, Wanted()), "xbar[j]") == [5.0]
    with pytest.raises(DataError) as caught:
        recode(design, {"school": ["b", "e"]}, Wanted())
    assert caught.value.code == "HM401"
    assert "`x`" in caught.value.message


def test_a_row_with_a_missing_value_is_kept_marked_and_counted(design: Design) -> None:
    new = NEW.astype({"x": float}).assign(x=[np.nan, 1.0, 2.0, 3.0], school=["b", None, "a", "a"])
    rows = recode(design, new, ALL)
    assert rows.is_complete.tolist() == [False, False, True, True]
    assert [d.code for d in rows.diagnostics] == ["HM405"]
    assert rows.diagnostics[0].message == "2 of 4 new rows have a missing value, so no value"


def test_an_unknown_label_of_an_unmodelled_set_is_refused_with_the_known_ones(design: Design) -> None:
    with pytest.raises(DataError) as caught:
        recode(design, NEW.assign(town=["1", "2", "9", "2"]), ALL)
    assert caught.value.code == "HM422"
    assert "`b_town[town]` has no coefficient for `9`" in caught.value.message
    assert caught.value.first.notes == (
        "it stands in row 3 of the new data; the labels that the fit had are `1`, `2`, `3`",
    )


def test_frames_of_other_libraries_and_level_tables(design: Design) -> None:
    flat = recode(design, NEW, ALL)
    for new in (
        pl.from_pandas(NEW),
        NEW.to_dict("list"),
        {"i": NEW.drop(columns="z"), "school": pd.DataFrame({"school": ["a", "b", "new"], "z": [0.0, 1.0, 8.0]})},
    ):
        rows = recode(design, new, ALL)
        assert [x.tolist() for x in rows.arrays.x] == [x.tolist() for x in flat.arrays.x]


def test_categories_and_comparisons_keep_the_order_of_the_fit() -> None:
    grades = pd.Categorical(["low", "high", "mid", "high", "low", "mid"], ["low", "mid", "high"], ordered=True)
    data = pd.DataFrame({"grade": grades, "y": [1.0, 2.0, 4.0, 3.0, 2.0, 5.0]})
    design = Model('y[i] ~ normal(b0 + b1*(grade[i] >= "mid"), sd)').bind(data)
    rows = recode(design, {"grade": ["high", "low"]}, Wanted())
    assert rows.arrays.x[0].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (NEW.iloc[:0], "HM408"),
        (NEW.assign(x=["1", "a", "b", "c"]), "HM407"),
        (NEW.assign(x=[np.inf, 1.0, 2.0, 3.0]), "HM416"),
        (3, "HM414"),
    ],
)
def test_data_that_cannot_be_used_are_refused(design: Design, new: object, code: str) -> None:
    with pytest.raises(DataError) as caught:
        recode(design, new, ALL)
    assert caught.value.code == code
