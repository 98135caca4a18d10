"""What differs between two models, which one is nested in which, and what a likelihood-ratio test is worth."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl.algebra import Change, ModelDifference, diff
from tests.equations.book import EQUATIONS

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*/model.hm"))
TEXTS = {**{e.number: e.source for e in EQUATIONS}, **{p.parent.name: p.read_text(encoding="utf-8") for p in EXAMPLES}}
MODELS = {name: hdsl.Model(text, name=name) for name, text in TEXTS.items()}

LINE = "y[i] ~ normal(b0 + b1*x[i], sd)\n"
TWO = "y[i] ~ normal(b0[j] + b1*x[i], sd)\nb0[j] ~ normal(b0, sd_j)\n"
SLOPES = "y[i] ~ normal(b0[j] + b1[j]*x[i], sd)\n(b0[j], b1[j]) ~ mvnormal((b0, b1), Omega)\n"
APART = "y[i] ~ normal(b0[j] + b1[j]*x[i], sd)\nb0[j] ~ normal(b0, s0)\nb1[j] ~ normal(b1, s1)\n"


def between(a: str, b: str, data: object = None) -> ModelDifference:
    return diff(hdsl.Model(a, name="a.hm"), hdsl.Model(b, name="b.hm"), data)


def reasons(difference: ModelDifference) -> list[str]:
    return [reason.sentence for reason in difference.why_not_nested]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_does_not_differ_from_itself(name: str) -> None:
    difference = diff(MODELS[name], hdsl.Model(TEXTS[name]))
    assert difference.is_empty
    assert difference.relation == "same"
    assert not difference.test.ml


@pytest.mark.parametrize(("a", "b"), [*itertools.pairwise(MODELS), *zip(MODELS, reversed(MODELS), strict=True)])
def test_the_order_of_the_two_does_not_matter(a: str, b: str) -> None:
    difference = diff(MODELS[a], MODELS[b])
    assert diff(MODELS[b], MODELS[a]) == difference.swapped()
    assert difference.swapped().swapped() == difference
    assert max(map(len, str(difference).splitlines())) <= 80


SAME = [
    ("2", "2, errors written out"),
    ("3", "3, error of the slope written out"),
    ("5-8", "5-8, as distributions"),
    ("1", "9, fully pooled"),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_two_ways_of_writing_one_model(a: str, b: str) -> None:
    difference = diff(MODELS[a], MODELS[b])
    assert difference.relation == "same"
    assert (difference.changes, difference.only_a, difference.only_b) == ((), (), ())


def test_names_decide_nothing() -> None:
    renamed = "index s = j\nindex n = rows\ny[n] ~ normal(a[s] + b*x[n], sigma)\na[s] ~ normal(a0, tau)\n"
    difference = between(TWO, renamed)
    assert difference.relation == "same"
    assert set(difference.renamed) == {("b0", "a0"), ("b1", "b"), ("b0[j]", "a[s]"), ("sd_j", "tau"), ("sd", "sigma")}
    assert str(difference).endswith("the models are the same, under other names")
    assert not difference.is_empty


def test_definitions_are_put_in() -> None:
    defined = "m[j] = mean(x[i])\nxc[i] = x[i] - m[j]\ny[i] ~ normal(b0[j] + b1*xc[i], sd)\nb0[j] ~ normal(b0, sd_j)\n"
    other = defined.replace("xc", "centred").replace("m[j]", "xbar[j]")
    assert between(defined, other).is_empty
    assert between(defined, TWO).relation == "not nested"
    product = "z[i] = x[i]*w[i]\ny[i] ~ normal(b0 + b1*z[i]*x[i], sd)\n"
    assert between(product, "y[i] ~ normal(b0 + b1*x[i]^2*w[i], sd)\n").is_empty


def test_text_of_a_difference() -> None:
    assert (
        str(between(TWO, SLOPES.replace("b1), O", "b1 + b2*z[j]), O")))
        == """\
a: a.hm
b: b.hm

fixed part
  b only  b2*z[j]*x[i]

random part
  b only  dev(b1[j])*x[i], for each j

parameters
  b only  b2, sd(b1[j]), cor(b0[j], b1[j])

a is nested in b: a is b with b2 = 0, sd(b1[j]) = 0

