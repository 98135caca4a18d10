"""``hdsl fit``: the summary, and what is asked for beside it.

Input: parsed arguments. Output: an exit status; text or JSON on standard output. Invariants: the summary, or the record
of the fit, is there whatever becomes of the rest; after an interruption nothing more is begun.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from hdsl.cli.files import open_model, read_data, save_fit
from hdsl.cli.measuring import intervals_record, intervals_text, measures_record, measures_text
from hdsl.cli.output import diagnostic_record, print_diagnostics, print_json, print_report, print_text
from hdsl.cli.records import fit_record, ranef_record
from hdsl.cli.sections import ranef_text
from hdsl.cli.stopping import as_far_as, tell_search
from hdsl.cli.testing import inference_record, inference_text, tests_record, tests_text
from hdsl.progress import told_interrupted

if TYPE_CHECKING:
    from hdsl.results import FittedModel

__all__ = ["run_fit"]

OK, MISTAKE = 0, 1


class Stage(NamedTuple):
    """Something that can be asked for beside the summary: its option, and what it prints as text and as JSON."""

    option: str
    text: Callable[[FittedModel, Namespace], str]
    record: Callable[[FittedModel, Namespace], dict[str, object]]

    def is_asked(self, arguments: Namespace) -> bool:
        """Whether the option is there."""
        return bool(getattr(arguments, self.option.removeprefix("--").replace("-", "_")))


def _saved_text(fit: FittedModel, arguments: Namespace) -> str:
    save_fit(fit, arguments.save)
    return ""


def _saved_record(fit: FittedModel, arguments: Namespace) -> dict[str, object]:
    save_fit(fit, arguments.save)
    return {}


STAGES = (
    Stage("--save", _saved_text, _saved_record),
    Stage("--ranef", ranef_text, ranef_record),
    Stage("--df", inference_text, inference_record),
    Stage("--test", tests_text, tests_record),
    Stage("--conf-int", intervals_text, intervals_record),
    Stage("--measures", measures_text, measures_record),
)
"""In the order in which they are done and printed."""


def run_fit(arguments: Namespace) -> int:
    """Fit, print the summary and what is asked for beside; a fit that did not converge is a mistake, too."""
    from hdsl.results.reading import as_read

    data = read_data(arguments.data)
    model = open_model(arguments)
    fit = model.fit(data, method=arguments.method, nodes=arguments.nodes, na=arguments.na, crossed=arguments.crossed)
    tell_search(fit)
    fit = as_read(fit)
    asked = [stage for stage in STAGES if stage.is_asked(arguments)]
    if arguments.json:
        record = fit_record(fit)
        for more in as_far_as([(s.option, partial(s.record, fit, arguments)) for s in asked]):
            record |= more
        diagnostics = [diagnostic_record(d) for d in (*model.diagnostics, *fit.diagnostics)]
        print_json({**record, "interrupted": told_interrupted(), "diagnostics": diagnostics})
    else:
        print_report(fit.summary())
        for text in filter(None, as_far_as([(s.option, partial(s.text, fit, arguments)) for s in asked])):
            print_text(text)
    if not fit.converged and not arguments.json:
        print_diagnostics(diagnostic for diagnostic in fit.diagnostics if diagnostic.code in {"HM502", "HM514"})
    return OK if fit.converged else MISTAKE
