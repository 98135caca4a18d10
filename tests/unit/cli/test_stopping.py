"""What commands print when the user interrupts them, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hdsl import progress
from hdsl.cli import main
from hdsl.fit import gaussian, generalised, kenward_roger, threads
from hdsl.fit.criterion import Criterion
from hdsl.fit.joint import Joint
from hdsl.results import profiling
from hdsl.results.inference import bootstrap
from hdsl.results.inference.replicates import Refitting, refits_of

LINEAR = "y[i] ~ normal(b0 + b1*x[i] + u[g] + w[h], sd)\nu[g] ~ normal(0, sd_g)\nw[h] ~ normal(0, sd_h)\n"
COUNTS = (
    "y[i] ~ poisson(mu[i])\nlog(mu[i]) = b0 + b1*x[i] + u[g] + w[h]\nu[g] ~ normal(0, sd_g)\nw[h] ~ normal(0, sd_h)\n"
)


class Stops:
    """A function, or a method, that the user interrupts at one of its calls."""

    def __init__(self, function: Callable[..., Any], at: int) -> None:
        self.function, self.at, self.count = function, at, 0

    def __get__(self, instance: object, owner: type) -> Callable[..., Any]:
        return partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.count += 1
        if self.count == self.at:
            raise KeyboardInterrupt
        return self.function(*args, **kwargs)


@pytest.fixture
def stops(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str, int], None]:
    """Let the user interrupt what an owner calls by a name, at one of its calls."""

    def stop(owner: Any, name: str, at: int) -> None:
        monkeypatch.setattr(owner, name, Stops(getattr(owner, name), at))

    return stop


@pytest.fixture(autouse=True)
def study(tmp_path, monkeypatch):
    """A folder with a linear and a generalised model, and data for both."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(4)
    g, h, x = np.repeat(range(12), 6), np.tile(range(6), 12), rng.normal(size=72)
    mean = np.exp(1.0 + 0.3 * x + 0.6 * rng.normal(size=12)[g] + 0.4 * rng.normal(size=6)[h])
    pd.DataFrame({"y": rng.poisson(mean), "x": x, "g": g, "h": h}).to_csv("data.csv", index=False)
    (tmp_path / "linear.hm").write_text(LINEAR)
    (tmp_path / "counts.hm").write_text(COUNTS)
    return tmp_path


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    """Status, standard output, standard error."""
    status = main(list(arguments))
    return (status, *capsys.readouterr())


ASKED = ("--ranef", "--conf-int", "profile", "--measures", "--save", "out.hmfit")


@pytest.mark.parametrize(("model", "problem", "at"), [("linear.hm", Criterion, 4), ("counts.hm", Joint, 8)])
def test_an_interrupted_search_ends_the_command(study, stops, capsys, monkeypatch, model, problem, at):
    stops(problem, "evaluate", at)
    for module, name in (
        (generalised, "joint_information"),
        (gaussian, "curvature"),
        (profiling, "profile_bounds"),
    ):
        monkeypatch.setattr(module, name, None)  # not called
    status, out, err = run(capsys, "fit", model, "data.csv", *ASKED)
    assert status == 130
    assert out.startswith("NOT CONVERGED")
    assert "Interrupted after" in out
    assert "Random effects" in out
    assert "intervals" not in out
    assert "warning[HM502]: the fit was interrupted" in err
    assert err.count("interrupted: the search, after") == 1
    assert err.endswith("interrupted: not done: --save, --ranef, --conf-int, --measures\n")
    assert not (study / "out.hmfit").exists()


def test_an_interrupted_search_as_json(stops, capsys):
    stops(Criterion, "evaluate", 4)
    status, out, _ = run(capsys, "fit", "linear.hm", "data.csv", "--json", *ASKED)
    record = json.loads(out)
    assert (status, record["status"]) == (130, "not converged")
    assert record["interrupted"][0].startswith("the search, after ")
    assert record["interrupted"][1] == "not done: --save, --ranef, --conf-int, --measures"
    assert record["bse"]["b1"] > 0.0
    assert record["bse"]["sd_g"] is None
    assert "conf_int" not in record


@pytest.mark.parametrize(
    "command",
    [
        ("report", "linear.hm", "data.csv", "-o", "page.html"),
        ("plot", "linear.hm", "data.csv", "caterpillar"),
        ("spectrum", "linear.hm", "data.csv"),
        ("compare", "linear.hm", "linear.hm", "data.csv"),
    ],
)
def test_nothing_else_is_made_of_an_interrupted_fit(study, stops, capsys, command):
    stops(Criterion, "evaluate", 4)
    status, out, err = run(capsys, *command)
    assert (status, out) == (130, "")
    assert "warning[HM502]: the fit was interrupted" in err
    assert err.endswith("interrupted\n")
    assert not (study / "page.html").exists()


