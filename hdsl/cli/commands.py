"""What each command does.

Input: parsed arguments. Output: an exit status; results on standard output, warnings on standard error. Invariant: no
command catches a mistake; they all end in `hdsl.cli.main`.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hdsl.cli.bridging import run_export, run_import
from hdsl.cli.comparing import run_diff
from hdsl.cli.explaining import run_explain
from hdsl.cli.files import STDIN, UsageError, open_model, read_data, read_source, write_whole
from hdsl.cli.fitting import run_fit
from hdsl.cli.output import print_diagnostics, print_error, print_json, print_text
from hdsl.cli.plotting import run_plot, run_spectrum
from hdsl.cli.predicting import run_predict
from hdsl.cli.records import check_record, show_record
from hdsl.cli.reporting import run_report
from hdsl.cli.scanning import run_scan
from hdsl.cli.sections import data_text, levels_picture, section_text
from hdsl.cli.simulating import run_power, run_simulate
from hdsl.cli.testing import run_compare
from hdsl.diagnostics import HMError, Severity

if TYPE_CHECKING:
    from hdsl.design.record import Design
    from hdsl.model import Model

__all__ = ["COMMANDS"]

OK, MISTAKE = 0, 1


def run_check(arguments: Namespace) -> int:
    """Report every mistake; say what was found when all is well."""
    data = read_data(arguments.data)
    model = open_model(arguments)
    design = model.bind(data, na=arguments.na) if data is not None else None
    if arguments.json:
        print_json(check_record(model, design))
        return OK
    if design is not None:
        print_diagnostics(design.diagnostics)
    print_text(_found(model, design))
    return OK


def _found(model: Model, design: Design | None) -> str:
    """Return ``"party.hm: 3 index sets (..), 8 parameters, no errors"``, and what the data have."""
    sets = [f"[{','.join(index_set)}]" for index_set in model.form.index_sets]
    n_parameters = len(model.form.parameters)
    diagnostics = (*model.diagnostics, *(design.diagnostics if design is not None else ()))
    n_warnings = sum(diagnostic.severity is Severity.WARNING for diagnostic in diagnostics)
    parts = [
        f"levels {', '.join(sets)}",
        f"{n_parameters} parameter{'' if n_parameters == 1 else 's'}",
        "no errors" + (f", {n_warnings} warning{'' if n_warnings == 1 else 's'}" if n_warnings else ""),
    ]
    lines = [f"{model.source.name}: {'; '.join(parts)}"]
    lines += [f"not fitted yet: {item.feature}" for item in model.form.unsupported]
    return "\n".join(lines if design is None else [*lines, data_text(model, design)])


def run_fmt(arguments: Namespace) -> int:
    """Format files in place; go on after one that cannot be parsed."""
    status = OK
    for name in arguments.models:
        try:
            changed = _format_one(name, arguments)
        except HMError as error:
            print_error(error)
            status = MISTAKE
        else:
            if changed and arguments.check:
                status = MISTAKE
    return status


def _format_one(name: str, arguments: Namespace) -> bool:
    """Format one file; return whether it is not yet in the one form."""
    from hdsl.syntax import format_text

    source = read_source(name)
    text = format_text(source)
    changed = text != source.text
    if arguments.check:
        if changed:
            print_text(f"would change {source.name}")
    elif arguments.stdout or name == STDIN:
        sys.stdout.write(text)
    elif changed:
        write_whole(name, lambda file: file.write(text.encode("utf-8")))
        print_text(f"changed {name}")
    return changed


def run_show(arguments: Namespace) -> int:
    """Print the sections that are asked for, or all of them."""
    if arguments.format != "text" and (arguments.sections or ["levels"]) != ["levels"]:
        raise UsageError(f"--format {arguments.format} is for --levels alone")
    if arguments.notation and not arguments.latex:
        raise UsageError("--notation is for --latex")
    data = read_data(arguments.data)
    model = open_model(arguments)
    design = model.bind(data, na=arguments.na) if data is not None else None
    if arguments.json:
        print_json(show_record(model, design))
        return OK
    if arguments.format != "text":
        text = levels_picture(model, design, arguments.format)
    else:
        text = section_text(model, design, arguments.sections, latex=arguments.latex, notation=arguments.notation)
    _write_text(text, arguments.output)
    return OK


def _write_text(text: str, output: str | None) -> None:
    """Print a text, or write it to a file."""
    if output is None:
        print_text(text)
    else:
        whole = text if text.endswith("\n") else text + "\n"
        write_whole(output, lambda file: file.write(whole.encode("utf-8")))


def run_plan(arguments: Namespace) -> int:
    """Print how the likelihood is computed."""
    data = read_data(arguments.data)
    model = open_model(arguments)
    print_text(str(model.plan(data, arguments.method, nodes=arguments.nodes, crossed=arguments.crossed)))
    return OK


def run_emit(arguments: Namespace) -> int:
    """Print or write the source of the likelihood, and the arrays that it reads."""
    data = read_data(arguments.data)
    if arguments.arrays is not None and data is None:
        raise UsageError("--arrays needs DATA")
    model = open_model(arguments)
    if data is None:
        source = model.emit(standalone=arguments.standalone)
    else:
        from hdsl.codegen import emit

        design = model.bind(data, na=arguments.na)
        print_diagnostics(design.diagnostics)
        title, symbols = Path(model.source.name).name, design.arrays.x_symbols
        source = emit(design.plan, standalone=arguments.standalone, title=title, x_symbols=symbols)
        if arguments.arrays is not None:
            write_whole(arguments.arrays, lambda file: _save_arrays(design, file))
    if arguments.output is None:
        print_text(source)
    else:
        write_whole(arguments.output, lambda file: file.write(source.encode("utf-8")))
    return OK


def _save_arrays(design: Design, file: IO[bytes]) -> None:
    """Write ``y, x0, .., group0, .., set0, .., offset`` as NumPy's archive.

    With a density the predictors are numbered, ``offset0, ..``, and what it takes of the data is ``known0, ..``.
    """
    import numpy as np

    arrays = design.arrays
    named = {"y": arrays.y}
    named |= {f"x{place}": values for place, values in enumerate(arrays.x)}
    groups = {f"group{place}": codes for place, codes in enumerate(arrays.groups)}
    sets = {f"set{place}": codes for place, codes in enumerate(arrays.sets)}
    is_numbered = design.plan.density is not None
    for place, offset in enumerate(arrays.offsets):
        if offset is not None:
            named[f"offset{place}" if is_numbered else "offset"] = offset
    named |= {f"known{place}": values for place, values in enumerate(arrays.known)}
    np.savez_compressed(file, allow_pickle=False, **named, **groups, **sets)


COMMANDS: dict[str, Callable[[Namespace], int]] = {
    "check": run_check,
    "fmt": run_fmt,
    "show": run_show,
    "plan": run_plan,
    "emit": run_emit,
    "fit": run_fit,
    "plot": run_plot,
    "spectrum": run_spectrum,
    "report": run_report,
    "scan": run_scan,
    "diff": run_diff,
    "compare": run_compare,
    "predict": run_predict,
    "simulate": run_simulate,
    "power": run_power,
    "import": run_import,
    "export": run_export,
    "explain": run_explain,
}
"""What runs for each command's name."""
