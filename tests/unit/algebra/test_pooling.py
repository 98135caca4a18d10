"""Pooled and unpooled models: texts written by hand, the equations of the language reference, the example models."""

from __future__ import annotations

from pathlib import Path

import pytest

import hdsl
from hdsl.source import Source
from hdsl.syntax import format_text
from tests.equations.book import EQUATIONS

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*/model.hm"))
TEXTS = {**{e.number: e.source for e in EQUATIONS}, **{p.parent.name: p.read_text(encoding="utf-8") for p in EXAMPLES}}

every_model = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())

POOLED = {
    "2": "y[i] ~ normal(b0 + b1*x[i], sd)\n",
    "2, errors written out": "y[i] = b0 + b1*x[i] + e[i]\ne[i] ~ normal(0, sd)\n",
    "3": "y[i] ~ normal(b0 + b1*x[i], sd)\n",
    "4": "y[i] ~ normal(b0 + b1*x[i], sd)\n",
    "5-8": (
        "y[i] = b0[j] + b1[j]*x1[i] + b2*x2[i] + e[i]\n"
        "e[i] ~ normal(0, sd)\n"
        "b0[j] = b0 + b3*x3[j]\n"
        "b1[j] = b1 + b4*x3[j]\n"
    ),
    "4.1": "y[i] ~ normal(b0 + b1*x1[i], sd)\n",
    "16": "y[i] ~ normal(b0 + b1*x[i], sd)\n",
    "17": "y[i] ~ normal(b0 + b1*x[i], sd)\n",
    "18, ordered": "y[i] ~ ordered_logit(eta[i], cut)\neta[i] = b1*x[i]\n",
}

UNPOOLED = {
    "2": "y[i] ~ normal(b0[j] + b1*x[i], sd)\nb0[j] ~ flat()\n",
    "4": "y[i] ~ normal(b0[j] + b1[j]*x[i], sd)\nb0[j] ~ flat()\nb1[j] ~ flat()\n",
    "5-8": ("y[i] = b0[j] + b1[j]*x1[i] + b2*x2[i] + e[i]\ne[i] ~ normal(0, sd)\nb0[j] ~ flat()\nb1[j] ~ flat()\n"),
    "8, the product written by the user": ("y[i] ~ normal(u0[j] + u1[j]*x1[i], sd)\nu0[j] ~ flat()\nu1[j] ~ flat()\n"),
    "17": ("y[i] ~ normal(u1[r]*x[i] + u1[o]*x[i] + u[r,o], sd)\nu1[r] ~ flat()\nu1[o] ~ flat()\nu[o,r] ~ flat()\n"),
    "18, ordered": "y[i] ~ ordered_logit(eta[i], cut)\neta[i] = b1*x[i] + u[j]\nu[j] ~ flat()\n",
    "13-15": (
        "index j = school in k\n"
        "index k = district\n"
        "y[i] ~ normal(b0[j] + b1[j]*x1[i], sd)\n"
        "b0[j] ~ flat()\n"
        "b1[j] ~ flat()\n"
    ),
}


def notes(model: hdsl.Model) -> list[hdsl.diagnostics.Diagnostic]:
    return [d for d in model.diagnostics if d.code == "HM119"]


@pytest.mark.parametrize("number", POOLED)
def test_pooled(number: str) -> None:
    assert hdsl.Model(TEXTS[number]).pooled().text == POOLED[number]


@pytest.mark.parametrize("number", UNPOOLED)
def test_unpooled(number: str) -> None:
    assert hdsl.Model(TEXTS[number]).unpooled().text == UNPOOLED[number]


@every_model
@pytest.mark.parametrize("operation", ["pooled", "unpooled"])
def test_nothing_is_modelled_afterwards(text: str, operation: str) -> None:
    model = getattr(hdsl.Model(text), operation)()
    assert not model.form.blocks
    assert not [t for p in model.form.predictors for t in p.terms if t.part == "random"]


@every_model
@pytest.mark.parametrize("operation", ["pooled", "unpooled"])
def test_twice_is_once(text: str, operation: str) -> None:
    once = getattr(hdsl.Model(text), operation)()
    twice = getattr(once, operation)()
    assert (twice.text, twice.source.name) == (once.text, once.source.name)
    assert not notes(twice)


@every_model
def test_the_fixed_part_is_that_of_the_composite(text: str) -> None:
    before, after = hdsl.Model(text), hdsl.Model(text).pooled()
    fixed = [
        {
            (t.coefficient, frozenset(c.text for c in t.covariates))
            for p in m.form.predictors
            for t in p.terms
            if t.part == "fixed"
        }
        for m in (before, after)
    ]
    if not before.form.predictors or all(p.argument != "sd" for p in before.form.predictors):
        assert fixed[0] == fixed[1]


