"""Pages are true of the code: generated parts are not stale, models in code blocks compile, links lead somewhere."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts))
STUDIES = tuple(sorted((ROOT / "examples").rglob("*.md")))
FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<body>.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\((?P<target>[^)\s]+)\)")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def generated() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generated", ROOT / "docs" / "_ext" / "generated.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_generated_parts_are_fresh(generated: ModuleType, page: Path) -> None:
    assert not generated.stale(page), "run `make golden` and read the difference"


@pytest.mark.slow
@pytest.mark.parametrize("page", STUDIES, ids=name_of)
def test_generated_parts_of_examples_are_fresh(generated: ModuleType, page: Path) -> None:
    assert not generated.stale(page), "run `make golden` and read the difference"


def test_every_page_is_watched(generated: ModuleType) -> None:
    assert set(generated.pages()) == {*PAGES, *STUDIES}


def test_stale_parts_are_noticed(generated: ModuleType) -> None:
    assert generated.same("sd 1.2345 of b0", "sd  1.2349 of b0")
    assert not generated.same("sd 1.2345 of b0", "sd 1.3 of b0")
    assert not generated.same("sd 1.2 of b0", "sd 1.2 of b1")
    assert not generated.same("1 2", "1 2 3")
    assert generated.same("converged (9 evaluations)", "converged (11 evaluations)")
    assert not generated.same("converged (9 evaluations)", "NOT CONVERGED (9 evaluations)")


def blocks(language: str) -> list[object]:
    """Every code block of a language: ``hm`` is a whole model, ``python`` a program to run from the project's top."""
    return [
        pytest.param(match["body"], id=f"{name_of(page)}-{number}")
        for page in PAGES
        for number, match in enumerate(FENCE.finditer(page.read_text(encoding="utf-8")))
        if match["info"].strip() == language
    ]


@pytest.mark.parametrize("text", blocks("hm"))
def test_models_in_pages_compile(text: str) -> None:
    import hdsl

    assert hdsl.Model(text).composite.terms.shape[0] > 0


@pytest.mark.parametrize("program", blocks("python"))
def test_programs_in_pages_run(program: str, tmp_path: Path) -> None:
    for name in ("docs", "examples"):  # what a program writes does not go into the project
        (tmp_path / name).symlink_to(ROOT / name)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout


def test_first_model_of_the_readme_fits() -> None:
    import pandas as pd

    import hdsl

    text = next(m["body"] for m in FENCE.finditer(PAGES[0].read_text(encoding="utf-8")) if m["info"].strip() == "hm")
    fit = hdsl.Model(text).fit(pd.read_csv(ROOT / "examples" / "egsingle" / "egsingle.csv.gz"))
    assert fit.status == "converged"
    assert fit.nobs == 7230
    assert fit.fixef["b1"] > 0


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [match["target"].split("#")[0] for match in LINK.finditer(text)]
    local = [target for target in targets if target and "://" not in target and not target.startswith("mailto:")]
    assert not [target for target in local if not (page.parent / target).exists()]


def test_readme_names_both_commands() -> None:
    first_screen = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:60]
    assert any("make demo" in line for line in first_screen)
    assert any("make test" in line for line in first_screen)
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
