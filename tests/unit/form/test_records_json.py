"""Records as JSON: what comes out equals what went in, and nothing else than the expected records comes out."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdsl import Model
from hdsl.design.coding import Coding, SetCoding
from hdsl.diagnostics import Diagnostic
from hdsl.form.expr import Aggregate, Apply, Expr, Num, Ref, Text
from hdsl.form.labels import Labels
from hdsl.form.model import CompositeModel
from hdsl.form.records_json import RecordError, from_json, to_json
from hdsl.plan import Plan

TEXT = """\
index j = school in k
index k = district

y[i] ~ normal(b0[j] + b1[j]*x[i] + b_town[town] + b2*(x[i] - xbar[j])^2, sd)
(b0[j], b1[j]) ~ mvnormal((b0 + g*z[k], b1), Omega)
xbar[j] = mean(x[i])
b_town[town] ~ flat(ref = "Ærø")
"""


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    number: float
    count: int
    flag: bool
    maybe: str | None
    choice: Literal["a", "b"]
    colour: Colour
    pair: tuple[int, str]
    label: str | tuple[str, ...]
    table: dict[str, tuple[float | None, ...]]
    cells: dict[tuple[int, int], str]
    more: tuple[int, ...] = ()


KINDS = Kinds(
    number=0.1,
    count=3,
    flag=True,
    maybe=None,
    choice="b",
    colour=Colour.RED,
    pair=(1, "x"),
    label=("a", "1"),
    table={"u": (1.5, None)},
    cells={(0, 1): "rho"},
)


def changed(**fields: Any) -> str:
    return json.dumps({**json.loads(to_json(KINDS)), **fields})


def test_a_compiled_model_comes_back_equal_with_its_places() -> None:
    form = Model(TEXT).form
    back = from_json(to_json(form), CompositeModel)
    assert back == form
    assert back.source == form.source
    assert [t.spans for t in back.predictors[0].terms] == [t.spans for t in form.predictors[0].terms]


def test_a_plan_comes_back_equal() -> None:
    plan = Model(TEXT).plan().plan
    assert from_json(to_json(plan), Plan) == plan
    assert from_json(to_json(plan), Plan).reasons == plan.reasons


def test_diagnostics_come_back_equal() -> None:
    found = Model(TEXT + "b9[k] ~ normal(0, s)\n").diagnostics
    assert found
    assert tuple(from_json(to_json(item), Diagnostic) for item in found) == found


def test_every_kind_of_field_comes_back() -> None:
    assert from_json(to_json(KINDS), Kinds) == KINDS
    coding = Coding(
        columns={"c": "c"},
        levels={"c": Labels.of(("a",))},
        sets=(SetCoding(symbol="b", index_set=("c",), labels=Labels.of((("a", "c"), ("a", "b"))), columns=(None, 0)),),
        aggregates=(),
    )
    assert from_json(to_json(coding), Coding) == coding


leaves = st.one_of(
    st.builds(Num, value=st.floats(allow_nan=False)),
    st.builds(Text, value=st.text()),
    st.builds(Ref, name=st.text(), index_set=st.lists(st.text()).map(tuple)),
)
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Apply, operator=st.text(), operands=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Aggregate, function=st.text(), operand=inner, over=st.just(("i",)), by=st.just(())),
    ),
    max_leaves=8,
)


@given(expressions)
def test_any_expression_comes_back_equal(expr: Expr) -> None:
    assert from_json(to_json(expr, Expr), Expr) == expr  # type: ignore[arg-type]


def test_numbers_that_json_does_not_have() -> None:
    assert math.isnan(from_json(to_json(Num(value=math.nan)), Num).value)
    assert from_json(to_json(Num(value=-math.inf)), Num).value == -math.inf


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        (b"\xff\xfe{", "not JSON"),
        ("[]", r"\$: an object"),
        (changed(count=1.5), r"\$\.count: int is expected, not number"),
        (changed(count=True), r"\$\.count: int is expected, not boolean"),
        (changed(number="1"), r"\$\.number: a number"),
        (changed(flag=0), r"\$\.flag"),
        (changed(choice="c"), r"\$\.choice: one of"),
        (changed(choice=["a"]), r"\$\.choice: one of"),
        (changed(colour="__class__"), r"\$\.colour"),
        (changed(pair=[1]), r"\$\.pair: an array of 2"),
        (changed(label=3), r"\$\.label"),
        (changed(cells={"a": "b"}), r"\$\.cells: an array"),
        (changed(table={"u": [{}]}), r"\$\.table\['u'\]\[0\]"),
        (changed(__class__="os.system"), "has no field"),
        ("{}", "lacks its field 'number'"),
        ("1" * 5000, "not JSON"),
    ],
)
def test_other_values_than_annotated_are_refused_with_their_place(text: str | bytes, says: str) -> None:
    with pytest.raises(RecordError, match=says):
        from_json(text, Kinds)


@pytest.mark.parametrize("tag", ['"Plan"', "null", '["Num"]', '"Kinds"'])
def test_only_members_of_a_union_are_made(tag: str) -> None:
    with pytest.raises(RecordError, match="must be one of"):
        from_json('{"is":' + tag + ',"value":1}', Expr)  # type: ignore[arg-type]


def test_what_is_nested_without_end_is_refused() -> None:
    text = '{"is":"Apply","operator":"-","operands":[' * 20000 + "]}" * 20000
    with pytest.raises(RecordError, match="too deeply"):
        from_json(text, Expr)  # type: ignore[arg-type]


def test_a_value_that_is_not_of_its_type_is_not_written() -> None:
    with pytest.raises(TypeError):
        to_json(Num(value="1"))  # type: ignore[arg-type]
