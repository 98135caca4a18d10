"""``hdsl show --levels`` as text and pictures, and LaTeX in textbook notation."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from hdsl.cli import main

TABLE = "subject,x,z,y\n" + "".join(f"{row // 4},{row % 4},{row // 4},{row * row % 7}\n" for row in range(24))


def run(capsys, *arguments):
    status = main(list(arguments))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def data(files):
    (files / "data.csv").write_text(TABLE)
    return "data.csv"


def test_mermaid_and_svg(files, capsys):
    assert run(capsys, "show", "good.hm", "--format", "mermaid")[1].startswith("graph BT\n")
    status, out, _ = run(capsys, "show", "good.hm", "--levels", "--format", "svg")
    assert status == 0
    assert ET.fromstring(out).tag.endswith("svg")


def test_counts_come_with_data(files, data, capsys):
    assert "subject, 6" in run(capsys, "show", "good.hm", data, "--levels")[1]
    assert '"[j] subject, 6"' in run(capsys, "show", "good.hm", data, "--format", "mermaid")[1]
    assert ">24</text>" in run(capsys, "show", "good.hm", data, "--format", "svg")[1]


def test_a_file_is_written(files, capsys):
    status, out, _ = run(capsys, "show", "good.hm", "--format", "svg", "-o", "levels.svg")
    assert (status, out) == (0, "")
    assert (files / "levels.svg").read_text().startswith("<svg ")
    run(capsys, "show", "good.hm", "--composite", "-o", "composite.txt")
    assert (files / "composite.txt").read_text().startswith("y[i] = ")


def test_textbook_notation(files, capsys):
    arguments = ("show", "good.hm", "--latex", "--notation", "raudenbush-bryk")
    assert r"\beta_{0j} &= \gamma_{00} + \gamma_{01} \, W_{j} + u_{0j}" in run(capsys, *arguments, "--equations")[1]
    assert r"Y_{ij} &= \gamma_{00}" in run(capsys, *arguments, "--composite")[1]


def test_what_textbook_notation_cannot_say_is_a_mistake(files, capsys):
    (files / "crossed.hm").write_text("y[i] ~ normal(u[j] + v[k] + b, s)\nu[j] ~ normal(0, t)\nv[k] ~ normal(0, r)\n")
    status, out, err = run(capsys, "show", "crossed.hm", "--latex", "--composite", "--notation", "raudenbush-bryk")
    assert (status, out) == (1, "")
    assert err.startswith("error[HM512]: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--composite", "--format", "svg"), "--format svg is for --levels alone"),
        (("--composite", "--notation", "raudenbush-bryk"), "--notation is for --latex"),
    ],
)
def test_options_that_do_not_go_together(files, capsys, arguments, words):
    status, out, err = run(capsys, "show", "good.hm", *arguments)
    assert (status, out) == (2, "")
    assert words in err
