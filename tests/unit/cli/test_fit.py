"""Commands that take data, on the sleepstudy example; numbers typed from lme4's fit of it.

``lme4::lmer(Reaction ~ Days + (Days | Subject), REML = TRUE)``, lme4 1.1.31.
"""

from __future__ import annotations

import json
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

from hdsl.cli import commands, main
from tests.unit.cli.test_commands import run

EXAMPLE = Path(__file__).parents[3] / "examples" / "sleepstudy"

MODEL = """\
index j = Subject
Reaction[i] ~ normal(b0[j] + b1[j]*Days[i], sd)
(b0[j], b1[j]) ~ mvnormal((b0, b1), Omega)
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A folder with ``study.hm`` and ``study.csv``."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.hm").write_text(MODEL)
    shutil.copy(EXAMPLE / "sleepstudy.csv", tmp_path / "study.csv")
    return tmp_path


class TestFit:
    def test_the_summary(self, study, capsys):
        status, out, err = run(capsys, "fit", "study.hm", "study.csv", "--method", "reml")
        assert (status, err) == (0, "")
        assert out.startswith("study.hm: linear multilevel model, fitted by REML\n")
        assert "REML criterion             1743.628\n" in out
        assert "b1    b1 * Days[i]    10.467  1.546  17.0   6.77  <0.001\n" in out
        assert max(map(len, out.splitlines())) <= 80

    def test_json_has_the_names_of_the_python_face(self, study, capsys):
        status, out, err = run(capsys, "fit", "study.hm", "study.csv", "--method", "reml", "--json", "--ranef")
        record = json.loads(out)
        assert (status, err) == (0, "")
        assert record["converged"] is True
        assert (record["status"], record["boundary"], record["method"]) == ("converged", [], "reml")
        assert (record["nobs"], record["dof"]) == (180, 6)
        assert record["loglik"] == pytest.approx(-871.814135979245, abs=1e-5)
        assert record["aic"] == pytest.approx(1755.62827195849, abs=1e-5)
        assert record["bic"] == pytest.approx(1774.78601306383, abs=1e-5)
        assert record["params"]["b1"] == pytest.approx(10.4672859595964, abs=1e-5)
        assert record["params"]["sd(b0[j])"] == pytest.approx(24.7404500812413, rel=1e-3)
        assert record["bse"]["b0"] == pytest.approx(6.82455626155296, rel=1e-3)
        assert record["var_corr"][1]["cor1"] == pytest.approx(0.0655513775524519, abs=1e-3)
        assert record["var_corr"][0]["cor1"] is None
        assert record["n_groups"] == {"i": 180, "j": 18}
        first = record["ranef"]["b0[j]"][0]
        assert (first["j"], len(record["ranef"]["b0[j]"])) == ("308", 18)
        assert first["estimate"] == pytest.approx(2.2585661715957, abs=1e-2)
        assert first["se"] == pytest.approx(12.0708366516964, rel=1e-3)

    def test_random_effects_in_text(self, study, capsys):
        _, out, _ = run(capsys, "fit", "study.hm", "study.csv", "--method", "reml", "--ranef")
        assert "\nb0[j]: estimate and standard error by j\n" in out
        assert next(line for line in out.splitlines() if line.startswith("308")).split()[0] == "308"

    def test_missing_values_are_dropped_and_told_or_refused(self, study, capsys):
        rows = (study / "study.csv").read_text().splitlines()
        header = rows[0].replace('"', "").split(",")
        fields = rows[1].split(",")
        fields[header.index("Days")] = "NA"
        (study / "gap.csv").write_text("\n".join([rows[0], ",".join(fields), *rows[2:]]) + "\n")
        status, out, _ = run(capsys, "fit", "study.hm", "gap.csv")
        assert status == 0
        assert "179 used of 180 read; 1 dropped for missing values in Days (1)" in out
        status, out, err = run(capsys, "fit", "study.hm", "gap.csv", "--na", "error")
        assert (status, out) == (1, "")
        assert err.startswith("error[HM406]")

    def test_a_fit_that_did_not_converge_is_status_1(self, study, capsys, monkeypatch):
        from dataclasses import replace

        import hdsl.fit

        fit = hdsl.fit.fit_gaussian

        def stopped(*arguments, **options):
            return replace(fit(*arguments, **options), status="not converged", message="stopped early")

        monkeypatch.setattr(hdsl.fit, "fit_gaussian", stopped)
        status, out, err = run(capsys, "fit", "study.hm", "study.csv")
        assert status == 1
        assert out.startswith("NOT CONVERGED")
        assert err.startswith("warning[HM502]")

    def test_intervals_and_measures(self, study, capsys):
        arguments = ("fit", "study.hm", "study.csv", "--method", "reml", "--conf-int", "profile", "--measures")
        status, out, err = run(capsys, *arguments)
        assert (status, err) == (0, "")
        assert "95 % intervals, profile\n" in out
        assert "r2_conditional" in out
        record = json.loads(run(capsys, *arguments, "--json")[1])
        bounds = {row["name"]: (row["lower"], row["upper"]) for row in record["conf_int"]}
        assert bounds["b1"] == pytest.approx((7.3586, 13.5759), abs=1e-3)  # lme4's, by ML as these are
        measures = {row["measure"]: row["value"] for row in record["measures"]}
        assert measures["r2_marginal"] == pytest.approx(0.2786, abs=1e-4)
        assert record["glance"]["REMLcrit"] == pytest.approx(1743.6283, abs=1e-4)
        assert record["tidy"][1]["std.error"] == pytest.approx(1.5458, abs=1e-4)

    def test_intervals_of_a_chosen_level_and_by_the_bootstrap(self, study, capsys):
        arguments = ("fit", "study.hm", "study.csv", "--conf-int", "bootstrap", "--replicates", "20", "--seed", "3")
        status, out, _ = run(capsys, *arguments, "--level", "0.8")
        assert status == 0
        assert "80 % intervals, bootstrap\n" in out
        assert max(map(len, out.splitlines())) <= 80
        first, again = (json.loads(run(capsys, *arguments, "--json")[1])["conf_int"] for _ in range(2))
        assert first == again
        assert run(capsys, *arguments[:-1], "-1")[0] == 1

    def test_quadrature_takes_nodes(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "m.hm").write_text(
            "y[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0[j] + b1*x[i]\nb0[j] ~ normal(b0, sd_j)\n"
        )
        rows = [f"{j},{x},{int((j + 2 * x) % 3 == 0)}" for j in range(8) for x in range(6)]
        (tmp_path / "d.csv").write_text("\n".join(["j,x,y", *rows]) + "\n")
        status, out, _ = run(capsys, "fit", "m.hm", "d.csv", "--method", "agq", "--nodes", "7")
        assert status == 0
        assert "adaptive Gauss-Hermite quadrature with 7 nodes" in " ".join(out.split())
        status, _, err = run(capsys, "fit", "m.hm", "d.csv", "--method", "reml")
        assert status == 1
        assert err.startswith("error[HM507]")

    def test_a_missing_column(self, study, capsys):
        (study / "other.csv").write_text("Reaction,Subject\n1,2\n")
        status, out, err = run(capsys, "fit", "study.hm", "other.csv")
        assert (status, out) == (1, "")
        assert err.startswith("error[HM401]")

    def test_a_file_that_is_no_table(self, study, capsys):
        assert run(capsys, "fit", "study.hm", "study.hm")[0] == 1

    def test_a_model_that_cannot_be_fitted_yet(self, study, capsys):
        (study / "prior.hm").write_text("Reaction[i] ~ normal(b0 + b1*Days[i], sd)\nb1 ~ normal(0, 10)\n")
        status, out, err = run(capsys, "fit", "prior.hm", "study.csv")
        assert (status, out) == (1, "")
        assert "HM501" in err
        assert "a prior on `b1`" in err

    def test_a_table_for_each_level(self, study, capsys):
        (study / "two.hm").write_text(MODEL.replace("(b0, b1)", "(b0 + g*age[j], b1)"))
        subjects = sorted({line.split(",")[-1].strip('"') for line in (study / "study.csv").read_text().split()[1:]})
        ages = "".join(f"{subject},{20 + place}\n" for place, subject in enumerate(subjects))
        (study / "subjects.csv").write_text("Subject,age\n" + ages)
        status, out, _ = run(capsys, "fit", "two.hm", "i=study.csv", "Subject=subjects.csv")
        assert status == 0
        assert "g * age[j]" in out


class TestCheckAndShow:
    def test_what_the_data_have(self, study, capsys):
        status, out, err = run(capsys, "check", "study.hm", "study.csv")
        assert (status, err) == (0, "")
        assert out.splitlines()[:2] == [
            "study.hm: levels [i], [j]; 6 parameters; no errors",
            "rows: 180 used of 180 read",
        ]
        assert "Subject, 18" in out
        assert "Subject, 18" in run(capsys, "show", "study.hm", "study.csv", "--levels")[1]

    def test_json(self, study, capsys):
        record = json.loads(run(capsys, "check", "study.hm", "study.csv", "--json")[1])
        assert record["data"]["n_groups"] == {"i": 180, "j": 18}
        assert (record["data"]["n_read"], record["data"]["n_dropped"]) == (180, 0)

    def test_the_plan_names_the_groups(self, study, capsys):
        assert "18" in run(capsys, "plan", "study.hm", "study.csv")[1]

    def test_the_plan_is_of_the_method_that_is_asked_for(self, study, capsys):
        assert "Restricted maximum" in run(capsys, "plan", "study.hm", "study.csv", "--method", "REML")[1]
        assert main(["plan", "study.hm", "study.csv", "--nodes", "5"]) == 1
        assert "HM507" in capsys.readouterr().err


class TestEmit:
    def test_source_and_arrays(self, study, capsys):
        status = main(
            ["emit", "study.hm", "study.csv", "--standalone", "-o", "likelihood.py", "--arrays", "arrays.npz"]
        )
        assert (status, capsys.readouterr().out) == (0, "")
        with np.load("arrays.npz", allow_pickle=False) as arrays:
            assert sorted(arrays) == ["group0", "x0", "y"]
            assert arrays["y"].shape == arrays["x0"].shape == (180,)
            assert arrays["group0"].max() == 17
        source = (study / "likelihood.py").read_text()
        assert "import hdsl" not in source
        assert "from hdsl" not in source
        assert runpy.run_path("likelihood.py")

    def test_to_standard_output(self, study, capsys):
        status, out, _ = run(capsys, "emit", "study.hm")
        assert status == 0
        compile(out, "emitted", "exec")


class TestReport:
    def test_colour_only_where_wanted(self, study, monkeypatch):
        from tests.unit.cli.test_commands import TestColour

        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "xterm")
        terminal = TestColour.Terminal()
        monkeypatch.setattr("sys.stdout", terminal)
        assert main(["fit", "study.hm", "study.csv"]) == 0
        assert "\x1b[" in terminal.text
        assert "b1 * Days[i]" in terminal.text


def test_every_command_of_the_help_runs():
    from hdsl.cli.arguments import _COMMANDS

    assert [command.name for command in _COMMANDS] == list(commands.COMMANDS)
