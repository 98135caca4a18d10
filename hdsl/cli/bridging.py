"""``hdsl import`` and ``hdsl export``: formulas in, other systems' code out.

Input: parsed arguments. Output: an exit status; text on standard output, or in a file. Invariant: what the other side
cannot say is a mistake, with its code.
"""

from __future__ import annotations

import json
from argparse import Namespace

from hdsl.cli.files import UsageError, read_data, read_source, write_whole
from hdsl.cli.output import print_diagnostics, print_text
from hdsl.diagnostics import Severity

__all__ = ["run_export", "run_import"]

OK = 0


def run_import(arguments: Namespace) -> int:
    """Print or write the model file that says a formula's model."""
    data = read_data(arguments.data)
    if isinstance(data, dict):
        raise UsageError("a formula takes one data file, with a row for each observation")

    from hdsl.bridge import from_formula

    model = from_formula(
        arguments.formula,
        data,
        family=arguments.family,
        link=arguments.link,
        factors=arguments.factor,
        by_level=not arguments.one_equation,
    )
    print_diagnostics(d for d in model.diagnostics if d.severity is not Severity.NOTE)
    _write(model.text, arguments.output)
    return OK


def run_export(arguments: Namespace) -> int:
    """Print or write another system's code for a model."""
    data = read_data(arguments.data)
    if arguments.values is not None and (data is None or arguments.to != "stan"):
        raise UsageError("--values needs DATA and `--to stan`")

    from hdsl.bridge import export, stan_data
    from hdsl.model import Model

    source = read_source(arguments.model)
    model = Model(source.text, name=source.name, cache=not arguments.no_cache)
    text = export(model, arguments.to, data, method=arguments.method)
    if arguments.values is not None:
        values = json.dumps(stan_data(model, data))
        write_whole(arguments.values, lambda file: file.write(values.encode("utf-8")))
    _write(text, arguments.output)
    return OK


def _write(text: str, path: str | None) -> None:
    if path is None:
        print_text(text)
    else:
        write_whole(path, lambda file: file.write(text.encode("utf-8")))
