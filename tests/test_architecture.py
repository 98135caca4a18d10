"""The shape of the package: which way imports go, what may execute code, what `import hdsl` costs.

The source is read as syntax trees, so that a rule holds for code that no test runs.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "hdsl"
MODULES = tuple(sorted(PACKAGE.rglob("*.py")))

EXECUTORS = {"exec", "eval", "compile", "__import__"}
UNPICKLERS = {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}
MAY_EXECUTE = {"hdsl/codegen/load.py"}
"""The one file that turns text into code; it registers the text in `linecache`."""

HOMES = {
    "lark": ("hdsl/syntax/",),
    "networkx": ("hdsl/semantics/",),
    "sympy": ("hdsl/composite/",),
    "narwhals": ("hdsl/design/",),
    "matplotlib": ("hdsl/results/plots/",),
    "IPython": ("hdsl/notebook.py",),
    "markdown_it": ("hdsl/results/page/",),
    "pygments": ("hdsl/results/page/",),
    "rich": ("hdsl/cli/", "hdsl/results/", "hdsl/progress.py"),
}
"""Where each library lives, by the start of the path."""

MODULE_OF = {"ipython": "IPython", "markdown-it-py": "markdown_it"}
"""Modules that are not called as their distribution."""

HEAVY = (
    "IPython",
    "lark",
    "matplotlib",
    "narwhals",
    "networkx",
    "pandas",
    "polars",
    "pyarrow",
    "rich",
    "scipy",
    "sympy",
)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything that a file imports, at the top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def test_import_contracts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from importlinter.cli import lint_imports

    monkeypatch.chdir(ROOT)
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == 0, capsys.readouterr().out


def test_libraries_stay_at_home() -> None:
    strays = [
        f"{name_of(path)}:{line} imports {name}"
        for path in MODULES
        for line, name in imports(path)
        for library, homes in HOMES.items()
        if name.split(".")[0] == library and not name_of(path).startswith(homes)
    ]
    assert not strays


def test_scipy_optimize_is_used_for_linear_programs_alone() -> None:
    """Its import takes longer than most fits: one module may load it, where a fit is in trouble."""
    users = {name_of(path) for path in MODULES for _, name in imports(path) if name.startswith("scipy.optimize")}
    assert users == {"hdsl/fit/separation.py"}


def test_every_import_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = project["dependencies"] + [
        r for extra in ("parquet", "plots", "notebook") for r in project["optional-dependencies"][extra]
    ]
    named = {re.split(r"[<>=\[ ]", requirement)[0] for requirement in requirements}
    declared = {MODULE_OF.get(name, name) for name in named}
    used = {name.split(".")[0] for path in MODULES for _, name in imports(path)}
    assert used - set(sys.stdlib_module_names) - {"hdsl"} <= declared


def test_one_file_executes_and_none_unpickles() -> None:
    culprits = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in EXECUTORS:
                culprits.add(name_of(path))
        unpickled = [name for _, name in imports(path) if name.split(".")[0] in UNPICKLERS]
        assert not unpickled, f"{name_of(path)} imports {unpickled}"
    assert culprits == MAY_EXECUTE
    assert "linecache" in (ROOT / "hdsl/codegen/load.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_text_of_a_module(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"\b(?:TODO|FIXME|XXX|NotImplementedError)\b", text), "unfinished"
    assert not re.findall(r"""["'\s(](?:/(?:home|tmp|usr|root|Users|opt|work)/|[A-Z]:\\)""", text), (
        "a path of one machine"
    )
    assert ast.get_docstring(ast.parse(text)), "no header that says what the module is"
    assert path.stem not in {"utils", "helpers", "common", "misc"}, "a name that says nothing"


def test_importing_hdsl_is_cheap() -> None:
    code = f"import hdsl, sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_runtime_stands_alone() -> None:
    """A standalone file takes the runtime's source in: it may need NumPy and SciPy, and nothing of hdsl above it."""
    strays = [
        f"{name_of(path)}:{line} imports {name}"
        for path in sorted((PACKAGE / "runtime").rglob("*.py"))
        for line, name in imports(path)
        if name.split(".")[0] == "hdsl" and not name.startswith("hdsl.runtime")
    ]
    assert not strays