@pytest.mark.parametrize(
    ("model", "module", "name"), [("linear.hm", gaussian, "curvature"), ("counts.hm", generalised, "joint_information")]
)
def test_interrupted_standard_errors_leave_the_estimates(stops, capsys, model, module, name):
    whole = json.loads(run(capsys, "fit", model, "data.csv", "--json")[1])
    assert whole["interrupted"] == []
    stops(module, name, 1)
    status, out, err = run(capsys, "fit", model, "data.csv", "--measures")
    assert status == 130
    assert " converged (" in out
    assert "NOT CONVERGED" not in out
    assert "interrupted: what of them was not computed" in out
    assert err.splitlines() == [
        "interrupted: standard errors; those that were not computed by then are NaN",
        "interrupted: not done: --measures",
    ]
    stops(module, name, 1)
    record = json.loads(run(capsys, "fit", model, "data.csv", "--json")[1])
    assert record["status"] == "converged"
    assert record["params"] == whole["params"]
    assert record["bse"]["sd_g"] is None
    assert record["interrupted"] == ["standard errors; those that were not computed by then are NaN"]


def test_interrupted_profiles_are_told(stops, capsys):
    stops(profiling, "_ends", 3)
    asked = ("--conf-int", "profile", "--measures")
    status, out, err = run(capsys, "fit", "linear.hm", "data.csv", *asked)
    told = "interrupted: profile intervals of 2 of 5 parameters, the others are NaN"
    assert status == 130
    assert told in out
    assert "Measures" not in out
    assert err.splitlines() == [told, "interrupted: not done: --measures"]
    stops(profiling, "_ends", 3)
    record = json.loads(run(capsys, "fit", "linear.hm", "data.csv", "--json", *asked)[1])
    assert record["interrupted"] == [told.removeprefix("interrupted: "), "not done: --measures"]
    assert record["conf_int"][1]["lower"] < record["params"]["b1"]
    assert record["conf_int"][2]["lower"] is None


def test_what_is_interrupted_before_there_is_any_of_it_is_told(stops, capsys):
    stops(profiling, "_ends", 1)
    status, out, err = run(capsys, "fit", "linear.hm", "data.csv", "--conf-int", "profile", "--measures")
    assert status == 130
    assert "Random effects" in out
    assert err == "interrupted: not done: --conf-int, --measures\n"


def test_an_interrupted_bootstrap_is_told(capsys, monkeypatch):
    def one_by_one(fit):
        return Refitting(at_once=1, fit=Stops(refits_of(fit).fit, 21))

    monkeypatch.setattr(bootstrap, "refits_of", one_by_one)
    asked = ("--conf-int", "bootstrap", "--replicates", "50")
    status, out, err = run(capsys, "fit", "linear.hm", "data.csv", *asked)
    assert status == 130
    assert "95 % intervals, bootstrap" in out
    assert "interrupted: 20 of 50 replicates of the bootstrap" in out
    assert err == "interrupted: 20 of 50 replicates of the bootstrap\n"
    record = json.loads(run(capsys, "fit", "linear.hm", "data.csv", "--json", *asked)[1])
    assert record["interrupted"] == ["20 of 50 replicates of the bootstrap"]


def test_intervals_of_a_report_that_are_interrupted_end_it(study, stops, capsys):
    stops(profiling, "_ends", 3)
    status, out, err = run(capsys, "report", "linear.hm", "data.csv", "--conf-int", "profile", "-o", "page.html")
    assert (status, out, err) == (130, "", "interrupted\n")
    assert not (study / "page.html").exists()


def test_kenward_and_roger_say_what_they_do_and_run_on_one_thread(capsys, monkeypatch):
    said: list[str] = []
    states: list[tuple[int, bool]] = []

    def say(text: str) -> None:
        said.append(text)
        states.append((len(threads._wishes), progress._depth.get() == 1))

    monkeypatch.setattr(kenward_roger, "say", say)
    assert run(capsys, "fit", "linear.hm", "data.csv", "--method", "reml", "--df", "kenward-roger")[0] == 0
    assert said == [f"Kenward and Roger's covariance: parameter {k} of 2" for k in (1, 2)]
    assert states == [(1, True), (1, True)]
