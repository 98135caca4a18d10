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
    from hdsl.results.listing import listing

    parts = []
    if arguments.conf_int is not None:
        frame = _intervals(fit, arguments)
        frame.insert(0, "estimate", fit.params)
        frame.insert(1, "se", fit.bse)
        parts.append(listing(f"{100 * arguments.level:g} % intervals, {arguments.conf_int}", frame))
    if arguments.measures:
        parts.append(listing("Measures", fit.measures().set_index("measure"), numeric=1))
    return "\n" + "\n".join(parts)


def measures_record(fit: FittedModel, arguments: Namespace) -> dict[str, object]:
    """Return the same as plain values."""
    record: dict[str, object] = {}
    if arguments.conf_int is not None:
        record["conf_int"] = records(_intervals(fit, arguments).rename_axis("name").reset_index())
    if arguments.measures:
        record["measures"] = records(fit.measures())
    return record


def _intervals(fit: FittedModel, arguments: Namespace) -> pd.DataFrame:
    if arguments.conf_int == "bootstrap":
        return fit.bootstrap(arguments.replicates, arguments.seed).conf_int(arguments.level)
    return fit.conf_int(arguments.level, arguments.conf_int)
