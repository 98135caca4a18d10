"""Data that do not fit a model are refused, or changed with a word about it, and the word names the culprit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hdsl

TWO_LEVELS = """\
index j = school
y[i] ~ normal(b0[j] + b1*x[i], sd)
b0[j] ~ normal(g0 + g1*z[j], sd_j)
"""
THREE_LEVELS = """\
index j = school in k
index k = district
y[i] ~ normal(b0[j] + b1*x[i], sd)
b0[j] ~ normal(a[k], sd_j)
a[k] ~ normal(g0, sd_k)
"""
INFERRED = """\
index j = school
index k = district
y[i] ~ normal(b0[j] + b1*x[i], sd)
b0[j] ~ normal(g0 + g1*w[k], sd_j)
"""
SETS = """\
y[i] ~ normal(b0 + b1*x[i] + b_town[town], sd)
b_town[town] ~ flat(ref = "rural")
"""


CROSSED = """\
m[school] = mean(v[town])
y[i] ~ normal(b0[school] + b1*x[i] + b2*m[school], sd)
b0[school] ~ normal(g0, sd_j)
"""
SLOPES = """\
index j = school
y[i] ~ normal(b0[j] + b1[j]*SLOPE, sd)
(b0[j], b1[j]) ~ mvnormal((g0, g1), Omega)
"""
TEAMS = """\
y[i] ~ normal(b0 + u[home] + u[away], sd)
u[home] ~ normal(0, sd_u)
u[away] ~ normal(0, sd_u)
"""


def frame() -> pd.DataFrame:
    """Forty-eight rows: twelve schools of four in four districts, school covariate z, district covariate w."""
    rng = np.random.default_rng(20)
    school = np.repeat(np.arange(12), 4)
    district = school // 3
    return pd.DataFrame(
        {
            "school": [f"s{j:02d}" for j in school],
            "district": [f"d{k}" for k in district],
            "x": rng.normal(size=48),
            "z": rng.normal(size=12)[school],
            "w": rng.normal(size=4)[district],
            "town": np.array(["rural", "small", "large"])[rng.integers(0, 3, 48)],
            "v": 0.5,
            "y": rng.normal(size=12)[school] + rng.normal(size=48),
        }
    )


def put(column: str, row: int, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(data: pd.DataFrame) -> pd.DataFrame:
        values = data[column].astype(object) if isinstance(value, str) else data[column]
        values = values.copy()
        values.iloc[row] = value
        return data.assign(**{column: values})

    return change


def move_to_another_district(data: pd.DataFrame) -> pd.DataFrame:
    """Put one row of school s02 into district d3, with that district's covariate."""
    changed = put("district", 9, "d3")(data)
    return changed.assign(w=changed.groupby("district")["w"].transform("last"))


@dataclass(frozen=True)
class Case:
    """A model, a change to its data, and the errors that must come with phrases in each."""

    name: str
    text: str
    change: Callable[[pd.DataFrame], Any]
    errors: tuple[tuple[str, tuple[str, ...]], ...]
    kind: type[hdsl.HMError] = hdsl.DataError
    options: dict[str, Any] = field(default_factory=dict)
    line: int | None = None


