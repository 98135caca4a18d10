"""Intervals and measures of ``hdsl fit``.

Input: a fit, parsed arguments. Output: text or plain values. Invariant: what is printed is named as in the Python face.
"""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from hdsl.cli.records import records

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.results import FittedModel

__all__ = ["measures_record", "measures_text"]


def measures_text(fit: FittedModel, arguments: Namespace) -> str:
    """Return intervals by the chosen method, and the measures, as far as they were asked for."""
    parts = []
    if arguments.conf_int is not None:
        parts.append(f"95 % intervals, {arguments.conf_int}\n{_text(_intervals(fit, arguments), index=True)}")
    if arguments.measures:
        parts.append(f"Measures\n{_text(fit.measures(), index=False)}")
    return "".join(f"\n{part}\n" for part in parts)


def measures_record(fit: FittedModel, arguments: Namespace) -> dict[str, object]:
    """Return the same as plain values."""
    record: dict[str, object] = {}
    if arguments.conf_int is not None:
        record["conf_int"] = records(_intervals(fit, arguments).rename_axis("name").reset_index())
    if arguments.measures:
        record["measures"] = records(fit.measures())
    return record


def _intervals(fit: FittedModel, arguments: Namespace) -> pd.DataFrame:
    return fit.conf_int(method=arguments.conf_int)


def _text(frame: pd.DataFrame, *, index: bool) -> str:
    return frame.to_string(index=index, float_format="{:.6g}".format)
