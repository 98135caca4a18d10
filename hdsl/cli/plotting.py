"""``hdsl plot`` and ``hdsl spectrum``: pictures of a fit, and the fits at the two ends of its spectrum.

Input: parsed arguments. Output: an exit status; a picture in a file, or its frame as CSV on standard output.
Invariants: names and options of plots are those of `FittedModel.plot`; a word that cannot be read is wrong usage.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hdsl.cli.files import UsageError, read_data, read_source, write_whole
from hdsl.cli.options import LIST
from hdsl.cli.output import print_diagnostics, print_json, print_text
from hdsl.cli.records import records
from hdsl.cli.stopping import whole

if TYPE_CHECKING:
    from hdsl.results import FittedModel
    from hdsl.results.plots import Picture

__all__ = ["run_plot", "run_spectrum"]

OK, MISTAKE = 0, 1


def run_plot(arguments: Namespace) -> int:
    """Draw a plot into a file; without one, print its frame; or say which plots the fit has."""
    fit = _fit(arguments)
    if arguments.name == LIST:
        print_text(_catalogue(fit))
        return OK
    picture = fit.plot.draw(arguments.name, **_options(arguments.name, arguments.with_))
    if arguments.output is None:
        print_text(picture.content("csv").decode("utf-8").rstrip("\n"))
    else:
        _write(picture, arguments.output)
        print_text(f"wrote {arguments.output}: {picture.title}")
    return OK if fit.converged else MISTAKE


def run_spectrum(arguments: Namespace) -> int:
    """Print the spectrum, and draw its shrinkage into a file."""
    fit = _fit(arguments)
    found = fit.spectrum(arguments.index, unpooled=True if arguments.unpooled else None)
    if arguments.output is not None:
        _write(found.plot(), arguments.output)
    if not arguments.json:
        print_text(str(found))
        return OK if fit.converged else MISTAKE
    coefficients = found.coefficients.set_axis(
        [" ".join(map(str, name)) for name in found.coefficients.columns], axis=1
    )
    tables = {
        "measures": found.measures.reset_index(),
        "coefficients": coefficients.rename_axis("name").reset_index(),
        "shrinkage": found.shrinkage.reset_index(),
    }
    record = {name: records(table) for name, table in tables.items()}
    print_json({"ok": True, "index": found.index, "is_exact": found.is_exact, **record, "notes": list(found.notes)})
    return OK if fit.converged else MISTAKE


def _fit(arguments: Namespace) -> FittedModel:
    """Fit the model; print warnings, and that a fit did not converge."""
    from hdsl.model import Model

    data = read_data(arguments.data)
    source = read_source(arguments.model)
    model = Model(source.text, name=source.name, cache=not arguments.no_cache)
    found = model.fit(data, method=arguments.method, nodes=arguments.nodes, na=arguments.na, crossed=arguments.crossed)
    fit = whole(found)
    print_diagnostics((*fit.remarks, *fit.diagnostics))
    return fit


def _catalogue(fit: FittedModel) -> str:
    """Return a line for each plot: what it shows, or why the fit does not have it."""
    table = fit.plot.catalogue()
    width = max(map(len, table.index))
    whys = zip(table.index, table["shows"], table["why_not"], strict=True)
    lines = [f"{name:<{width}}  {f'not of this fit: {why}' if why else shows}" for name, shows, why in whys]
    return "\n".join(lines)


def _options(name: str, words: list[str]) -> dict[str, Any]:
    """Return the options of a plot, each read as it is meant; one that is not there is refused by the plot."""
    from hdsl.results.plots.table import PLOTS

    found: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key or not value:
            raise UsageError(f"each option needs its name: `name=value`, not {word!r}")
        reader = PLOTS[name].options.get(key, str)
        try:
            found[key] = reader(value)
        except ValueError:
            raise UsageError(f"the value of {key!r} is no number: {value!r}") from None
    return found


def _write(picture: Picture, path: str) -> None:
    content = picture.content(Path(path).suffix.removeprefix("."))
    write_whole(path, lambda file: file.write(content))
