"""What data show of nested and crossed sets, beside what the model says."""

from __future__ import annotations

import pandas as pd
import pytest

import hdsl
from hdsl.design.observed import relations_in
from hdsl.semantics.relation import Relation

FREE = "y[i] ~ normal(b + u[j] + v[k], sd)\nu[j] ~ normal(0, s)\nv[k] ~ normal(0, t)"
DECLARED = "index j = j in k\n" + FREE


def relations(text: str, **columns: list[object]) -> list[Relation]:
    model = hdsl.Model(text)
    n = len(next(iter(columns.values())))
    design = model.bind(pd.DataFrame({"y": range(n), **columns}))
    assert design.units is not None
    return list(relations_in(model.levels, design.units))


J = [1, 1, 2, 2, 3, 3, 4, 4]


def test_crossed_sets_with_the_pairs_that_occur() -> None:
    (found,) = relations(FREE, j=J, k=[1, 2, 1, 2, 1, 2, 1, 1])
    assert (found.data, found.declared, found.pairs, found.possible) == ("crossed", False, 7, 8)
    assert str(found) == "[j] x [k] crossed, as the model leaves them: 7 of 8 pairs occur (88%)"


def test_nested_in_the_data_alone() -> None:
    (found,) = relations(FREE, j=J, k=[1, 1, 1, 1, 2, 2, 2, 2])
    assert (found.first, found.second, found.data, found.declared) == (("j",), ("k",), "nested", False)
    assert str(found) == "[j] lies in [k] in the data; the model does not say so"


def test_the_finer_of_two_nested_sets_comes_first() -> None:
    (found,) = relations(FREE, j=[1, 1, 1, 1, 2, 2, 2, 2], k=J)
    assert (found.first, found.second, found.data) == (("k",), ("j",), "nested")


def test_nested_as_the_model_says() -> None:
    (found,) = relations(DECLARED, j=J, k=[1, 1, 1, 1, 2, 2, 2, 2])
    assert (found.data, found.declared, found.line) == ("nested", True, 1)
    assert str(found) == "[j] lies in [k]: so says line 1, and so it is in the data"


def test_sets_that_group_the_rows_alike() -> None:
    text = "y[i] ~ normal(b + u[j] + v[k]*x[i], sd)\nu[j] ~ normal(0, s)\nv[k] ~ normal(0, t)"
    (found,) = relations(text, j=J, k=[value + 10 for value in J], x=[0.0, 1.0] * 4)
    assert found.data == "same"
    assert str(found) == "[j] and [k] group the rows alike in the data; the model does not say so"


def test_subscripts_are_no_question() -> None:
    text = "y[i] ~ normal(b + u[j] + v[j,k], sd)\nu[j] ~ normal(0, s)\nv[j,k] ~ normal(0, t)"
    assert relations(text, j=J, k=[1, 1, 1, 2, 2, 2, 1, 2]) == []


def test_an_unmodelled_set_is_told_only_where_it_is_nested() -> None:
    text = "y[i] ~ normal(b[k] + u[j], sd)\nu[j] ~ normal(0, s)\nb[k] ~ flat()"
    assert relations(text, j=J, k=[1, 2, 1, 2, 1, 2, 1, 1]) == []
    (found,) = relations(text, j=J, k=[1, 1, 1, 1, 2, 2, 2, 2])
    assert (found.first, found.second) == (("j",), ("k",))


@pytest.mark.parametrize("columns", [{"j": J, "k": [1, 1, 1, 1, 2, 2, 2, 2]}])
def test_levels_print_counts_and_what_the_data_show(columns: dict[str, list[object]]) -> None:
    model = hdsl.Model(FREE)
    design = model.bind(pd.DataFrame({"y": range(8), **columns}))
    assert design.units is not None
    found = relations_in(model.levels, design.units)
    text = model.levels.to_text(design.group_counts, found)
    assert "j, 4" in text
    assert "unless the data show them nested" not in text
    assert text.endswith("the model does not say so")
    assert "-.-" not in model.levels.to_mermaid(design.group_counts, found)
    assert "-.-" in model.levels.to_mermaid()
    assert "stroke-dasharray" not in model.levels.to_svg(design.group_counts, found)