likelihood-ratio test
  under ML:   valid
  under REML: not valid: the fixed parts differ, so the restricted likelihoods
              are of different data
  provided that no value of `z` is missing (give DATA to see)
  compare with half chi-squared(2), half chi-squared(3): a variance is tested at
    zero, its boundary"""
    )


def test_text_of_models_that_are_not_nested() -> None:
    assert (
        str(between("log(y[i]) ~ normal(b0 + b1*x[i], sd)\n", TWO))
        == """\
a: a.hm
b: b.hm

outcome
  a:      log(y) ~ normal
  b:      y ~ normal

random part
  b only  dev(b0[j]), for each j

parameters
  b only  sd_j

neither model is nested in the other
  the outcomes differ

likelihood-ratio test
  under ML:   not valid: the models are not nested
  under REML: not valid: the models are not nested"""
    )


NESTED = {
    "a coefficient": (LINE, LINE.replace("x[i]", "x[i] + b2*z[i]"), ("b2 = 0",), ((1.0, 1),)),
    "two coefficients": (
        LINE,
        LINE.replace("x[i]", "x[i] + b2*z[i] + b3*z[i]*x[i]"),
        ("b2 = 0", "b3 = 0"),
        ((1.0, 2),),
    ),
    "a variance": (LINE, TWO, ("sd_j = 0",), ((0.5, 0), (0.5, 1))),
    "a slope": (TWO, SLOPES, ("sd(b1[j]) = 0",), ((0.5, 1), (0.5, 2))),
    "a slope apart": (TWO, APART, ("s1 = 0",), ((0.5, 0), (0.5, 1))),
    "a correlation": (APART, SLOPES, ("cor(b0[j], b1[j]) = 0",), ((1.0, 1),)),
    "two variances": (LINE, APART, ("s0 = 0", "s1 = 0"), ()),
    "equal deviations": (APART.replace("s1", "s0"), APART, ("s0 = s1",), ((1.0, 1),)),
    "one shared deviation": (LINE, APART.replace("s1", "s0"), ("s0 = 0",), ((0.5, 0), (0.5, 1))),
}


@pytest.mark.parametrize("name", NESTED)
def test_nested_models(name: str) -> None:
    small, large, restrictions, mixture = NESTED[name]
    difference = between(small, large)
    assert difference.relation == "a in b"
    assert difference.restrictions == restrictions
    assert difference.test.ml
    assert difference.test.mixture == mixture
    same_fixed = not any(change.kind == "fixed" for change in difference.changes)
    assert difference.test.reml == same_fixed


def test_several_variances_say_that_the_weights_depend_on_the_data() -> None:
    test = between(LINE, SLOPES).test
    assert (test.df, test.on_boundary) == (3, True)
    assert test.reference.endswith(
        "2 variances are tested at zero, and the weights depend on the data; chi-squared(3) is conservative"
    )
    assert test.reference.startswith("a mixture of chi-squared(0) to chi-squared(3)")


APART_MODELS = {
    "different covariates": (LINE, LINE.replace("x", "z"), ["`b1*x[i]` is in a alone", "`b1*z[i]` is in b alone"]),
    "different groups": (TWO, TWO.replace("j]", "k]"), ["`dev(b0[j])` is in a alone", "`dev(b0[k])` is in b alone"]),
    "modelled and unmodelled": (
        TWO,
        TWO.replace("normal(b0, sd_j)", "flat()"),
        ["`b0[j]` is modelled in a, `b0[j]` is unmodelled in b"],
    ),
    "a coefficient and a variance": (
        LINE.replace("b1*x[i]", "b1*x[i] + b2*z[i]"),
        TWO,
        ["`b2*z[i]` is in a alone", "`dev(b0[j])` is in b alone"],
    ),
    "an offset": (LINE, LINE.replace("+ b1", "+ w[i] + b1"), ["`the offset w[i]` is in b alone"]),
    "a deviation shared with another effect": (
        TWO.replace("sd_j", "s"),
        APART.replace("s0", "s").replace("s1", "s"),
        [
            "some effects are missing in a, they share their standard deviation with others in b",
            "`dev(b1[j])*x[i]` is in b alone",
        ],
    ),
}


@pytest.mark.parametrize("name", APART_MODELS)
def test_models_that_are_not_nested(name: str) -> None:
    a, b, why = APART_MODELS[name]
    difference = between(a, b)
    assert difference.relation == "not nested"
    assert reasons(difference) == why
    assert difference.test.why_not_ml == ("the models are not nested",)


def test_an_unmodelled_set_takes_in_what_is_constant_in_its_units() -> None:
    small = "y[i] ~ normal(b0 + b2*z[j] + b1*x[i], sd)\n"
    large = "y[i] ~ normal(b0[j] + b1*x[i], sd)\nb0[j] ~ flat()\n"
    difference = between(small, large)
    assert difference.relation == "a in b"
    assert difference.restrictions == ("b0[j] = b0 + b2*z",)
    assert difference.test.df is None
    assert between(small.replace("z[j]", "z[i]"), large).relation == "not nested"


def test_a_term_at_another_level() -> None:
    difference = between(LINE.replace("x[i]", "x[j]"), LINE)
    assert difference.changes == (Change(kind="level", a="b1*x[j] at j", b="b1*x[i] at row"),)
    assert difference.relation == "same"


def test_a_link() -> None:
    difference = diff(MODELS["18, logit"], MODELS["18, probit"])
    assert difference.changes == (Change(kind="link", a="logit (location)", b="probit (location)"),)
    assert difference.relation == "not nested"
    assert "REML is for normal outcomes" in difference.test.why_not_reml


def test_priors_make_no_test() -> None:
    difference = between(LINE + "b1 ~ normal(0, 1)\n", TWO)
    assert difference.test.why_not_ml[-1] == "`b1` has a prior"


def test_what_composites_do_not_hold_is_compared_by_statements() -> None:
    curve = "y[i] ~ normal(A / (1 + exp(m - x[i])), sd)\n"
    difference = between(curve, curve.replace("exp(m", "exp(2*m"))
    assert [change.kind for change in difference.changes] == ["statement", "statement"]
    assert difference.relation == "not decided"
    assert not difference.test.ml


def test_labels_that_repeat_and_labels_that_do_not() -> None:
    nested = "index j = class in k\nindex k = school\ny[i] ~ normal(b0 + u[j], sd)\nu[j] ~ normal(0, s)\n"
    both = nested.replace(" in k", "").replace("u[j]", "u[j,k]")
    assert between(nested, both).relation == "same"
    assert between(nested.replace(" in k", ""), both).relation == "not nested"


@pytest.fixture
def data() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"j": np.repeat(list("abcdefgh"), 6), "x": rng.normal(size=48), "z": rng.normal(size=48)})
    return table.assign(y=table["x"] + rng.normal(size=48))


def test_the_same_rows(data: pd.DataFrame) -> None:
    difference = between(LINE, LINE.replace("x[i]", "x[i] + b2*z[i]"), data)
    assert difference.rows is not None
    assert (difference.rows.a, difference.rows.b, difference.rows.same) == (48, 48, True)
    assert difference.test.ml
    assert not difference.test.conditions
    assert str(difference).endswith("rows used: the same 48")


def test_rows_that_one_model_drops(data: pd.DataFrame) -> None:
    data.loc[3:5, "z"] = np.nan
    difference = between(LINE, LINE.replace("x[i]", "x[i] + b2*z[i]"), data)
    assert difference.rows is not None
    assert (difference.rows.a, difference.rows.b, difference.rows.same) == (48, 45, False)
    assert difference.test.why_not_ml == (
        "they use different rows (missing values in `z`): fit both to the rows that both can use",
    )
    assert str(difference).endswith("rows used: 48 in a, 45 in b")


def test_levels_are_counted_in_the_data(data: pd.DataFrame) -> None:
    difference = between(LINE, "y[i] ~ normal(b0 + b1*x[i] + a[j], sd)\na[j] ~ flat()\n", data)
    assert difference.restrictions == ("every a[j] = 0",)
    assert difference.test.mixture == ((1.0, 7),)


def test_plain_values() -> None:
    record = json.loads(json.dumps(between(TWO, SLOPES).as_dict()))
    assert record["relation"] == "a in b"
    assert record["changes"] == [{"kind": "random", "a": None, "b": "dev(b1[j])*x[i], for each j"}]
    assert record["test"]["mixture"] == [[0.5, 1], [0.5, 2]]


@pytest.mark.parametrize("name", MODELS)
def test_operations_give_models_that_are_nested(name: str) -> None:
    """A pooled model is its model with variances at zero."""
    model = MODELS[name]
    if not model.form.blocks or name in ("4.1", "18, categorical"):
        return  # nothing to pool; or standard deviations that differ by group, which composites do not hold
    difference = diff(model.pooled(), model)
    assert difference.relation == "a in b"
    assert not [change for change in difference.changes if change.kind != "random"]
    assert difference.test.on_boundary
