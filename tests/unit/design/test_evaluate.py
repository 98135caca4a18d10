"""Values of expressions, each worked out by hand or by another library."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit, ndtr, ndtri

from hdsl.design import bind
from hdsl.design.functions import COMPARISONS, FUNCTIONS
from hdsl.families import AGGREGATES
from hdsl.families import FUNCTIONS as LANGUAGE
from hdsl.form.expr import Expr
from tests.unit.design.models import (
    ROW,
    aggregate,
    block,
    call,
    covariate,
    define,
    fixed,
    label,
    model,
    num,
    random,
    ref,
)

DATA = pd.DataFrame(
    {
        "y": [1.0, 2.0, 3.0, 4.0],
        "p": [0.1, 0.25, 0.5, 0.9],
        "x": [-1.0, 0.0, 0.5, 3.0],
        "t": ["a", "b", "c", "b"],
        "s": ["b", "b", "c", "z"],
        "flag": [True, False, True, True],
        "size": pd.Categorical(["low", "high", "mid", "low"], categories=["low", "mid", "high"]),
    }
)
P, X = DATA["p"].to_numpy(), DATA["x"].to_numpy()


def value(expr: Expr, data: pd.DataFrame = DATA) -> list[float]:
    return bind(model(fixed("b", covariate(expr, text="e"))), data).arrays.x[0].tolist()


def test_every_function_of_the_language_has_its_numbers() -> None:
    assert set(LANGUAGE) | {"+", "-", "*", "/", "^"} == set(FUNCTIONS)
    assert set(AGGREGATES) == {"mean", "sum", "sd", "min", "max", "count"}


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (call("+", ref("x"), num(2)), X + 2),
        (call("-", ref("x")), -X),
        (call("-", num(1), ref("x")), 1 - X),
        (call("*", ref("x"), ref("p")), X * P),
        (call("/", ref("x"), ref("p")), X / P),
        (call("^", ref("x"), num(2)), X**2),
        (call("exp", ref("x")), np.exp(X)),
        (call("log", ref("p")), np.log(P)),
        (call("log1p", ref("p")), np.log(1 + P)),
        (call("sqrt", ref("p")), np.sqrt(P)),
        (call("abs", ref("x")), [1, 0, 0.5, 3]),
        (call("sin", ref("x")), np.sin(X)),
        (call("cos", ref("x")), np.cos(X)),
        (call("tanh", ref("x")), np.tanh(X)),
        (call("logit", ref("p")), logit(P)),
        (call("invlogit", ref("x")), expit(X)),
        (call("probit", ref("p")), ndtri(P)),
        (call("Phi", ref("x")), ndtr(X)),
        (call("cloglog", ref("p")), np.log(-np.log(1 - P))),
        (call("invcloglog", ref("x")), 1 - np.exp(-np.exp(X))),
        (call("min", ref("x"), num(0.25)), [-1, 0, 0.25, 0.25]),
        (call("max", ref("x"), num(0.25)), [0.25, 0.25, 0.5, 3]),
        (call("step", ref("x")), [0, 1, 1, 1]),
        (call(">", ref("x"), num(0)), [0, 0, 1, 1]),
        (call(">=", ref("x"), num(0)), [0, 1, 1, 1]),
        (call("<", ref("x"), ref("p")), [1, 1, 0, 0]),
        (call("<=", num(0.5), ref("x")), [0, 0, 1, 1]),
        (call("==", ref("x"), num(0.5)), [0, 0, 1, 0]),
        (call("!=", ref("x"), num(0.5)), [1, 1, 0, 1]),
        (call("==", ref("t"), label("b")), [0, 1, 0, 1]),
        (call("!=", label("b"), ref("t")), [1, 0, 1, 0]),
        (call("==", ref("t"), ref("s")), [0, 1, 1, 0]),
        (call(">=", ref("size"), label("mid")), [0, 1, 1, 0]),
        (call(">", label("mid"), ref("size")), [1, 0, 0, 1]),
        (call("==", ref("flag"), label("TRUE")), [1, 0, 1, 1]),
        (ref("flag"), [1, 0, 1, 1]),
        (call("+", ref("flag"), num(1)), [2, 1, 2, 2]),
    ],
)
def test_operators_and_functions(expr: Expr, expected: list[float]) -> None:
    assert value(expr) == pytest.approx(list(expected), rel=1e-12)


def test_invlogit_does_not_overflow() -> None:
    far = DATA.assign(x=[-800.0, 800.0, 0.0, -30.0])
    assert value(call("invlogit", ref("x")), far) == pytest.approx([0.0, 1.0, 0.5, 9.357622968839299e-14])


def test_comparison_with_a_missing_value_is_missing() -> None:
    for operator in COMPARISONS:
        assert len(value(call(operator, ref("x"), num(0)), DATA.assign(x=[np.nan, 0.0, 0.5, 3.0]))) == 3


def test_coarse_covariate_with_some_rows_missing_is_that_of_the_others() -> None:
    data = DATA.assign(g=["u", "u", "v", "v"], z=[np.nan, 2.0, 5.0, 5.0])
    total = define("m", (), aggregate("mean", ref("z", "g"), ("g",), ()))
    design = bind(
        model(
            fixed("b", covariate(call("-", ref("z", "g"), _scalar("m")), text="z - m", index_set=("g",))),
            indices={"g": "g"},
            definitions=(total,),
        ),
        data,
    )
    assert design.missing == {"z": 1}
    assert design.arrays.x[0].tolist() == [-1.5, 1.5, 1.5]


def _scalar(name: str) -> Expr:
    from hdsl.form.expr import Ref

    return Ref(name=name, index_set=())


def test_standard_deviation_of_one_value_is_missing() -> None:
    data = DATA.assign(g=["u", "v", "v", "v"])
    spread = define("s", ("g",), aggregate("sd", ref("x"), ROW, ("g",)))
    design = bind(model(fixed("b", ref("s", "g")), indices={"g": "g"}, definitions=(spread,)), data)
    assert design.missing == {"s[g]": 1}
    assert design.arrays.x[0][0] == pytest.approx(np.std([0, 0.5, 3], ddof=1))


def test_mean_of_a_constant_is_the_constant() -> None:
    data = pd.DataFrame({"y": np.arange(1000.0), "x": np.full(1000, 0.1), "g": ["a"] * 500 + ["b"] * 500})
    mean = define("m", ("g",), aggregate("mean", ref("x"), ROW, ("g",)))
    design = bind(model(fixed("b", ref("m", "g")), indices={"g": "g"}, definitions=(mean,)), data)
    assert set(design.arrays.x[0].tolist()) == {0.1}


def test_rows_without_a_group_are_dropped_and_counted() -> None:
    data = pd.DataFrame({"y": np.arange(6.0), "g": ["a", "a", None, "b", "b", "b"]})
    form = model(fixed("b"), random("u[g]"), indices={"g": "g"}, blocks=(block("u[g]"),))
    design = bind(form, data)
    assert design.missing == {"g": 1}
    assert design.arrays.groups[0].tolist() == [0, 0, 1, 1, 1]


def test_index_column_without_any_value_is_refused() -> None:
    from hdsl import DataError

    form = model(fixed("b"), random("u[g]"), indices={"g": "g"}, blocks=(block("u[g]"),))
    with pytest.raises(DataError, match="has no value"):
        bind(form, pd.DataFrame({"y": np.arange(6.0), "g": [None] * 6}))


def test_group_that_loses_all_its_rows_has_no_code() -> None:
    data = pd.DataFrame({"y": [1.0, 2.0, np.nan, 4.0, 5.0, 6.0], "g": ["a", "a", "b", "c", "c", "c"]})
    form = model(fixed("b"), random("u[g]"), indices={"g": "g"}, blocks=(block("u[g]"),))
    design = bind(form, data)
    assert design.levels == (("a", "c"),)
    assert design.arrays.groups[0].tolist() == [0, 0, 1, 1, 1]
    assert design.group_counts[("g",)] == 2
