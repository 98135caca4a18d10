"""Labels read as the tuple of their texts, whatever holds them."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdsl.form.labels import Labels
from hdsl.form.records_json import RecordError, from_plain, to_plain

WHOLE = Labels.printing(np.array([-3, 0, 7, 2**40]))
TEXT = Labels.of(("a", "", "Ærø, 2", "7"))
PAIRS = Labels(columns=(*WHOLE.columns, *TEXT.columns))

SPELT = [
    (WHOLE, ("-3", "0", "7", "1099511627776")),
    (TEXT, ("a", "", "Ærø, 2", "7")),
    (PAIRS, (("-3", "a"), ("0", ""), ("7", "Ærø, 2"), ("1099511627776", "7"))),
    (Labels.of(()), ()),
]


@pytest.mark.parametrize(("labels", "spelt"), SPELT)
def test_labels_are_the_tuple_of_their_texts(labels: Labels, spelt: tuple) -> None:
    assert tuple(labels) == spelt
    assert labels == spelt
    assert spelt == labels
    assert labels != (*spelt, "more")
    assert hash(labels) == hash(spelt)
    assert repr(labels) == repr(spelt)
    assert len(labels) == len(spelt)
    assert [labels[k] for k in range(-len(spelt), len(spelt))] == [*spelt, *spelt]
    assert labels[1:3] == spelt[1:3]
    assert list(reversed(labels)) == list(reversed(spelt))
    assert all(label in labels and labels.index(label) == k for k, label in enumerate(spelt))
    assert {type(part) for label in labels for part in ((label,) if isinstance(label, str) else label)} <= {str}


@pytest.mark.parametrize(("labels", "spelt"), SPELT)
def test_labels_survive_copies_and_json(labels: Labels, spelt: tuple) -> None:
    assert pickle.loads(pickle.dumps(labels)) == spelt  # noqa: S301 - of this test's own making
    assert copy.deepcopy(labels) == spelt
    plain = to_plain(labels, Labels[str | tuple[str, ...]])
    assert plain == [label if isinstance(label, str) else list(label) for label in spelt]
    assert from_plain(plain, Labels[str | tuple[str, ...]]) == spelt


def test_a_place_beyond_the_end_is_refused() -> None:
    with pytest.raises(IndexError):
        WHOLE[4]


def test_labels_are_not_equal_to_what_is_no_labels() -> None:
    assert Labels.of(("a",)) != "a"
    assert Labels.of(("a",)) != ["a"]
    assert Labels.printing(np.array([1])) != (1,)


@pytest.mark.parametrize("plain", [["a", ["b", "c"]], [["a"], ["b", "c"]], [["a"]], [[]], ["a", 1], "a", {"a": "b"}])
def test_json_that_is_no_labels_is_refused(plain: object) -> None:
    with pytest.raises(RecordError):
        from_plain(plain, Labels[str | tuple[str, ...]])


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=30), st.data())
def test_taken_labels_are_those_at_the_places(numbers: list[int], data: st.DataObject) -> None:
    labels = Labels.printing(np.array(numbers, dtype=np.int64))
    places = data.draw(st.lists(st.integers(0, len(numbers) - 1), max_size=30)) if numbers else []
    taken = labels.take(np.array(places, dtype=np.intp))
    assert taken == tuple(str(numbers[k]) for k in places)
    assert taken == Labels.of(str(numbers[k]) for k in places)
