"""The package runs no text but what it emitted, in one place, and unpickles nothing."""

from __future__ import annotations

import ast
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import hdsl

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "hdsl").rglob("*.py"))
PICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
RUNNERS = {"eval", "exec", "execfile", "compile", "__import__"}
TEXT_RUNNERS = {"sympify", "parse_expr", "lambdify", "read_pickle", "to_pickle", "run_module", "query"}


def names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name, node.lineno


@pytest.mark.parametrize("path", FILES, ids=[str(f.relative_to(ROOT)) for f in FILES])
def test_only_one_file_runs_source_and_none_unpickles(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    imported |= {(n.module or "").split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert not imported & PICKLERS
    used = {name for name, _ in names(tree)}
    assert not used & TEXT_RUNNERS
    called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    allowed = {"exec", "compile"} if path == ROOT / "hdsl" / "codegen" / "load.py" else set()
    assert called & RUNNERS <= allowed


class Trap:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("sprung",)


@pytest.mark.parametrize("name", ["data.csv", "data.parquet", "data.csv.gz", "data.pkl", "data.npy"])
def test_a_pickle_in_place_of_data_is_not_opened(name: str, tmp_path: Path) -> None:
    (tmp_path / "model.hm").write_text("y[i] ~ normal(b0 + b1*x[i], sd)\n", encoding="utf-8")
    (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    done = subprocess.run(
        [sys.executable, "-m", "hdsl", "fit", "model.hm", name],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "HM414" in done.stderr or "HM401" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "sprung").exists()


def test_a_pickle_in_place_of_a_model_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.hm"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(hdsl.ModelError):
        hdsl.read(path)
    assert not (tmp_path / "sprung").exists()


def test_objects_in_a_column_are_not_called(canary_object: tuple[object, list[str]]) -> None:
    thing, sung = canary_object
    data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 5.0], "x": [thing, 1, 2, 3, 4]})
    with pytest.raises(hdsl.DataError) as caught:
        hdsl.Model("y[i] ~ normal(b0 + b1*x[i], sd)\n").fit(data)
    assert caught.value.code == "HM407"
    assert not sung


@pytest.fixture
def canary_object() -> tuple[object, list[str]]:
    sung: list[str] = []

    class Canary:
        def __call__(self) -> None:
            sung.append("sung")

    return Canary(), sung
