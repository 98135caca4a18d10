"""Index sets: canonical forms, what determines what, the graph."""

from __future__ import annotations

import networkx as nx

import hdsl


def levels(text: str) -> hdsl.semantics.Levels:
    return hdsl.Model(text).levels


THREE = """index j = class in k
index k = school
y[i] ~ normal(b[j] + c*x[i], sd)
b[j] ~ normal(b[k], s)
b[k] ~ normal(g + h*z[k], t)
"""


def test_the_row_determines_all_and_a_class_its_school() -> None:
    graph = levels(THREE).graph
    assert set(graph.edges) == {("i", "j"), ("j", "k")}
    assert graph.edges["j", "k"]["line"] == 1
    assert graph.nodes["k"]["column"] == "school"
    assert graph.nodes["k"]["residents"] == ("b", "z")
    assert isinstance(graph, nx.DiGraph)


def test_a_use_says_that_a_set_determines_another() -> None:
    graph = levels("y[i] ~ normal(b[j], sd)\nb[j] ~ normal(g + h*z[k], s)").graph
    assert set(graph.edges) == {("i", "j"), ("j", "k")}
    assert graph.edges["j", "k"]["line"] == 2


def test_a_pair_determines_its_parts() -> None:
    text = (
        "y[i] ~ normal(b + u[r] + v[o] + w[r,o], sd)\nu[r] ~ normal(0, s)\nv[o] ~ normal(0, t)\nw[o,r] ~ normal(0, z)"
    )
    found = levels(text)
    assert set(found.graph.edges) == {("i", "o,r"), ("o,r", "o"), ("o,r", "r")}, "printed as its own statement has it"
    assert found.crossed == ((("r",), ("o",)),)
    assert "[r] and [o] are crossed" in str(found)


def test_sets_of_unmodelled_coefficients_are_not_called_crossed() -> None:
    found = levels("y[i] ~ normal(b[town] + u[j], sd)\nb[town] ~ flat()\nu[j] ~ normal(0, s)")
    assert found.crossed == ()


def test_text_has_a_line_for_each_level() -> None:
    lines = str(levels(THREE)).splitlines()
    assert [line.split()[0:2] for line in lines] == [["[i]", "rows"], ["└─", "[j]"], ["└─", "[k]"]]
    assert lines[2].split()[2] == "school"


def test_counts_stand_beside_the_columns() -> None:
    text = levels(THREE).to_text({("i",): 7230, ("j",): 60})
    assert "rows, 7,230" in text
    assert "class, 60" in text


def test_mermaid_escapes_quotes() -> None:
    text = levels('index j = "a \\"b\\""\ny[i] ~ normal(u[j], sd)\nu[j] ~ normal(0, s)').to_mermaid()
    assert text.splitlines()[0] == "graph BT"
    assert "#quot;b#quot;" in text
    assert "s0 --> s1" in text
