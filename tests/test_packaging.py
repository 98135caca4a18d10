"""What is shipped: the wheel holds the grammar and the types marker, nothing else than the package, and works alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

MODEL = "y[i] ~ normal(b0[j] + b1*x[i], sd)\nb0[j] ~ normal(b0 + b2*z[j], sd_j)\n"


def build(kind: str, target: Path) -> Path:
    run = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return next(target.iterdir())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


def test_wheel_content(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "hdsl").rglob("*.py")}
    assert modules <= names
    assert {"hdsl/grammar/hm.lark", "hdsl/py.typed", "hdsl/results/page/page.css"} <= names
    assert {f"hdsl/errors/{path.name}" for path in (ROOT / "docs" / "errors").glob("HM*.md")} <= names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"hdsl"}


def test_wheel_metadata(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    metadata = archive.read(next(name for name in archive.namelist() if name.endswith("METADATA"))).decode()
    assert "License-Expression: BSD-3-Clause" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert wheel.name.endswith("-py3-none-any.whl"), "no compiler is needed on any platform"
    entry_points = archive.read(next(name for name in archive.namelist() if name.endswith("entry_points.txt"))).decode()
    assert "hdsl = hdsl.cli:main" in entry_points


def test_wheel_parses_a_model_on_its_own(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import hdsl; "
        "assert hdsl.__file__.startswith(sys.argv[1]), hdsl.__file__; "
        "print(hdsl.Model(sys.argv[2]).composite)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(site), MODEL], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "b2" in run.stdout


def test_wheel_explains_a_code_on_its_own(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    run = subprocess.run(
        [sys.executable, "-m", "hdsl", "explain", "HM203"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("# HM203: ")


@pytest.mark.slow
def test_sdist_is_complete(tmp_path: Path) -> None:
    archive = build("sdist", tmp_path)
    top = archive.name.removesuffix(".tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.removeprefix(f"{top}/") for name in tar.getnames()}
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    shipped = {name for name in tracked if Path(name).name not in {".gitignore", ".gitattributes"}}
    assert shipped <= names


@pytest.mark.slow
def test_installed_wheel_has_a_command(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(site),
        str(wheel),
    ]
    subprocess.run(install, check=True)
    model = tmp_path / "model.hm"
    model.write_text(MODEL, encoding="utf-8")
    command = next(path for path in (site / "bin" / "hdsl", site / "Scripts" / "hdsl.exe") if path.exists())
    run = subprocess.run(
        [sys.executable, str(command), "show", str(model)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "b2" in run.stdout
