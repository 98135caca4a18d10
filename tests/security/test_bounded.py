"""Inputs made to exhaust time, memory or the stack are refused by a diagnostic, soon."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hdsl

ROOT = Path(__file__).parents[2]
SECONDS = 20
CHILD = """\
import pathlib, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3_000_000_000, 3_000_000_000))
import hdsl
try:
    model = hdsl.read(sys.argv[1])
    str(model.composite), model.composite.latex(), model.emit()
except hdsl.HMError as error:
    text = str(error)
    print("refused", error.code, len(text))
else:
    print("compiled")
"""


def run(path: Path) -> tuple[str, list[str]]:
    """Compile a model file in a process with a limit of time and memory; return what became of it."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    word, *rest = done.stdout.split()
    return word, rest


def outcome(mean: str) -> str:
    return f"y[i] ~ normal({mean}, sd)\n"


def chain(length: int) -> str:
    """Definitions each of which uses the one before."""
    lines = [f"d{k}[i] = d{k - 1}[i] + 1" for k in range(1, length)]
    return "\n".join(["d0[i] = x[i] + 1", *lines, outcome(f"b0 + b1*d{length - 1}[i]")])


def doubling(length: int) -> str:
    """Coefficients each of which uses the one before twice: one term, or 2^length of them if expanded naively."""
    lines = [f"c{k}[j] = c{k - 1}[j] + c{k - 1}[j]" for k in range(1, length)]
    return "\n".join([outcome(f"c{length - 1}[j]"), *lines, "c0[j] ~ normal(m, s)"]) + "\n"


def explosion(length: int) -> str:
    """Coefficients with two products each: 2^length terms that are all different."""
    lines = [f"c{k}[i] = c{k - 1}[i]*z{k}[i] + c{k - 1}[i]*w{k}[i]" for k in range(1, length)]
    return "\n".join([outcome(f"c{length - 1}[i]"), *lines, "c0[i] = b0 + b1*x[i]"]) + "\n"


def data_doubling(length: int) -> str:
    """The same of data: each definition is one covariate."""
    lines = [f"d{k}[i] = d{k - 1}[i]*d{k - 1}[i]" for k in range(1, length)]
    return "\n".join([outcome(f"b0 + b1*d{length - 1}[i]"), *lines, "d0[i] = x[i]/2"]) + "\n"


BOMBS = {
    "round brackets": outcome("b0 + " + "(" * 20000 + "b1*x[i]" + ")" * 20000),
    "brackets never closed": outcome("b0 + " + "(" * 20000),
    "square brackets": outcome("b0" + "[" * 20000),
    "functions": outcome("b0 + b1*" + "exp(" * 5000 + "x[i]" + ")" * 5000),
    "signs": outcome("b0 + b1*" + "-" * 20000 + "x[i]"),
    "powers": outcome("b0 + b1*" + "^".join(["x[i]"] * 5000)),
    "wrappers": "y[i] ~ " + "truncated(" * 5000 + "normal(b0, sd)" + ", lower=0)" * 5000 + "\n",
    "a product of a thousand sums": outcome("*".join(f"(a{k} + b{k}*x{k}[i])" for k in range(1000))),
    "terms that double in number": explosion(26),
    "a string without an end": 'index j = "' + "a" * 2_000_000,
    "a line of brackets": "()" * 500_000,
    "a thousand mistakes": "y[i] ~ norml(b0, sd)\n" * 1000,
    "ten thousand syntax mistakes": "y[i] @ 4\n" * 10_000,
}
"""Text that no one writes by hand: each is refused."""

