"""``hdsl predict``: predictions of a fit that was kept.

Input: parsed arguments. Output: an exit status; a CSV table, or JSON, on standard output. Invariant: what was done
about each index set is told, on standard error or in the JSON object.
"""

from __future__ import annotations

import sys
from argparse import Namespace

from hdsl.cli.files import UsageError, read_data, write_whole
from hdsl.cli.output import print_json, print_text
from hdsl.cli.records import records

__all__ = ["run_predict"]

OK = 0


def run_predict(arguments: Namespace) -> int:
    """Read a fit, predict the rows of new data, or those that it was fitted to, and write the table."""
    if arguments.fixed and arguments.include:
        raise UsageError("--fixed includes no random effects: write either it or --include")
    data = read_data(arguments.data)

    from hdsl.results.keeping import load

    try:
        fit = load(arguments.fit)
    except OSError as error:
        raise UsageError(f"cannot read {arguments.fit}: {(error.strerror or str(error)).lower()}") from error
    found = fit.predictions(
        data,
        None if arguments.fixed else arguments.include or "all",
        arguments.scale,
        marginal=arguments.marginal,
        level=arguments.level,
        interval=arguments.interval,
        seed=arguments.seed,
    )
    table = found.reset_index(names=["row", *found.index.names[1:]])
    if arguments.json:
        print_json({"ok": True, "groups": found.attrs["groups"], "predictions": records(table)})
        return OK
    print(found.attrs["about"], file=sys.stderr)
    text = table.to_csv(index=False, float_format="%.10g")
    if arguments.output is None:
        print_text(text.rstrip("\n"))
    else:
        write_whole(arguments.output, lambda file: file.write(text.encode("utf-8")))
    return OK
