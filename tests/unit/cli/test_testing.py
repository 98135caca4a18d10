"""``hdsl compare``, and ``--df`` and ``--test`` of ``hdsl fit``."""

from __future__ import annotations

import json

import pytest

from tests.unit.cli.test_diff import run

INTERCEPTS = "Reaction[i] ~ normal(b0[s] + b1*Days[i], sd)\nb0[s] ~ normal(m0, s0)\nindex s = Subject\n"
SLOPES = (
    "index s = Subject\nReaction[i] ~ normal(b0[s] + b1[s]*Days[i], sd)\n(b0[s], b1[s]) ~ mvnormal((m0, m1), Omega)\n"
)


@pytest.fixture
def study(files, request):
    """Adds the sleep study and two models of it to the folder."""
    (files / "a.hm").write_text(INTERCEPTS, encoding="utf-8")
    (files / "b.hm").write_text(SLOPES, encoding="utf-8")
    source = request.config.rootpath / "examples" / "sleepstudy" / "sleepstudy.csv"
    (files / "d.csv").write_bytes(source.read_bytes())
    return files


def test_compare(study, capsys):
    status, out, err = run(capsys, "compare", "b.hm", "a.hm", "d.csv", "--method", "reml")
    assert (status, err) == (0, "")
    assert "a.hm is b.hm with sd(b1[s]) = 0" in out
    assert "42.837" in out
    status, out, _ = run(capsys, "compare", "a.hm", "b.hm", "d.csv", "--bootstrap", "20", "--seed", "1", "--json")
    record = json.loads(out)
    assert status == 0
    assert record["table"][1]["p"] == pytest.approx(1 / 21)
    assert record["table"][0]["p"] is None
    assert record["tests"][0]["restrictions"] == ["sd(b1[s]) = 0"]


def test_what_is_not_comparable_is_a_mistake(study, capsys):
    status, out, err = run(capsys, "compare", "a.hm", "a.hm", "d.csv")
    assert (status, out) == (1, "")
    assert "the models are the same" in err
    assert run(capsys, "compare", "-", "-", "d.csv")[0] == 2


def test_tests_of_a_fit(study, capsys):
    arguments = (
        "fit",
        "b.hm",
        "d.csv",
        "--method",
        "reml",
        "--df",
        "kenward-roger",
        "--test",
        "m1 = 10",
        "--test",
        "m1",
    )
    status, out, err = run(capsys, *arguments)
    assert (status, err) == (0, "")
    assert "F(1, 17.0) = 0.091, p = 0.766" in out
    assert "Fixed effects, Kenward-Roger\n" in out
    record = json.loads(run(capsys, *arguments, "--json")[1])
    assert record["inference"][1]["df"] == pytest.approx(17, rel=1e-4)
    assert [test["hypothesis"] for test in record["tests"]] == ["m1 = 10", "m1"]
    assert record["tests"][1]["statistic"] == pytest.approx(45.853, rel=1e-4)


def test_a_hypothesis_that_cannot_be_read(study, capsys):
    status, _, err = run(capsys, "fit", "b.hm", "d.csv", "--test", "m1 = nothing")
    assert status == 1
    assert "HM510" in err
    assert "nothing" in err