def one(code: str, *phrases: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ((code, phrases),)


CASES = [
    Case(
        "missing covariate, near name",
        TWO_LEVELS,
        lambda d: d.rename(columns={"x": "X"}),
        one("HM401", "`x`", "`X`"),
        line=2,
    ),
    Case("missing group covariate", TWO_LEVELS, lambda d: d.drop(columns="z"), one("HM401", "`z`"), line=3),
    Case(
        "missing index column, near name",
        TWO_LEVELS,
        lambda d: d.rename(columns={"school": "scholl"}),
        one("HM401", "`school`", "`scholl`"),
        line=1,
    ),
    Case(
        "missing outcome, near name",
        TWO_LEVELS,
        lambda d: d.rename(columns={"y": "y1"}),
        one("HM401", "`y`", "`y1`"),
        line=2,
    ),
    Case(
        "two missing columns are both named",
        TWO_LEVELS,
        lambda d: d.drop(columns=["x", "z"]),
        (("HM401", ("`x`",)), ("HM401", ("`z`",))),
    ),
    Case(
        "declared column is missing",
        'data x[i] = "the dose"\n' + TWO_LEVELS,
        lambda d: d,
        one("HM401", "the dose"),
        line=1,
    ),
    Case("group covariate varies", TWO_LEVELS, put("z", 5, 99.0), one("HM402", "`z", "s01"), line=3),
    Case("group covariate varies in a deeper model", INFERRED, put("w", 13, 99.0), one("HM402", "`w", "d1"), line=4),
    Case("not nested as declared", THREE_LEVELS, put("district", 9, "d3"), one("HM403", "s02", "d0", "d3"), line=1),
    Case(
        "not nested as a statement needs", INFERRED, move_to_another_district, one("HM403", "s02", "d0", "d3"), line=4
    ),
    Case(
        "text for a covariate",
        TWO_LEVELS,
        lambda d: d.assign(x="a few words"),
        one("HM407", "`x", "a few words"),
        line=2,
    ),
    Case("one text among numbers", TWO_LEVELS, put("x", 7, "n/a"), one("HM407", "`x", "n/a"), line=2),
    Case("text for the outcome", TWO_LEVELS, lambda d: d.assign(y="high"), one("HM407", "`y", "high"), line=2),
    Case("infinite outcome", TWO_LEVELS, put("y", 3, np.inf), one("HM416", "`y"), line=2),
    Case("no rows", TWO_LEVELS, lambda d: d.iloc[:0], one("HM408")),
    Case("all rows have a missing value", TWO_LEVELS, lambda d: d.assign(x=np.nan), one("HM408", "48", "`x`")),
    Case("an aggregate over a crossed set", CROSSED, lambda d: d, one("HM403", "town", "school"), line=1),
    Case(
        "missing values refused",
        TWO_LEVELS,
        lambda d: put("x", 3, np.nan)(put("x", 8, np.nan)(d)),
        one("HM406", "2", "`x`"),
        options={"na": "error"},
    ),
    Case(
        "unknown reference level, near name",
        SETS.replace("rural", "Rural"),
        lambda d: d,
        one("HM412", "Rural", "rural"),
        line=2,
    ),
    Case(
        "two covariates that vary are both named",
        TWO_LEVELS.replace("g1*z[j]", "g1*z[j] + g2*w[j]"),
        lambda d: put("z", 5, 99.0)(put("w", 9, 99.0)(d)),
        (("HM402", ("`z", "s01")), ("HM402", ("`w", "s02"))),
    ),
    Case(
        "tables: a school twice",
        TWO_LEVELS,
        lambda d: {"i": d.drop(columns="z"), "school": pd.concat([d[["school", "z"]].drop_duplicates()] * 2)},
        one("HM413", "s00"),
    ),
    Case(
        "tables: a name that is no index",
        TWO_LEVELS,
        lambda d: {"i": d, "skool": d[["school", "z"]].drop_duplicates()},
        one("HM413", "skool", "school"),
    ),
    Case(
        "tables: no table of rows",
        TWO_LEVELS,
        lambda d: {"school": d[["school", "z"]].drop_duplicates()},
        one("HM413", '"i"'),
    ),
    Case(
        "unknown method",
        TWO_LEVELS,
        lambda d: d,
        one("HM507", "remle", "reml"),
        kind=hdsl.FitError,
        options={"method": "remle"},
    ),
    Case(
        "unknown start",
        TWO_LEVELS,
        lambda d: d,
        one("HM508", "sd_jj", "sd_j"),
        kind=hdsl.FitError,
        options={"start": {"sd_jj": 1.0}},
    ),
    Case(
        "fewer rows than coefficients",
        "y[i] ~ normal(b0 + b1*x[i] + b2*z[i] + b3*w[i], sd)\n",
        lambda d: d.iloc[[0, 20, 40]],
        one("HM504", "3"),
        kind=hdsl.FitError,
    ),
    Case(
        "a slope whose covariate varies in no group",
        SLOPES.replace("SLOPE", "z[j]"),
        lambda d: d.assign(z=(d["z"] > 0) * 1.0),
        one("HM418", "`z[j]`", "`b1[j]`", "`s00`", "all its 4 rows"),
        line=3,
    ),
    Case(
        "a separate slope on a covariate of one value",
        "y[i] ~ normal(b0[school] + b1[school]*v[i], sd)\nb0[school] ~ normal(g0, s0)\nb1[school] ~ normal(0, s1)\n",
        lambda d: d,
        one("HM418", "`v[i]`", "enter only as their"),
        line=3,
    ),
    Case(
        "home and away teams",
        TEAMS,
        lambda d: d.assign(home=d["town"], away=np.roll(d["town"], 5)),
        one("HM420", "multiple membership", "`u[home]`", "`u[away]`", "`large`", "share 3 labels"),
        line=3,
    ),
    Case(
        "home and away teams, unmodelled",
        TEAMS.replace("normal(0, sd_u)", "flat()"),
        lambda d: d.assign(home=d["town"], away=np.roll(d["town"], 5)),
        one("HM420", "multiple membership"),
        line=3,
    ),
    Case(
        "two columns of one index",
        "index t = home, away\ny[i] ~ normal(u[t], sd)\nu[t] ~ normal(0, sd_u)\n",
        lambda d: d,
        one("HM208", "multiple membership"),
        kind=hdsl.ModelError,
        line=1,
    ),
    Case(
        "an index column with an infinite value",
        TWO_LEVELS.replace("school", "z"),
        lambda d: put("z", 5, np.inf)(d.assign(z=d["z"].round())),
        one("HM416", "`z`", "row 6"),
        line=1,
    ),
    Case("as many groups as rows", TWO_LEVELS, lambda d: d.iloc[::4], one("HM505", "12"), kind=hdsl.FitError),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_wrong_data_are_refused_with_the_culprit(case: Case) -> None:
    with pytest.raises(hdsl.HMError) as caught:
        hdsl.Model(case.text, name="model.hm").fit(case.change(frame()), **case.options)
    assert isinstance(caught.value, case.kind)
    errors = [d for d in caught.value.diagnostics if d.severity.value == "error"]
    assert sorted(d.code for d in errors) == sorted(code for code, _ in case.errors), str(caught.value)
    assert all(d.help for d in errors)
    for code, phrases in case.errors:
        assert any(d.code == code and all(p in str(d) for p in phrases) for d in errors), str(caught.value)
    if case.line is not None:
        assert caught.value.span is not None
        assert caught.value.span.line == case.line


def codes(fit: Any) -> dict[str, str]:
    return {d.code: str(d) for d in fit.diagnostics}


def test_rows_with_missing_values_are_counted_by_column() -> None:
    data = frame()
    data.loc[[3, 8, 9], "x"] = np.nan
    data.loc[[3, 20], "y"] = np.nan
    fit = hdsl.Model(TWO_LEVELS).fit(data)
    assert fit.nobs == 44
    text = codes(fit)["HM405"]
    assert "4" in text
    assert "`x`" in text
    assert "3" in text
    assert "`y`" in text
    assert "2" in text
    assert len(fit.fitted) == 44


def test_rows_without_a_group_in_their_table_are_named() -> None:
    """A school that its table lacks has no covariate: its rows go, and the word about it names the school."""
    data = frame()
    schools = data[["school", "z"]].drop_duplicates().iloc[1:]
    fit = hdsl.Model(TWO_LEVELS).fit({"i": data.drop(columns="z"), "school": schools})
    assert "s00" in codes(fit)["HM413"]
    assert "4" in codes(fit)["HM405"]
    assert fit.nobs == 44


def test_groups_that_lose_all_their_rows_are_named() -> None:
    data = frame()
    data.loc[data["school"] == "s03", "x"] = np.nan
    assert "no row is left of 1 group of `j`: `s03`" in codes(hdsl.Model(TWO_LEVELS).fit(data))["HM405"]


def test_groups_of_a_table_that_have_no_rows_are_noted() -> None:
    data = frame()
    schools = data[["school", "z"]].drop_duplicates()
    fit = hdsl.Model(TWO_LEVELS).fit({"i": data[data["school"] != "s05"].drop(columns="z"), "school": schools})
    assert "s05" in codes(fit)["HM413"]
    assert fit.nobs == 44


RANGES = [
    ("bernoulli(p[i])", "logit(p[i])", 2.0, "must be 0 or 1"),
    ("bernoulli(p[i])", "logit(p[i])", 0.5, "must be 0 or 1"),
    ("binomial(n[i], p[i])", "logit(p[i])", 4.0, "its size 3"),
    ("poisson(m[i])", "log(m[i])", -1.0, "a count"),
    ("negative_binomial(m[i], size)", "log(m[i])", 1.5, "a count"),
    ("gamma(m[i], shape)", "log(m[i])", 0.0, "above 0"),
    ("lognormal(m[i], s)", "m[i]", -2.0, "above 0"),
    ("beta(m[i], phi)", "logit(m[i])", 1.25, "between 0 and 1"),
    ("truncated(poisson(m[i]), lower=0)", "log(m[i])", 0.25, "a count"),
    ("hurdle(gamma(m[i], shape), q)", "log(m[i])", -1.0, "above 0"),
]


@pytest.mark.parametrize(("distribution", "left", "value", "phrase"), RANGES, ids=[row[0] for row in RANGES])
def test_an_outcome_outside_its_range_is_refused_with_its_row(
    distribution: str, left: str, value: float, phrase: str
) -> None:
    """Whether the model can be fitted or not: a wrong outcome is told first."""
    inside = 0.5 if "beta" in distribution else 1.0
    data = frame().assign(n=3, y=inside)
    model = hdsl.Model(f"y[i] ~ {distribution}\n{left} = b0 + b1*x[i]\n")
    with pytest.raises(hdsl.DataError) as caught:
        model.bind(put("y", 10, value)(data))
    assert caught.value.code == "HM404"
    assert all(words in str(caught.value) for words in (phrase, "row 11", f"{value:g}"))
    assert caught.value.span is not None
    assert caught.value.span.line == 1
    assert _binds(model, put("y", 10, np.nan)(data)), "a missing outcome is in every range"


def _binds(model: hdsl.Model, data: pd.DataFrame) -> bool:
    """Whether no data error is found; that a model is not fitted yet is none."""
    try:
        model.bind(data)
    except hdsl.FitError as error:
        return error.code == "HM501"
    return True


def test_a_hurdle_takes_zeros() -> None:
    model = hdsl.Model("y[i] ~ hurdle(gamma(m[i], shape), q)\nlog(m[i]) = b0 + b1*x[i]\n")
    assert _binds(model, put("y", 10, 0.0)(frame().assign(y=1.0)))


def test_a_text_outcome_of_a_bernoulli_is_told_how_to_be_compared() -> None:
    model = hdsl.Model("town[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0\n")
    with pytest.raises(hdsl.DataError) as caught:
        model.bind(frame())
    assert caught.value.code == "HM407"
    assert "town[i] ==" in caught.value.help


def test_a_slope_that_few_groups_tell_is_warned_of() -> None:
    data = frame().assign(few=lambda d: d["x"].where(d["school"].isin(["s01", "s02"]), d["z"]))
    text = codes(hdsl.Model(SLOPES.replace("SLOPE", "few[i]")).fit(data))["HM418"]
    assert text.startswith("warning")
    assert "2 of 12" in text
    assert "s00" in text
    assert "HM418" not in codes(hdsl.Model(SLOPES.replace("SLOPE", "x[i]")).fit(data))


def test_independent_slopes_on_a_group_covariate_are_a_spread_and_warned_of() -> None:
    effects = "b0[school] ~ normal(g0, s0)\nb1[school] ~ normal(0, s1)\n"
    text = f"y[i] ~ normal(b0[school] + b1[school]*z[school], sd)\n{effects}"
    warning = codes(hdsl.Model(text).fit(frame()))["HM418"]
    assert warning.startswith("warning")
    assert "spread" in warning


def test_joint_slopes_on_a_group_covariate_of_many_values_are_warned_of() -> None:
    assert codes(hdsl.Model(SLOPES.replace("SLOPE", "z[j]")).fit(frame()))["HM418"].startswith("warning")


def test_an_index_column_of_fractions_is_warned_of() -> None:
    data = frame().assign(dose=np.resize([0.5, 1.0, 1.5, 2.0], 48))
    text = codes(hdsl.Model("y[i] ~ normal(b0[dose], sd)\nb0[dose] ~ normal(g0, sd_d)\n").fit(data))["HM419"]
    assert text.startswith("warning")
    assert "`0.5`" in text
    whole = codes(
        hdsl.Model("y[i] ~ normal(b0[dose], sd)\nb0[dose] ~ normal(g0, sd_d)\n").fit(data.assign(dose=data["dose"] * 2))
    )
    assert "HM419" not in whole


@pytest.mark.parametrize(
    "text",
    [
        TEAMS.replace("u[away] ~ normal(0, sd_u)", "u[away] ~ normal(0, sd_a)"),
        TEAMS.replace("u[away]", "v[away]"),
    ],
    ids=["another standard deviation", "another name, one standard deviation"],
)
def test_labels_that_two_columns_share_are_no_mistake_alone(text: str) -> None:
    """Student 1 and teacher 1 are two."""
    data = frame().assign(home=np.resize([1, 2, 3, 4, 5], 48), away=np.resize([1, 2, 3, 4], 48))
    assert _binds(hdsl.Model(text), data)


def test_missing_values_of_columns_that_the_model_does_not_use_cost_no_row() -> None:
    data = frame()
    data.loc[[3, 8, 9], "w"] = np.nan
    fit = hdsl.Model(TWO_LEVELS).fit(data)
    assert fit.nobs == 48
    assert "HM405" not in codes(fit)


def test_a_column_with_the_name_of_a_coefficient_gets_a_note() -> None:
    data = frame().assign(g1=1.0)
    plain = hdsl.Model(TWO_LEVELS).fit(frame())
    fit = hdsl.Model(TWO_LEVELS).fit(data)
    assert "`g1`" in codes(fit)["HM409"]
    assert "HM409" not in codes(plain)
    pd.testing.assert_series_equal(fit.params, plain.params)


def test_a_definition_with_the_name_of_a_column_counts() -> None:
    fit = hdsl.Model("index k = district\nx[i] = w[k] * 2\n" + TWO_LEVELS).fit(frame())
    other = hdsl.Model(TWO_LEVELS).fit(frame().assign(x=lambda d: d["w"] * 2))
    assert "`x" in codes(fit)["HM409"]
    np.testing.assert_allclose(fit.params.to_numpy(), other.params.to_numpy(), rtol=1e-6)


def test_levels_set_to_zero_are_reported() -> None:
    text = codes(hdsl.Model(SETS).fit(frame()))["HM410"]
    assert "b_town[rural]" in text or ("b_town" in text and "rural" in text)


def test_columns_dropped_for_rank_are_named() -> None:
    text = "y[i] ~ normal(b0 + b1*x[i] + b2*x2[i], sd)\n"
    fit = hdsl.Model(text).fit(frame().assign(x2=lambda d: 3 * d["x"]))
    assert "b2" in codes(fit)["HM411"]
    assert "b2" not in fit.params.index
    assert np.isfinite(fit.params[["b0", "b1"]]).all()


def test_a_variance_on_its_boundary_is_said() -> None:
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(6), 5)
    y = rng.normal(size=30)
    data = pd.DataFrame({"g": group, "y": y - pd.Series(y).groupby(group).transform("mean").to_numpy()})
    fit = hdsl.Model("y[i] ~ normal(b0[g], sd)\nb0[g] ~ normal(m, sd_g)\n").fit(data)
    assert fit.status == "boundary"
    assert fit.converged
    assert "sd_g" in codes(fit)["HM503"]
    assert fit.params["sd_g"] == 0.0


def test_fewer_groups_than_parameters_are_warned_of() -> None:
    few = frame()[lambda d: d["school"].isin(["s00", "s05", "s09"])]
    effects = "(b0[school], b1[school], b2[school]) ~ mvnormal((g0, g1, g2), Omega)\n"
    slopes = codes(
        hdsl.Model(f"y[i] ~ normal(b0[school] + b1[school]*x[i] + b2[school]*v2[i], sd)\n{effects}").fit(
            few.assign(v2=few["x"] ** 2)
        )
    )["HM421"]
    assert "3 groups for 6 variances and correlations" in slopes
    level = codes(
        hdsl.Model(
            "y[i] ~ normal(b0[school] + b1*x[i], sd)\nb0[school] ~ normal(g0 + g1*z[school] + g2*w[school], s)\n"
        ).fit(few)
    )["HM421"]
    assert "3 groups for 3 coefficients" in level
    assert "`g0`, `g1`, `g2`" in level
