"""Usage: exit statuses, help, version."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hdsl.cli import main
from hdsl.version import __version__


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["fit"],
        ["fit", "m.hm"],
        ["fit", "m.hm", "d.csv", "--method", "bayes"],
        ["check", "m.hm", "--js"],
        ["fmt", "m.hm", "--check", "--stdout"],
    ],
)
def test_wrong_usage_is_status_2(arguments, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("usage: hdsl")
    assert captured.out == ""


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"hdsl {__version__}\n"


@pytest.mark.parametrize("command", ["check", "fmt", "show", "plan", "emit", "fit"])
def test_each_command_has_help_with_examples(command, capsys):
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"examples:\n  hdsl {command} " in text
    assert max(map(len, text.splitlines())) <= 100


def test_help_imports_no_heavy_library():
    code = (
        "import sys; from hdsl.cli import main; main(['fit', '--help']);"
        "print([m for m in ('pandas', 'sympy', 'networkx', 'scipy', 'lark', 'rich') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_the_module_runs():
    result = subprocess.run([sys.executable, "-m", "hdsl", "--version"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, f"hdsl {__version__}\n")
