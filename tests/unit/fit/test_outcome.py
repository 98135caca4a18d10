"""What a fit defers: computed once, when it is read, and carried along as values."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest

from hdsl.fit import fit_gaussian
from hdsl.fit.outcome import Deferred
from tests.unit.codegen.studies import Study, crossed, nested


@dataclass(frozen=True, kw_only=True)
class Record:
    value: Deferred[int] = Deferred()  # noqa: RUF009 - a descriptor, as in the outcome


def test_a_deferred_field_is_made_once() -> None:
    calls: list[int] = []

    def make() -> int:
        calls.append(1)
        return 7

    record = Record(value=make)
    assert not calls
    assert record.value == 7
    assert record.value == 7
    assert len(calls) == 1


def test_a_deferred_field_may_be_given_as_a_value() -> None:
    assert Record(value=3).value == 3
    assert replace(Record(value=3), value=4).value == 4


def test_a_deferred_field_has_no_default() -> None:
    with pytest.raises(TypeError, match="value"):
        Record()  # type: ignore[call-arg]


@pytest.mark.parametrize("study", [nested(2, 1), crossed((1, 2), [0], "sparse")])
def test_an_outcome_is_copied_with_its_values(study: Study) -> None:
    outcome = fit_gaussian(study.plan, study.arrays)
    again = pickle.loads(pickle.dumps(outcome))  # noqa: S301 - our own
    np.testing.assert_array_equal(again.variance_cov, outcome.variance_cov)
    for ours, theirs in zip(again.modes, outcome.modes, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert again.message == outcome.message
