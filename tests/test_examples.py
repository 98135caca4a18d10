"""The examples work as a new user would run them: each converges, to numbers typed here from lme4's fits of the models.

That the output quoted in their pages is what is printed now is checked with the other pages, in test_documentation.py.
"""

from __future__ import annotations

import os
import runpy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import hdsl
from hdsl.source import Source
from hdsl.syntax import format_text

if TYPE_CHECKING:
    from hdsl.results import FittedModel

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
MODEL_FILES = sorted([*EXAMPLES.rglob("*.hm"), *(EXAMPLES.parent / "tests" / "reference").rglob("*.hm")])


@dataclass(frozen=True, kw_only=True)
class Example:
    """What an example is fitted to, its log-likelihood, and its estimates: (value, standard error) or one value."""

    data: str | dict[str, str]
    method: str
    loglik: float
    fixed: dict[str, tuple[float, float]]
    spread: dict[str, float]
    groups: dict[str, int]
    implied: int


EXPECTED = {
    "sleepstudy": Example(
        data="sleepstudy.csv",
        method="reml",
        loglik=-871.8141,
        fixed={"b0": (251.405, 6.825), "b1": (10.4673, 1.546)},
        spread={"sd(b0[Subject])": 24.7405, "sd(b1[Subject])": 5.92213, "sd": 25.5918},
        groups={"b0[Subject]": 18},
        implied=0,
    ),
    "hsb": Example(
        data={"i": "students.csv.gz", "school": "schools.csv"},
        method="reml",
        loglik=-23251.8314,
        fixed={
            "g00": (12.1279, 0.1993),
            "g01": (5.33287, 0.3692),
            "g02": (1.22658, 0.3063),
            "g10": (2.94504, 0.1556),
            "g11": (1.03923, 0.2989),
            "g12": (-1.64267, 0.2398),
        },
        spread={"sd(u0[j])": 1.54259, "sd(u1[j])": 0.31814, "cor(u0[j], u1[j])": 0.39087, "sigma": 6.0598},
        groups={"u0[j]": 160},
        implied=2,
    ),
    "pastes": Example(
        data="pastes.csv",
        method="reml",
        loglik=-123.4954,
        fixed={"mu": (60.0533, 0.6769)},
        spread={"sd_cask": 2.90408, "sd_batch": 1.28737, "sd_test": 0.82341},
        groups={"u[batch]": 10, "u[batch,cask]": 30},
        implied=0,
    ),
    "penicillin": Example(
        data="penicillin.csv",
        method="reml",
        loglik=-165.4303,
        fixed={"mu": (22.9722, 0.8086)},
        spread={"sd_plate": 0.84670, "sd_sample": 1.93156, "sd": 0.54992},
        groups={"u[plate]": 24, "v[sample]": 6},
        implied=0,
    ),
    "egsingle": Example(
        data="egsingle.csv.gz",
        method="reml",
        loglik=-8146.5883,
        fixed={
            "b0": (0.140229, 0.1299),
            "b1": (0.874017, 0.04002),
            "b0_lowinc": (-0.00755984, 0.001721),
            "b0_black": (-0.503486, 0.07815),
            "b0_hisp": (-0.319756, 0.08626),
            "b1_lowinc": (-0.00136348, 0.0005336),
            "b1_black": (-0.0305145, 0.02255),
            "b1_hisp": (0.0431592, 0.02471),
        },
        spread={
            "sd(r0[c])": 0.78932,
            "sd(r1[c])": 0.10561,
            "cor(r0[c], r1[c])": 0.55970,
            "sd(u0[s])": 0.28696,
            "sd(u1[s])": 0.09198,
            "sd_e": 0.54916,
        },
        groups={"r0[c]": 1721, "u0[s]": 60},
        implied=3,
    ),
    "three_level": Example(
        data="pupils.csv.gz",
        method="reml",
        loglik=-18167.0184,
        fixed={
            "d000": (50.3055, 0.3807),
            "d100": (3.01943, 0.1949),
            "d010": (1.48407, 0.2108),
            "d001": (1.71434, 0.3673),
            "d110": (0.852854, 0.1524),
            "d101": (0.738382, 0.1883),
            "d011": (0.766066, 0.2084),
            "d111": (-0.355755, 0.1506),
        },
        spread={
            "sd(u0[j,k])": 2.59226,
            "sd(u1[j,k])": 1.06966,
            "cor(u0[j,k], u1[j,k])": 0.43186,
            "sd(v00[k])": 3.13935,
            "sd(v10[k])": 1.52724,
            "sd(v01[k])": 1.19164,
            "sd(v11[k])": 0.97342,
            "cor(v01[k], v11[k])": 0.59811,
            "sd_e": 5.03286,
        },
        groups={"u0[j,k]": 481, "v00[k]": 80},
        implied=4,
    ),
    "voting": Example(
        data="voters.csv.gz",
        method="laplace",
        loglik=-15628.4800,
        fixed={
            "beta0": (-0.35784, 0.24443),
            "b_parties": (-0.029204, 0.045442),
            "b_seats": (0.00088219, 0.002255),
            "b_age": (0.0162894, 0.00084448),
            "b_female": (-0.167367, 0.027138),
            "b_income[2]": (0.0286931, 0.042571),
            "b_income[3]": (0.027282, 0.043086),
            "b_income[4]": (0.170542, 0.042484),
            "b_income[5]": (0.16594, 0.042677),
            "b_town[SmallTown]": (-0.144033, 0.03503),
            "b_town[Suburb]": (-0.122527, 0.042634),
            "b_town[Metropolitan]": (0.103429, 0.036792),
        },
        spread={"sd_district": 0.24592, "sd_election": 0.27430},
        groups={"beta0[j,k]": 600, "beta0[k]": 16},
        implied=0,
    ),
    "insteval": Example(
        data="insteval.csv.gz",
        method="ml",
        loglik=-118860.8844,
        fixed={"b0": (3.28258, 0.02841), "b_service": (-0.0925886, 0.01338)},
        spread={"sd_student": 0.32553, "sd_lecturer": 0.51498, "sd_dept": 0.07854, "sd_e": 1.17749},
        groups={"u[s]": 2972, "v[d]": 1128, "w[dept]": 14},
        implied=0,
    ),
}
NAMES = tuple(EXPECTED)


