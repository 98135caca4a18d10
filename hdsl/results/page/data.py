"""The data contract on the page: which columns were read as what, which rows were used, what lies in what.

Stage: results. Input: the design of a fit. Output: tables and sentences. Invariants: every column that the model reads
is named; rows that were dropped are counted, with the column to blame; the fingerprint is of the rows used, so that
equal rows have equal ones, whichever file they came in.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.form.expr import show_symbol
from hdsl.markup import Child, element
from hdsl.results.numbers import count, significant
from hdsl.results.page.parts import paragraph, table
from hdsl.results.page.request import Request
from hdsl.results.report import Cells

if TYPE_CHECKING:
    from hdsl.design.record import Design
    from hdsl.form.model import DataColumn
    from hdsl.results.fitted import FittedModel
    from hdsl.semantics.relation import Relation

__all__ = ["data_body", "fingerprint", "observed"]

MOST_LABELS = 8
"""Labels of a column that are written out."""

TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "LRI", "RLI", "FSI", "PDF", "PDI"})
"""Classes of characters that turn the direction of writing, or end that."""


def data_body(fit: FittedModel, request: Request) -> Iterator[Child]:
    """Yield what the data had to have, and what they had."""
    design = fit.design
    yield _rows(design)
    columns = Cells(
        title="Columns that the model reads",
        header=("column", "in the model", "read as", "values"),
        rows=tuple(_columns(design)),
        numeric=0,
    )
    if columns.rows:
        yield table(columns)
    facts = list(_facts(design))
    if facts:
        yield element("ul", [element("li", fact) for fact in facts])
    if request.files:
        yield table(_files(request))


def _rows(design: Design) -> Child:
    used = design.n_read - design.n_dropped
    sentence = f"{count(used, 'row')} used of {design.n_read:,} read."
    if design.n_dropped:
        blamed = ", ".join(f"{column} ({number:,})" for column, number in design.missing.items() if number)
        sentence += f" {count(design.n_dropped, 'row')} dropped for missing values in {blamed}."
    return paragraph(sentence)


def _columns(design: Design) -> Iterator[tuple[str, ...]]:
    """Yield a row for each column: its name, its symbols, what it is read as, its values."""
    form = design.form
    for index in form.indices:
        if index.column is not None:
            inside = f", in {', '.join(index.parents)}" if index.parents else ""
            labels = design.coding.levels.get(index.name, ())
            yield index.column, f"index {index.name}{inside}", "labels", _labels(labels)
    for column in form.data:
        yield column.column, _role(design, column), *_values(design, column)


def _role(design: Design, column: DataColumn) -> str:
    symbol = show_symbol(column.name, column.index_set)
    is_outcome = (column.name, column.index_set) == (design.form.outcome.name, design.form.outcome.index_set)
    return f"{symbol}, the outcome" if is_outcome else symbol


def _values(design: Design, column: DataColumn) -> tuple[str, str]:
    """Return how a column was read, and its range or its labels, as far as the design has them."""
    if column.column in design.coding.texts:
        return "labels", _labels(design.coding.texts[column.column])
    if _role(design, column).endswith(", the outcome"):
        if design.coding.categories:
            return "ordered categories", _labels(design.coding.categories)
        transform = design.form.outcome.transform
        return "numbers", _range(design.arrays.y) + (f", after {transform}" if transform else "")
    symbol = show_symbol(column.name, column.index_set)
    if symbol in design.arrays.x_symbols:
        return "numbers", _range(design.arrays.x[design.arrays.x_symbols.index(symbol)])
    return "numbers", "in an expression"


def _range(values: NDArray[np.float64]) -> str:
    low, high = float(values.min()), float(values.max())
    return f"{_number(low)} to {_number(high)}, mean {significant(float(values.mean()))}"


def _number(value: float) -> str:
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e9 else significant(value)


def _labels(labels: Sequence[str]) -> str:
    if len(labels) <= MOST_LABELS:
        return f"{len(labels)}: {', '.join(map(_isolated, labels))}"
    shown = ", ".join(map(_isolated, labels[: MOST_LABELS - 2]))
    return f"{len(labels):,}: {shown}, .., {_isolated(labels[-1])}"


def _isolated(label: str) -> str:
    """Return a label so that marks in it that turn the direction of writing turn nothing behind it."""
    has_marks = any(unicodedata.bidirectional(letter) in TURNING for letter in label)
    return f"\N{FIRST STRONG ISOLATE}{label}\N{POP DIRECTIONAL ISOLATE}" if has_marks else label


def _facts(design: Design) -> Iterator[str]:
    """Yield what lies in what, as the model says and the data show, and which labels were set to zero."""
    yield from map(str, observed(design) or ())
    for symbol, labels in design.zeroed.items():
        if labels:
            yield f"{symbol} set to zero at {', '.join(labels)}"


def observed(design: Design) -> tuple[Relation, ...] | None:
    """Return what the data show of nested and crossed sets; None where they are not there any more."""
    from hdsl.design.observed import relations_in
    from hdsl.semantics.equations import read_equations

    return relations_in(read_equations(design.form).levels, design.units) if design.units is not None else None


def _files(request: Request) -> Cells:
    named = any(file.index for file in request.files)
    rows = tuple((file.name, *([file.index] if named else []), file.sha256, f"{file.size:,}") for file in request.files)
    header = ("file", *(["level"] if named else []), "SHA-256", "bytes")
    return Cells(title="Files", header=header, rows=rows, numeric=1)


def fingerprint(design: Design) -> str:
    """Return the SHA-256 of what the fit computes with: outcome, covariates, groups, offsets, known data, labels.

    Rows in another order have another fingerprint, as have equal numbers under other labels.
    """
    arrays = design.arrays
    digest = hashlib.sha256()
    floats = {"y": (arrays.y,), "x": arrays.x, "offset": arrays.offsets, "known": arrays.known}
    for name, parts in floats.items():
        for part in parts:
            _add(digest, name, b"" if part is None else np.ascontiguousarray(part, dtype="<f8").tobytes())
    for name, codes in (("group", arrays.groups), ("set", arrays.sets)):
        for code in codes:
            _add(digest, name, np.ascontiguousarray(code, dtype="<i8").tobytes())
    for labels in (arrays.x_symbols, design.fixed_labels, *design.levels):
        _add(digest, "labels", repr(tuple(labels)).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()


def _add(digest: hashlib._Hash, name: str, content: bytes) -> None:
    """Add a part with its name and length, so that no two lists of parts are one text."""
    digest.update(f"{name} {len(content)}\n".encode())
    digest.update(content)
