"""``hdsl diff``."""

from __future__ import annotations

import json

from hdsl.cli import main

LINE = "y[i] ~ normal(b0 + b1*x[i], sd)\n"


def run(capsys, *arguments):
    status = main(list(arguments))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_prints_the_difference(files, capsys):
    (files / "line.hm").write_text(LINE, encoding="utf-8")
    status, out, err = run(capsys, "diff", "line.hm", "good.hm")
    assert (status, err) == (0, "")
    assert out.startswith("a: line.hm\nb: good.hm\n\nfixed part\n  b only  g1*z[j]\n")
    assert "a is nested in b: a is b with g1 = 0, sd_j = 0" in out


def test_as_json(files, capsys):
    status, out, _ = run(capsys, "diff", "good.hm", "good.hm", "--json")
    record = json.loads(out)
    assert status == 0
    assert (record["ok"], record["is_empty"], record["relation"]) == (True, True, "same")


def test_rows_of_the_data(files, capsys):
    (files / "line.hm").write_text(LINE, encoding="utf-8")
    (files / "more.hm").write_text(LINE.replace("x[i]", "x[i] + b2*z[i]"), encoding="utf-8")
    (files / "d.csv").write_text("y,x,z\n1,2,3\n2,3,\n4,4,1\n6,3,2\n3,1,5\n5,5,2\n", encoding="utf-8")
    status, out, _ = run(capsys, "diff", "line.hm", "more.hm", "d.csv")
    assert status == 0
    assert "rows used: 6 in a, 5 in b" in out


def test_a_mistake_in_either_model_is_told(files, capsys):
    status, out, err = run(capsys, "diff", "good.hm", "wrong.hm")
    assert (status, out) == (1, "")
    assert "wrong.hm:2:24" in err


def test_a_file_that_is_not_there_is_wrong_usage(files, capsys):
    assert run(capsys, "diff", "good.hm", "none.hm")[0] == 2
    assert run(capsys, "diff", "-", "-")[0] == 2