HEAVY = {
    "a tower of numbers": outcome("b0 + b1*9^9^9^9^9^9*x[i]"),
    "a tower of numbers alone": outcome("b0 + 9^9^9^9*x[i]"),
    "a number beyond all floats": outcome("b0 + b1*1e999*x[i]"),
    "a number of many digits": outcome(f"b0 + b1*{'9' * 20_000}*x[i]"),
    "a factorial's worth of negative powers": outcome("b0 + b1*(0 - 8)^0.3333*x[i]"),
    "division by zero": outcome("b0 + b1*x[i]/(1 - 1)"),
    "a long sum": outcome("b0 + " + " + ".join(f"b{k}*x{k}[i]" for k in range(1, 400))),
    "a product of many covariates": outcome("b0 + b1*" + "*".join(f"x{k}[i]" for k in range(30))),
    "a long sum of numbers": outcome("b0 + b1*(" + "+".join(["x[i]"] * 3000) + ")"),
    "a long name": outcome(f"b0 + {'b' * 1_000_000}*x[i]"),
    "a power of a sum": outcome("(a + b*x[i] + c*z[i])^500"),
    "a long line": outcome("b0 + b1*x[i]" + " " * 2_000_000),
    "a long comment": "# " + "x" * 5_000_000 + "\n" + outcome("b0 + b1*x[i]"),
    "many empty lines": "\n" * 300_000 + outcome("b0 + b1*x[i]"),
    "a chain of definitions": chain(1500),
    "definitions of data that double": data_doubling(60),
    "coefficients that double": doubling(40),
}
"""Text that may be compiled or refused; it takes neither long nor a traceback."""


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_soon(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.hm"
    path.write_text(BOMBS[name], encoding="utf-8")
    word, (code, length) = run(path)
    assert word == "refused"
    assert code.startswith("HM")
    assert not code.startswith("HM9")
    assert int(length) < 2_000_000


@pytest.mark.parametrize("name", HEAVY)
def test_heavy_text_is_compiled_or_refused_soon(name: str, tmp_path: Path) -> None:
    path = tmp_path / "heavy.hm"
    path.write_text(HEAVY[name], encoding="utf-8")
    word, rest = run(path)
    assert word == "compiled" or not rest[0].startswith("HM9")


BYTES = {
    "not UTF-8": (b"y[i] ~ normal(b0, \xff\xfe)\n", "HM010"),
    "a null byte": (b"y[i] ~ normal(b0, sd)\x00\n", "HM003"),
    "UTF-16": ("y[i] ~ normal(b0, sd)\n".encode("utf-16"), "HM010"),
    "random": (bytes(range(256)) * 100, "HM010"),
    "gzip": (gzip.compress(b"y[i] ~ normal(b0, sd)\n"), "HM010"),
    "right-to-left override": ("y[i] ~ normal(b0, \u202esd)\n".encode(), "HM003"),
    "zero-width space": ("y[i] ~ normal(b0, s\u200bd)\n".encode(), "HM003"),
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_that_are_no_text_are_refused(name: str, tmp_path: Path) -> None:
    data, code = BYTES[name]
    path = tmp_path / "bytes.hm"
    path.write_bytes(data)
    word, (found, _) = run(path)
    assert (word, found) == ("refused", code)


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbfy[i] ~ normal(b0 + b1*x[i], sd)\n", b"y[i] ~ normal(b0 +\r\n b1*x[i], sd)\r\n"]
)
def test_a_byte_order_mark_and_line_ends_of_other_systems_are_text(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.hm"
    path.write_bytes(data)
    assert run(path)[0] == "compiled"


LONG = "x" * 1_000_000
WIDE = {
    "a long column": ({LONG: 1.0}, {}),
    "many columns": ({f"c{k}": 1.0 for k in range(5000)}, {}),
    "a long label where a covariate varies": ({"x": 1.0}, {"g": [LONG, LONG, "b", "b"], "z": [1.0, 2.0, 3.0, 3.0]}),
    "a long text for a number": ({"z": 1.0, "x": [LONG, "1", "2", "3"]}, {}),
    "a long label beside an unknown reference": ({"x": 1.0, "z": 1.0, "t": ["a", "b", LONG, "a"]}, {}),
    "many labels beside an unknown reference": ({"x": 1.0, "z": 1.0}, {"rows": 5000}),
}


@pytest.mark.parametrize("name", WIDE)
def test_what_is_wrong_with_wide_data_is_said_in_few_words(name: str) -> None:
    """A diagnostic cuts what is long and counts what is many."""
    columns, more = WIDE[name]
    n = more.get("rows", 4)
    rows = {"y": np.arange(n) % 7 + 0.5, "g": np.arange(n) // 2, "t": [f"label {k}" for k in range(n)]}
    data = pd.DataFrame({**rows, **columns, **{k: v for k, v in more.items() if k != "rows"}})
    text = """\
y[i] ~ normal(b0[g] + b1*x[i] + b2*z[g] + b_t[t], sd)
b0[g] ~ normal(m, s)
b_t[t] ~ flat(ref = "c")
"""
    with pytest.raises(hdsl.HMError) as caught:
        hdsl.Model(text).fit(data)
    assert len(str(caught.value)) < 5000
    assert max(len(d.message) for d in caught.value.diagnostics) < 500


@pytest.mark.slow
def test_a_compressed_table_of_nothing_is_refused_soon(tmp_path: Path) -> None:
    """A small file that unpacks to two hundred megabytes of zeros is no table."""
    (tmp_path / "model.hm").write_text(outcome("b0 + b1*x[i]"), encoding="utf-8")
    with gzip.open(tmp_path / "data.csv.gz", "wb") as file:
        for _ in range(200):
            file.write(bytes(1_000_000))
    done = subprocess.run(
        [sys.executable, "-m", "hdsl", "fit", "model.hm", "data.csv.gz"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 1
    assert "HM4" in done.stderr
    assert "Traceback" not in done.stderr
