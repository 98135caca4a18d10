"""``hdsl report``: a fit as one page of HTML.

Input: parsed arguments. Output: an exit status, a file, a line about it. Invariants: the page holds the command line
that made it and what identifies each data file; a fit that did not converge has its page, which says so, and is a
mistake all the same.
"""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hdsl.cli.files import STDIN, UsageError, read_data, read_source, write_whole
from hdsl.cli.output import print_diagnostics, print_text
from hdsl.cli.stopping import whole

if TYPE_CHECKING:
    from hdsl.results import FittedModel
    from hdsl.results.page import DataFile

__all__ = ["run_report"]

OK, MISTAKE = 0, 1

KEPT = ".hmfit"
"""End of the name of a fit that was kept."""

FITTING = ("method", "nodes", "na", "crossed")
"""What is asked of a fit."""


def run_report(arguments: Namespace) -> int:
    """Fit, or take a fit that was kept, and write the page."""
    from hdsl.results.page import Request, page_html

    is_kept = arguments.model.endswith(KEPT)
    fit, files = _kept(arguments) if is_kept else _fitted(arguments)
    request = Request(
        title=arguments.title,
        tests=tuple(arguments.test),
        df=arguments.df,
        intervals=arguments.conf_int,
        with_plots=not arguments.no_plots,
        date=_today() if arguments.date else "",
        options=() if is_kept else (("missing values", arguments.na),),
        files=files,
        command=_command(arguments),
    )
    page = page_html(fit, request).encode("utf-8")
    write_whole(arguments.output, lambda file: file.write(page))
    print_diagnostics((*fit.remarks, *fit.diagnostics))
    print_text(f"wrote {arguments.output}: {len(page) / 1000:,.0f} kB, {fit.status}")
    return OK if fit.converged else MISTAKE


def _fitted(arguments: Namespace) -> tuple[FittedModel, tuple[DataFile, ...]]:
    """Return the fit of a model file to data files, and what identifies them."""
    data = read_data(arguments.data)
    if data is None:
        raise UsageError(f"a model needs DATA; without any, name a fit that was kept, FILE{KEPT}")

    from hdsl.model import Model
    from hdsl.results.page import DataFile

    source = read_source(arguments.model)
    model = Model(source.text, name=source.name, cache=not arguments.no_cache)
    fit = whole(model.fit(data, **{name: getattr(arguments, name) for name in FITTING}))
    tables = {"": data} if isinstance(data, str) else data
    with _readable():
        return fit, tuple(DataFile.of(path, index) for index, path in tables.items())


def _kept(arguments: Namespace) -> tuple[FittedModel, tuple[DataFile, ...]]:
    """Return a fit from its file."""
    if arguments.data or any(getattr(arguments, name) not in (None, "drop") for name in FITTING):
        raise UsageError(f"{arguments.model} is a fit: it takes neither DATA nor what a fit is asked for")

    from hdsl.results.keeping import load

    with _readable():
        return load(arguments.model), ()


@contextmanager
def _readable() -> Iterator[None]:
    """Tell of a file that cannot be read as wrong usage."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"cannot read {error.filename}: {(error.strerror or str(error)).lower()}") from error


def _command(arguments: Namespace) -> str:
    """Return the command line, without options that have their default."""
    words = ["hdsl", "report", "model.hm" if arguments.model == STDIN else arguments.model, *arguments.data]
    words += ["--method", arguments.method] if arguments.method is not None else []
    words += ["--nodes", str(arguments.nodes)] if arguments.nodes is not None else []
    words += ["--crossed", arguments.crossed] if arguments.crossed is not None else []
    words += ["--na", arguments.na] if arguments.na != "drop" else []
    words += ["--title", arguments.title] if arguments.title else []
    words += [word for hypothesis in arguments.test for word in ("--test", hypothesis)]
    words += ["--df", arguments.df] if arguments.df is not None else []
    words += ["--conf-int", arguments.conf_int] if arguments.conf_int != "wald" else []
    words += ["--no-plots"] if arguments.no_plots else []
    words += ["--date"] if arguments.date else []
    return shlex.join([*words, "-o", arguments.output])


def _today() -> str:
    from datetime import date

    return date.today().isoformat()
