"""The emitted text: deterministic, clean, free of what users wrote, and complete in its standalone form."""

from __future__ import annotations

import linecache
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hdsl.codegen import emit, load, plan_hash
from hdsl.plan import Column, Product, Sizes
from tests.unit.codegen.studies import STUDIES, Study, covariance, nested, study, term, textbook, with_sets
from tests.unit.codegen.test_likelihood import evaluate

every_study = pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)


@every_study
def test_equal_plans_give_equal_text(study: Study) -> None:
    again = replace(study.plan, reasons=("another reason",), sizes=Sizes(n=1, p=1, n_levels=(1,), set_columns=()))
    assert emit(study.plan) == emit.__wrapped__(again)
    assert plan_hash(study.plan) == plan_hash(again)


def test_text_is_clean(tmp_path: Path) -> None:
    for number, item in enumerate(STUDIES):
        (tmp_path / f"plain_{number}.py").write_text(emit(item.plan), encoding="utf-8")
        (tmp_path / f"standalone_{number}.py").write_text(emit(item.plan, standalone=True), encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "120", "--select", "E,W,F,I,B"]
    run = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_a_three_level_model_is_short() -> None:
    text = emit(nested(2, 1).plan)
    lines = text[text.index("def columns") :].splitlines()
    assert sum(1 for line in lines if line.strip() and not line.strip().startswith("#")) <= 150


def standalone_run(study: Study, folder: Path, words: list[str]) -> list[float]:
    """Run the standalone file in a process that cannot import hdsl, and return the numbers that it prints."""
    arrays = study.arrays
    data = {"y": arrays.y}
    data |= {f"x{k}": x for k, x in enumerate(arrays.x)}
    data |= {f"group{k}": codes for k, codes in enumerate(arrays.groups)}
    data |= {f"set{k}": codes for k, codes in enumerate(arrays.sets)}
    if arrays.offsets[0] is not None:
        data["offset"] = arrays.offsets[0]
    np.savez(folder / "data.npz", **data)
    (folder / "model.py").write_text(emit(study.plan, standalone=True), encoding="utf-8")
    program = (
        "import sys; sys.modules['hdsl'] = None; import runpy; "
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, "model.py", "data.npz", *words],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [float(word) for line in run.stdout.splitlines() for word in line.split()[1:]]


@pytest.mark.parametrize(
    "study", [item for item in STUDIES if item.name in {"with sets", "reversed positions", "nested (3, 1, 2)"}],
    ids=lambda study: study.name,
)  # fmt: skip
@pytest.mark.parametrize("reml", [False, True])
def test_standalone_gives_the_same_numbers(study: Study, reml: bool, tmp_path: Path) -> None:
    words = [repr(float(value)) for value in study.theta] + ["reml"] * reml
    criterion, *gradient = standalone_run(study, tmp_path, words)
    at = evaluate(study, study.theta, reml=reml)
    expected = at.emitted.theta_gradient(study.theta, at.emitted.gradient(at.cross, at.forward, at.fit, reml))
    assert criterion == pytest.approx(at.fit.objective, rel=1e-13)
    np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12)


def test_standalone_says_what_it_reads() -> None:
    text = emit(with_sets().plan, standalone=True, title="Alcohol use", x_symbols=("age[i]", "male[i]"))
    head = text.split('"""')[1]
    for line in (
        "Alcohol use",
        "x[0], (n,) = age[i]",
        "x[1], (n,) = male[i]",
        "sets[1], (n,): column of each row in c",
    ):
        assert line in head
    assert "import hdsl" not in text
    assert "from hdsl" not in text


HOSTILE = (
    '"""\nimport os\nos.system("x")\n"""',
    "u\nimport os",
    "u # \\N{SPACE}",
    "\u2028import os",
    "__import__('os')",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_never_become_code(name: str) -> None:
    own = Column(symbol=name, products=(Product(scale=1.0, factors=(0,)),))
    plain = nested(2, 1)
    terms = [term(name, (plain.plan.re_terms[0].columns[0], own), plain.plan.re_terms[0].blocks[0])]
    hostile = study("hostile", terms, plain.arrays.groups[:1], chain=[0])
    text = emit(hostile.plan, title=name, x_symbols=(name,), standalone=True)
    assert text.isascii()
    namespace = load(text)
    assert "os" not in namespace.forward.__globals__
    assert "import os" not in [line.strip() for line in text.splitlines()]


def test_source_is_in_linecache() -> None:
    emitted = load(emit(nested(1, 1).plan))
    assert linecache.getline(emitted.filename, 1).startswith('"""')
    assert load(emit(nested(1, 1).plan)) is emitted


def test_oracle_is_the_normal_density() -> None:
    """The textbook's criterion, which all else is held against, is -2 log of a normal density."""
    from scipy.stats import multivariate_normal

    item = nested(2, 1)
    sigmas = [covariance(item.plan, item.theta, f) for f in range(2)]
    found = textbook(item.plan, item.arrays, sigmas, reml=False)
    y, n = item.arrays.y, len(item.arrays.y)
    groups, x = item.arrays.groups, item.arrays.x[0]
    V = np.eye(n)
    for i in range(n):
        for j in range(n):
            z_i, z_j = np.array([1.0, x[i]]), np.array([1.0, x[j]])
            V[i, j] += (groups[0][i] == groups[0][j]) * (z_i @ sigmas[0] @ z_j)
            V[i, j] += (groups[1][i] == groups[1][j]) * sigmas[1][0, 0]
    mean = found.beta[0] + found.beta[1] * x
    expected = -2.0 * multivariate_normal(mean, found.r2 / n * V).logpdf(y)
    assert found.objective == pytest.approx(expected, rel=1e-12)