@every_model
@pytest.mark.parametrize("operation", ["pooled", "unpooled"])
def test_the_text_is_in_canonical_layout(text: str, operation: str) -> None:
    result = getattr(hdsl.Model(text), operation)().text
    assert result == format_text(Source(result))


def test_the_note_names_the_parameters_that_go() -> None:
    model = hdsl.Model(TEXTS["12, shrinkage towards a group's covariate"]).unpooled()
    (note,) = notes(model)
    assert note.message == "`b0`, `b2`, `sd_u0` leave the model: unmodelled sets have no equation"
    assert note.notes == ("`z[j]` is constant in each `j`: unmodelled coefficients of `j` take it up",)


def test_many_parameters_are_counted_and_named_in_a_note() -> None:
    (note,) = notes(hdsl.Model(TEXTS["5-8"]).unpooled())
    assert note.message == "5 parameters leave the model: unmodelled sets have no equation"
    assert note.notes[0] == "they are `b0`, `b3`, `b1`, `b4`, `Omega`"


def test_comments_stay_and_a_heading_goes_with_its_statements() -> None:
    text = """\
# title
y[i] ~ normal(b0[j] + b1*x[i], sd)  # the outcome

# level 2
b0[j] ~ normal(b0, sd_j)  # varies

# a prior
b1 ~ normal(0, 2.5)  # weak
"""
    assert (
        hdsl.Model(text).pooled().text
        == """\
# title
y[i] ~ normal(b0 + b1*x[i], sd)  # the outcome

# a prior
b1 ~ normal(0, 2.5)  # weak
"""
    )


def test_priors_of_what_goes_go_too() -> None:
    text = "y[i] ~ normal(b0[j], sd)\nb0[j] ~ normal(b0, sd_j)\nsd_j ~ half_normal(1)\nsd ~ half_normal(2)\n"
    assert hdsl.Model(text).pooled().text == "y[i] ~ normal(b0, sd)\nsd ~ half_normal(2)\n"


def test_statements_over_several_lines_keep_their_comments() -> None:
    text = """\
y[i] ~ normal(
    b0 +        # everybody
    u0[j] +     # the group
    b1*x[i],    # the slope
    sd)
u0[j] ~ normal(0, sd_j)
"""
    assert (
        hdsl.Model(text).pooled().text
        == """\
y[i] ~ normal(
    b0 +  # the group
    b1*x[i],  # the slope
    sd)
"""
    )


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("b[j] ~ lognormal(m, s)", "b[j] = exp(m)"),
        ("b[j] ~ gamma(shape = a, rate = r)", "b[j] = (a)/(r)"),
        ("b[j] ~ student_t(4, m + g*z[j], s)", "b[j] = m + g*z[j]"),
        ("log(b[j]) ~ normal(m, s)", "log(b[j]) = m"),
    ],
)
def test_a_coefficient_that_does_not_vary_lies_at_its_centre(statement: str, line: str) -> None:
    text = f"y[i] ~ normal(b0 + b[j]*x[i], sd)\n{statement}\n"
    assert hdsl.Model(text).pooled().text == f"y[i] ~ normal(b0 + b[j]*x[i], sd)\n{line}\n"


def test_a_row_level_effect_with_known_errors_is_pooled() -> None:
    text = "y[i] ~ normal(theta[i], se[i])\ntheta[i] ~ normal(mu, tau)\n"
    assert hdsl.Model(text).pooled().text == "y[i] ~ normal(mu, se[i])\n"


def test_the_name_says_what_was_done() -> None:
    model = hdsl.Model(TEXTS["2"], name="school.hm")
    assert model.pooled().source.name == "school.hm, pooled"
    assert model.unpooled().source.name == "school.hm, unpooled"
    assert hdsl.Model(TEXTS["1"], name="line.hm").pooled().source.name == "line.hm"


def test_each_predictor_has_its_own_intercepts() -> None:
    text = """\
y[i] ~ normal(b0 + u[j], sd[i])
log(sd[i]) = s0 + s1*x[i] + v[j]
(u[j], v[j]) ~ mvnormal(0, Omega)
"""
    assert (
        hdsl.Model(text).unpooled().text
        == """\
y[i] ~ normal(u[j], sd[i])
log(sd[i]) = s1*x[i] + v[j]
u[j] ~ flat()
v[j] ~ flat()
"""
    )
