"""Intervals and measures of ``hdsl fit``.

Input: a fit, parsed arguments. Output: text or plain values. Invariant: what is printed is named as in the Python face.
"""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from hdsl.cli.records import records
from hdsl.progress import told_interrupted

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.results import FittedModel

__all__ = ["intervals_record", "intervals_text", "measures_record", "measures_text"]


def intervals_text(fit: FittedModel, arguments: Namespace) -> str:
    """Return intervals by the chosen method; under them what was interrupted."""
    from hdsl.results.listing import listing

    frame = _intervals(fit, arguments)
    frame.insert(0, "estimate", fit.params)
    frame.insert(1, "se", fit.bse)
    text = listing(f"{100 * arguments.level:g} % intervals, {arguments.conf_int}", frame)
    return "\n" + text + "".join(f"  interrupted: {words}\n" for words in told_interrupted())


def intervals_record(fit: FittedModel, arguments: Namespace) -> dict[str, object]:
    """Return the same as plain values."""
    return {"conf_int": records(_intervals(fit, arguments).rename_axis("name").reset_index())}


def measures_text(fit: FittedModel, arguments: Namespace) -> str:
    """Return every measure that the fit has."""
    from hdsl.results.listing import listing

    return "\n" + listing("Measures", fit.measures().set_index("measure"), numeric=1)


def measures_record(fit: FittedModel, arguments: Namespace) -> dict[str, object]:
    """Return the same as plain values."""
    return {"measures": records(fit.measures())}


def _intervals(fit: FittedModel, arguments: Namespace) -> pd.DataFrame:
    if arguments.conf_int == "bootstrap":
        return fit.bootstrap(arguments.replicates, arguments.seed).conf_int(arguments.level)
    return fit.conf_int(arguments.level, arguments.conf_int)
