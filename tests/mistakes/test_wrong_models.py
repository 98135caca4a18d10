"""Every wrong model of the catalogue gets exactly its diagnostics, at their places, with their phrases."""

from __future__ import annotations

import pytest

import hdsl
from hdsl.diagnostics import Diagnostic, Severity
from hdsl.diagnostics.codes import CODES
from tests.mistakes.catalogue import Expected, Mistake, catalogue

CATALOGUE = catalogue()


def diagnostics(text: str) -> tuple[Diagnostic, ...]:
    try:
        model = hdsl.Model(text, name="wrong.hm")
    except hdsl.ModelError as error:
        return error.diagnostics
    return tuple(model.diagnostics)


def matches(found: Diagnostic, wanted: Expected) -> bool:
    """Whether code, severity and place are those wanted."""
    if found.code not in wanted.codes or (found.severity is Severity.ERROR) != wanted.is_error:
        return False
    if wanted.line is None:
        return True
    if found.span is None or found.span.line != wanted.line:
        return False
    if wanted.column is not None and found.span.column != wanted.column:
        return False
    return wanted.end_column is None or (found.span.end_line, found.span.end_column) == (wanted.line, wanted.end_column)


def summary(found: tuple[Diagnostic, ...]) -> str:
    places = [
        (d.code, d.severity.value, d.span and f"{d.span.line}:{d.span.column}-{d.span.end_column}") for d in found
    ]
    return "\n".join([*map(str, places), *map(str, found)])


@pytest.mark.parametrize("mistake", CATALOGUE, ids=[m.name for m in CATALOGUE])
def test_a_wrong_model_gets_its_diagnostics(mistake: Mistake) -> None:
    found = diagnostics(mistake.text)
    left = list(found)
    for wanted in mistake.expected:
        hit = next((d for d in left if matches(d, wanted)), None)
        assert hit is not None, f"wanted {wanted}\nfound\n{summary(found)}"
        left.remove(hit)
        printed = str(hit).lower()
        for phrase in wanted.phrases:
            assert phrase.lower() in printed, f"no {phrase!r} in\n{hit}"
    surplus = [d for d in left if d.severity is Severity.ERROR]
    assert not surplus, f"more than was expected:\n{summary(tuple(surplus))}"


@pytest.mark.parametrize("mistake", CATALOGUE, ids=[m.name for m in CATALOGUE])
def test_every_error_prints_code_place_source_line_and_a_way_out(mistake: Mistake) -> None:
    for found in diagnostics(mistake.text):
        if found.severity is not Severity.ERROR:
            continue
        printed = str(found)
        assert printed.startswith(f"error[{found.code}]: {found.message}")
        assert found.code in CODES
        assert found.help
        if found.span is not None and mistake.text.strip():
            line = mistake.text.split("\n")[found.span.line - 1]
            assert f"wrong.hm:{found.span.line}:{found.span.column}" in printed
            assert line.rstrip() in printed
            assert "^" in printed


def test_the_catalogue_covers_the_kinds_of_mistakes() -> None:
    codes = {code for mistake in CATALOGUE for wanted in mistake.expected for code in wanted.codes}
    assert len(CATALOGUE) >= 60
    assert {code[:3] for code in codes} == {"HM0", "HM1", "HM2", "HM3"}
    assert sum(len(mistake.errors) > 1 for mistake in CATALOGUE) >= 8
    assert sum(wanted.end_column is not None for mistake in CATALOGUE for wanted in mistake.expected) >= 40


def test_the_diagnostic_of_the_language_reference_is_printed_as_it_is_there() -> None:
    text = (
        "# school.hm\nindex j = school\ny[i] ~ normal(beta0[j] + b*x1[i], sd)\nbeta0[j] ~ normal(g0 + g1*x1[i], sd_j)\n"
    )
    with pytest.raises(hdsl.ModelError) as caught:
        hdsl.Model(text, name="school.hm")
    assert str(caught.value).rstrip() == "\n".join(
        [
            "error[HM203]: `x1[i]` varies within `j`, so the equation of `beta0[j]` cannot use it",
            "  --> school.hm:4:27",
            "   |",
            " 4 | beta0[j] ~ normal(g0 + g1*x1[i], sd_j)",
            "   |                           ^^^^^ level i is finer than j",
            "   |",
            "   = help: aggregate it first: `x1_mean[j] = mean(x1[i])`",
        ]
    )
    assert isinstance(caught.value, hdsl.HMError)
    assert caught.value.code == "HM203"
    span = caught.value.span
    assert span is not None
    assert (span.line, span.column, span.end_line, span.end_column) == (4, 27, 4, 32)
