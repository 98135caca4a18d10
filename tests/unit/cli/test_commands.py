"""What the commands that need no data print, and how they end."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hdsl
from hdsl.cli import commands, main
from hdsl.cli.output import plain


def run(capsys, *arguments):
    """Status, standard output, standard error."""
    status = main(list(arguments))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


class TestCheck:
    def test_all_well_says_what_was_found(self, files, capsys):
        status, out, err = run(capsys, "check", "good.hm")
        assert (status, err) == (0, "")
        assert out == "good.hm: levels [i], [j]; 5 parameters; no errors\n"

    def test_a_mistake_goes_to_standard_error(self, files, capsys):
        status, out, err = run(capsys, "check", "wrong.hm")
        assert (status, out) == (1, "")
        assert err.startswith("error[HM203]: ")
        assert "wrong.hm:2:24" in err
        assert "= help:" in err

    def test_a_mistake_as_json(self, files, capsys):
        status, out, err = run(capsys, "check", "wrong.hm", "--json")
        record = json.loads(out)
        assert (status, err) == (1, "")
        assert record["ok"] is False
        assert record["error"]["code"] == "HM203"
        assert record["error"]["span"] == {"line": 2, "column": 24, "end_line": 2, "end_column": 28}
        assert record["diagnostics"][0]["file"] == "wrong.hm"

    def test_all_well_as_json(self, files, capsys):
        status, out, _ = run(capsys, "check", "good.hm", "--json")
        record = json.loads(out)
        assert (status, record["ok"], record["levels"]) == (0, True, ["i", "j"])
        assert record["parameters"] == ["b0", "g1", "b1", "sd_j", "sd"]

    def test_a_model_that_cannot_be_fitted_yet_is_no_mistake(self, files, capsys):
        (files / "prior.hm").write_text("y[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0 + b1*x[i]\nb1 ~ normal(0, 1)\n")
        status, out, _ = run(capsys, "check", "prior.hm")
        assert status == 0
        assert "not fitted yet: " in out
        assert "a prior on `b1`" in out

    def test_standard_input(self, stdin, capsys):
        stdin("y[i] ~ normal(β0, sd)\r\n".encode())
        assert run(capsys, "check", "-") == (0, "<stdin>: levels [i]; 2 parameters; no errors\n", "")

    def test_text_that_is_not_utf8(self, stdin, capsys):
        stdin(b"y[i] ~ normal(b\xe9, sd)")
        status, _, err = run(capsys, "check", "-")
        assert status == 1
        assert err.startswith("error[HM010]")


class TestMissingFiles:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["check", "nowhere.hm"], "nowhere.hm: no such file"),
            (["check", "."], "directory"),
            (["check", "good.hm", "nowhere.csv"], "nowhere.csv: no such file"),
            (["check", "good.hm", "j=nowhere.csv"], "nowhere.csv: no such file"),
            (["fit", "good.hm", "wrong.hm", "good.hm"], "each needs its level"),
            (["fit", "good.hm", "j=wrong.hm", "j=good.hm"], "two data files for the level 'j'"),
            (["emit", "good.hm", "--arrays", "a.npz"], "--arrays needs DATA"),
            (["emit", "good.hm", "-o", "no/such/folder/f.py"], "cannot write no/such/folder/f.py"),
            (["fmt", "."], "cannot read .: is a directory"),
            (["fmt", "nowhere.hm"], "nowhere.hm: no such file"),
        ],
    )
    def test_wrong_usage_names_it(self, files, capsys, arguments, words):
        status, out, err = run(capsys, *arguments)
        assert (status, out) == (2, "")
        assert words in err
        assert err.count("\n") == 1


class TestEmit:
    def test_arrays_of_an_outcome_with_a_density(self, files, capsys):
        text = "n[i] ~ binomial(size[i], p[i])\nlogit(p[i]) = x[i] + b0 + b1*x[i]\n"
        (files / "share.hm").write_text(text)
        (files / "share.csv").write_text("n,size,x\n1,4,0.5\n2,5,1.5\n0,3,2.5\n")
        status, out, _ = run(capsys, "emit", "share.hm", "share.csv", "--arrays", "share.npz")
        assert status == 0
        assert "def density(" in out
        arrays = np.load(files / "share.npz")
        assert arrays["known0"].tolist() == [4.0, 5.0, 3.0]
        assert arrays["offset0"].tolist() == arrays["x0"].tolist() == [0.5, 1.5, 2.5]


class TestFmt:
    LOOSE = "y[i]~normal( b0[j]+b1*x[i],sd)  # rows\nb0[j]~normal(b0,sd_j)\n"
    NEAT = "y[i] ~ normal(b0[j] + b1*x[i], sd)  # rows\nb0[j] ~ normal(b0, sd_j)\n"

    @pytest.fixture
    def loose(self, files):
        path = files / "loose.hm"
        path.write_text(self.LOOSE)
        return path

    def test_in_place_and_idempotent(self, loose, capsys):
        assert run(capsys, "fmt", "loose.hm") == (0, "changed loose.hm\n", "")
        assert loose.read_text() == self.NEAT
        assert run(capsys, "fmt", "loose.hm") == (0, "", "")
        assert loose.read_text() == self.NEAT

    def test_mode_and_link_are_kept_and_nothing_is_left_behind(self, loose, capsys):
        loose.chmod(0o640)
        link = loose.parent / "link.hm"
        link.symlink_to(loose)
        assert run(capsys, "fmt", "link.hm")[0] == 0
        assert link.is_symlink()
        assert loose.read_text() == self.NEAT
        assert stat.S_IMODE(loose.stat().st_mode) == 0o640
        assert sorted(path.name for path in loose.parent.iterdir()) == ["good.hm", "link.hm", "loose.hm", "wrong.hm"]

    def test_check_changes_nothing(self, loose, capsys):
        assert run(capsys, "fmt", "--check", "loose.hm", "good.hm") == (1, "would change loose.hm\n", "")
        assert loose.read_text() == self.LOOSE

    def test_to_standard_output(self, loose, stdin, capsys):
        assert run(capsys, "fmt", "--stdout", "loose.hm") == (0, self.NEAT, "")
        assert loose.read_text() == self.LOOSE
        stdin(self.LOOSE.encode())
        assert run(capsys, "fmt", "-") == (0, self.NEAT, "")

    def test_what_cannot_be_parsed_is_left_alone_and_the_others_done(self, loose, capsys):
        broken = loose.parent / "broken.hm"
        broken.write_text("y[i] ~ normal(\n")
        status, out, err = run(capsys, "fmt", "broken.hm", "loose.hm")
        assert (status, out) == (1, "changed loose.hm\n")
        assert "error[HM0" in err
        assert broken.read_text() == "y[i] ~ normal(\n"


class TestShow:
    def test_all_sections_in_order(self, files, capsys):
        status, out, _ = run(capsys, "show", "good.hm")
        assert status == 0
        titles = ["Levels", "Equations, level by level", "Composite equation", "Parameters", "Implied moments"]
        places = [out.index(f"{title}\n{'-' * len(title)}\n") for title in titles]
        assert places == sorted(places)
        assert "Implied interactions\n" not in out

    def test_one_section_has_no_title(self, files, capsys):
        _, out, _ = run(capsys, "show", "good.hm", "--composite")
        assert out.startswith("y[i] = b0 + g1*z[j] + b1*x[i]")

    def test_implied_interactions(self, files, capsys):
        (files / "slopes.hm").write_text(
            "y[i] ~ normal(b0[j] + b1[j]*x[i], sd)\n(b0[j], b1[j]) ~ mvnormal((g0, g1 + g2*z[j]), Omega)\n"
        )
        _, out, _ = run(capsys, "show", "slopes.hm", "--interactions")
        assert out == "g2 * z[j] * x[i]  two-way, cross-level, from lines 1, 2\n"
        assert run(capsys, "show", "good.hm", "--interactions")[1] == "none\n"

    def test_latex(self, files, capsys):
        _, out, _ = run(capsys, "show", "good.hm", "--composite", "--latex")
        assert out.startswith("\\begin{aligned}")
        _, out, _ = run(capsys, "show", "good.hm", "--latex")
        assert [line for line in out.splitlines() if line.startswith("%")] == [
            "% Equations, level by level",
            "% Composite equation",
            "% Implied moments",
        ]

    def test_a_section_that_there_is_not(self, files, capsys):
        (files / "binary.hm").write_text("y[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0 + b1*x[i]\n")
        status, out, err = run(capsys, "show", "binary.hm")
        assert (status, err) == (0, "")
        assert "none: " in out
        status, out, err = run(capsys, "show", "binary.hm", "--moments")
        assert (status, out) == (1, "")
        assert "HM501" in err

    def test_json(self, files, capsys):
        record = json.loads(run(capsys, "show", "good.hm", "--json")[1])
        assert record["nestings"] == [["i", "j"]]
        coefficients = [term["coefficient"] for term in record["composite"]["terms"]]
        assert coefficients == ["b0", "g1", "b1", "b0[j]", "e[i]"]
        assert record["parameters"][1] == {"name": "g1", "role": "fixed effect", "range": "real", "line": 5}


class TestFaults:
    @staticmethod
    def failing(fault):
        def command(_):
            raise fault

        return command

    def test_an_internal_fault_asks_to_be_reported(self, files, capsys, monkeypatch):
        monkeypatch.setitem(commands.COMMANDS, "check", self.failing(ZeroDivisionError("by nothing")))
        status, out, err = run(capsys, "check", "good.hm")
        assert (status, out) == (1, "")
        assert err.startswith("error[HM901]")
        assert "ZeroDivisionError: by nothing" in err
        assert "please report" in err
        assert "Traceback" not in err

    def test_an_interrupt(self, files, capsys, monkeypatch):
        monkeypatch.setitem(commands.COMMANDS, "check", self.failing(KeyboardInterrupt()))
        assert run(capsys, "check", "good.hm") == (130, "", "interrupted\n")

    def test_a_closed_pipe(self, files):
        code = "import sys; sys.argv[1:] = ['show', 'good.hm']; from hdsl.cli import main; sys.exit(main())"
        environment = os.environ | {"PYTHONPATH": str(Path(hdsl.__file__).parents[1])}
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        ) as process:
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == 0


class TestColour:
    class Terminal:
        """Standard error of a terminal."""

        encoding = "utf-8"

        def __init__(self):
            self.text = ""

        def write(self, text):
            self.text += text

        def flush(self):
            pass

        def isatty(self):
            return True

    def test_on_a_terminal_only(self, files, monkeypatch):
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")
        terminal = self.Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        assert main(["check", "wrong.hm"]) == 1
        assert terminal.text.startswith("\x1b[1;31merror[HM203]\x1b[0m: ")

    def test_unless_it_is_not_wanted(self, files, monkeypatch):
        monkeypatch.setenv("NO_COLOR", "1")
        terminal = self.Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        assert main(["check", "wrong.hm"]) == 1
        assert "\x1b" not in terminal.text


def test_json_has_no_nan():
    import numpy as np

    value = {
        "a": np.float64("nan"),
        2: (np.int64(3), float("inf")),
        "c": np.array([1.0, np.nan]),
        "d": frozenset({"x"}),
    }
    assert plain(value) == {"a": None, "2": [3, None], "c": [1.0, None], "d": ["x"]}