@cache
def model_of(name: str) -> hdsl.Model:
    return hdsl.read(EXAMPLES / name / "model.hm")


@cache
def fit_of(name: str) -> FittedModel:
    data, folder = EXPECTED[name].data, EXAMPLES / name
    if isinstance(data, str):
        return model_of(name).fit(pd.read_csv(folder / data), method=EXPECTED[name].method)
    tables = {index: pd.read_csv(folder / file) for index, file in data.items()}
    return model_of(name).fit(tables, method=EXPECTED[name].method)


def test_every_example_is_tried() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_dir()} == set(NAMES)
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"({name}/README.md)" in index for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_model_has_no_warnings(name: str) -> None:
    assert [str(diagnostic) for diagnostic in model_of(name).diagnostics] == []


@pytest.mark.parametrize("path", MODEL_FILES, ids=lambda path: path.relative_to(EXAMPLES.parent).as_posix())
def test_model_is_laid_out_as_fmt_does(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format_text(Source(text, path.name)) == text


@pytest.mark.parametrize("name", NAMES)
def test_implied_interactions(name: str) -> None:
    terms = model_of(name).composite.terms
    fixed = terms[terms["part"] == "fixed"]
    assert len(fixed) == len({label.partition("[")[0] for label in EXPECTED[name].fixed})
    assert int(fixed["implied"].sum()) == EXPECTED[name].implied


@pytest.mark.parametrize("name", NAMES)
def test_fit(name: str) -> None:
    fit, expected = fit_of(name), EXPECTED[name]
    assert fit.status == "converged"
    assert fit.loglik == pytest.approx(expected.loglik, abs=1e-4, rel=0)
    for parameter, (estimate, se) in expected.fixed.items():
        assert fit.params[parameter] == pytest.approx(estimate, abs=2e-3 * se, rel=0), parameter
        assert fit.bse[parameter] == pytest.approx(se, rel=1e-3), parameter
    for parameter, value in expected.spread.items():
        assert fit.params[parameter] == pytest.approx(value, rel=1e-3, abs=1e-4), parameter
    for effect, count in expected.groups.items():
        assert len(fit.ranef[effect]) == count


@pytest.mark.parametrize("name", NAMES)
def test_page_shows_model_equation_and_fit(name: str) -> None:
    page = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    assert f"<!-- begin: file examples/{name}/model.hm -->" in page
    assert f"<!-- begin: output hdsl show examples/{name}/model.hm -->" in page
    assert f"$ hdsl fit examples/{name}/model.hm" in page
    assert "## Data" in page
    assert "licence" in page.lower() or "GPL" in page


@pytest.mark.parametrize("name", NAMES)
def test_printed_lines_fit_in_80_columns(name: str) -> None:
    summary = str(fit_of(name).summary())
    assert max(map(len, summary.splitlines())) <= 80


def test_script_of_two_tables(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(os.fspath(EXAMPLES / "hsb" / "fit.py"))
    assert "g12" in capsys.readouterr().out
