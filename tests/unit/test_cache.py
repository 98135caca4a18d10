"""The cache of compiled models: what is read is what was written, and nothing else is ever read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import hdsl
from hdsl import cache
from hdsl.cache import Compiled, cache_folder, read_compiled, write_compiled
from hdsl.source import Source
from tests.conftest import read_case

ROOT = Path(__file__).parents[2]
MODELS = sorted((ROOT / "examples").glob("*/*.hm"))
CASES = sorted((ROOT / "tests" / "cases").rglob("*.case"))

WARNS = """y[i] ~ normal(a[j] + b1*x[i], sd)
a[j] ~ normal(b0, sd_j)
u[j] ~ normal(0, sd_u)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("HDSL_NO_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "hdsl"


def only(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def compiled(text: str, name: str = "m.hm") -> tuple[Source, Compiled]:
    model = hdsl.Model(text, name=name, cache=False)
    return model.source, Compiled(form=model.form, diagnostics=model.diagnostics)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.parent.name)
def test_examples_come_back_equal(path, folder):
    source, made = compiled(path.read_text(encoding="utf-8"), str(path))
    write_compiled(source, made)
    found = read_compiled(source)
    assert found == made
    assert found.form.source is source
    assert [index.span for index in found.form.indices] == [index.span for index in made.form.indices]


def test_every_golden_model_comes_back_equal(folder):
    seen = 0
    for path in CASES:
        try:
            source, made = compiled(read_case(path)["input"])
        except hdsl.ModelError:
            continue
        write_compiled(source, made)
        assert repr(read_compiled(source)) == repr(made), path.name
        seen += 1
    assert seen >= 20


def test_warnings_are_kept_and_name_the_file_of_now(folder):
    first = hdsl.Model(WARNS, name="old.hm")
    again = hdsl.Model(WARNS, name="new.hm")
    assert first.diagnostics
    assert [d.message for d in again.diagnostics] == [d.message for d in first.diagnostics]
    assert {d.source.name for d in again.diagnostics if d.source} <= {"new.hm"}
    assert [str(d) for d in again.diagnostics] == [str(d).replace("old.hm", "new.hm") for d in first.diagnostics]


def test_what_needs_names_still_works_on_a_cached_model(folder):
    plain = hdsl.Model(WARNS, cache=False)
    hdsl.Model(WARNS)
    cached = hdsl.Model(WARNS)
    assert str(cached.equations) == str(plain.equations)
    assert str(cached.levels) == str(plain.levels)
    assert cached.pooled().text == plain.pooled().text
    assert str(cached.composite) == str(plain.composite)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"normal", b"pormal"),
        lambda data: b"\xff" + data,
        lambda data: b'{"form": 1}',
        lambda data: cache._digest(b"[]").encode() + b"\n[]",
        lambda data: (
            cache._digest(b'{"form":{"source":{"text":"","name":""}}}').encode()
            + b'\n{"form":{"source":{"text":"","name":""}}}'
        ),
    ],
)
def test_a_damaged_or_foreign_entry_is_ignored_and_written_anew(damage, folder):
    source, made = compiled(WARNS)
    write_compiled(source, made)
    path = only(folder)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert read_compiled(source) is None
    assert hdsl.Model(WARNS, name="m.hm").form == made.form
    assert only(folder).read_bytes() == whole


def test_another_text_or_another_compiler_has_another_entry(folder, monkeypatch):
    source, made = compiled(WARNS)
    write_compiled(source, made)
    assert read_compiled(Source(WARNS + "\n", "m.hm")) is None
    monkeypatch.setattr(cache, "_compiler", lambda: "another")
    assert read_compiled(source) is None


def test_a_text_with_mistakes_is_not_kept(folder):
    with pytest.raises(hdsl.ModelError):
        hdsl.Model("y[i] ~ normal(")
    assert not folder.exists()


def test_switched_off(folder, monkeypatch):
    hdsl.Model(WARNS, cache=False)
    monkeypatch.setenv("HDSL_NO_CACHE", "1")
    hdsl.Model(WARNS)
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.delenv("HDSL_NO_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert hdsl.Model(WARNS).form == hdsl.Model(WARNS, cache=False).form


def test_a_relative_cache_home_is_not_one(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert "here" not in str(cache_folder())


def test_the_folder_is_bounded(folder, monkeypatch):
    monkeypatch.setattr(cache, "MOST_ENTRIES", 3)
    source, made = compiled(WARNS)
    for k in range(6):
        own = Source(f"{WARNS}# {k}\n", "m.hm")
        write_compiled(own, made)
        os.utime(cache._entry(own), (1e9 + k, 1e9 + k))
        monkeypatch.setattr(cache, "OLDEST", 1e12)
    write_compiled(source, made)
    assert len(list(folder.iterdir())) == 3
    assert read_compiled(source) is not None
    assert read_compiled(Source(f"{WARNS}# 5\n", "m.hm")) is not None
    assert read_compiled(Source(f"{WARNS}# 0\n", "m.hm")) is None


def test_entries_not_used_for_long_go(folder):
    source, made = compiled(WARNS)
    old = Source(WARNS + "# old\n", "m.hm")
    write_compiled(old, made)
    os.utime(only(folder), (1e9, 1e9))
    write_compiled(source, made)
    assert only(folder) == cache._entry(source)


WRITER = """
import sys, hdsl
text = sys.argv[1]
for k in range(40):
    model = hdsl.Model(text + f"# {k % 4}\\n")
    assert model.form.outcome.name == "y", model.form
"""


def test_writers_at_the_same_time(folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WRITER, WARNS]
    running = [subprocess.Popen(command, env=environment) for _ in range(3)]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    assert len(list(folder.iterdir())) == 4


WARM = """
import sys, hdsl
from hdsl.cli import main
assert main(["fit", *sys.argv[1:]]) == 0
heavy = {"sympy", "lark", "networkx", "scipy", "narwhals"} & set(sys.modules)
assert not heavy, heavy
"""


def test_a_warm_fit_loads_no_compiler(folder):
    study = ROOT / "examples" / "sleepstudy"
    model, data = study / "model.hm", study / "sleepstudy.csv"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    hdsl.read(model)
    done = subprocess.run(
        [sys.executable, "-c", WARM, str(model), str(data)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
