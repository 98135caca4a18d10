"""The commands that may be typed, with their help.

Input: nothing. Output: an `argparse` parser. Invariant: building it imports nothing but the standard library, so that
``hdsl --help`` is quick.
"""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import fill

from hdsl.cli import options
from hdsl.version import __version__

__all__ = ["build_parser"]

WIDTH = 80
"""Columns of a description."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    """One command: its line in the list of commands, its examples, what adds its arguments."""

    name: str
    help: str
    examples: str
    add: Callable[[ArgumentParser], None]


def build_parser() -> ArgumentParser:
    """Return the parser of the whole command line."""
    parser = ArgumentParser(
        prog="hdsl",
        description="Multilevel models, written level by level: check, read, emit and fit them.",
        epilog="exit status: 0 all well, 1 a mistake in the model, the data or the fit, 2 wrong usage,\n"
        "130 interrupted (Ctrl-C): what was done by then is printed, and what was not is told\n\n"
        "`hdsl COMMAND --help` says more, with examples",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"hdsl {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        sub = commands.add_parser(
            command.name,
            help=command.help,
            description=fill(command.help[0].upper() + command.help[1:] + ".", WIDTH),
            epilog="examples:\n" + "".join(f"  {line}\n" for line in command.examples.splitlines()),
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add(sub)
    return parser


_COMMANDS = (
    _Command(
        name="check",
        help="report every mistake of a model, each with its place and a way out",
        examples="hdsl check party.hm\nhdsl check party.hm voters.csv\n"
        "hdsl check hsb.hm i=students.csv school=schools.csv",
        add=options.add_check,
    ),
    _Command(
        name="fmt",
        help="lay model files out in the one way; comments are kept",
        examples="hdsl fmt party.hm\nhdsl fmt --check models/*.hm\nhdsl fmt - < party.hm",
        add=options.add_fmt,
    ),
    _Command(
        name="show",
        help="show what a model says: levels, equations, the composite equation, implied interactions and moments",
        examples="hdsl show party.hm\nhdsl show party.hm --composite --latex\nhdsl show party.hm voters.csv --levels\n"
        "hdsl show party.hm --levels --format svg -o party.svg\n"
        "hdsl show hsb.hm --equations --latex --notation raudenbush-bryk",
        add=options.add_show,
    ),
    _Command(
        name="plan",
        help="show how the likelihood is computed, and why so",
        examples="hdsl plan party.hm\nhdsl plan party.hm voters.csv\n"
        "hdsl plan party.hm voters.csv --method agq --nodes 15",
        add=options.add_plan,
    ),
    _Command(
        name="emit",
        help="print the likelihood as NumPy source",
        examples="hdsl emit party.hm\nhdsl emit party.hm voters.csv --standalone -o party.py --arrays party.npz",
        add=options.add_emit,
    ),
    _Command(
        name="fit",
        help="fit a model to data",
        examples="hdsl fit party.hm voters.csv\nhdsl fit party.hm voters.parquet --method reml --json\n"
        "hdsl fit hsb.hm i=students.csv school=schools.csv\n"
        'hdsl fit party.hm voters.csv --method reml --df kenward-roger --test "b1 = b2"',
        add=options.add_fit,
    ),
    _Command(
        name="plot",
        help="draw a picture of a fit, or print the table that it is drawn from",
        examples="hdsl plot party.hm voters.csv list\nhdsl plot party.hm voters.csv caterpillar -o modes.png\n"
        "hdsl plot party.hm voters.csv proportions --with covariate=Age by=Female -o shares.svg",
        add=options.add_plot,
    ),
    _Command(
        name="spectrum",
        help="fit the pooled and the unpooled model, too, and show how far each group is drawn to its mean",
        examples="hdsl spectrum party.hm voters.csv\nhdsl spectrum party.hm voters.csv --index k -o shrinkage.png",
        add=options.add_spectrum,
    ),
    _Command(
        name="report",
        help="fit a model and write all of it as one page of HTML that needs no network",
        examples="hdsl report party.hm voters.csv -o party.html\n"
        'hdsl report party.hm voters.csv --method reml --test "b1 = b2" --conf-int profile -o party.html\n'
        "hdsl report hsb.hm i=students.csv school=schools.csv --title 'High School and Beyond' -o hsb.html\n"
        "hdsl report party.hmfit -o party.html",
        add=options.add_report,
    ),
    _Command(
        name="scan",
        help="propose the levels of a data set: what indexes what, what lies in what; write a first model",
        examples="hdsl scan voters.csv\nhdsl scan voters.csv --outcome party --write party.hm\n"
        "hdsl scan i=students.csv school=schools.csv",
        add=options.add_scan,
    ),
    _Command(
        name="diff",
        help="say what differs between two models, and whether a likelihood-ratio test between them is valid",
        examples="hdsl diff party.hm party2.hm\nhdsl diff party.hm party2.hm voters.csv",
        add=options.add_diff,
    ),
    _Command(
        name="compare",
        help="fit two nested models to the same data and test one against the other by their likelihoods",
        examples="hdsl compare party.hm party2.hm voters.csv\n"
        "hdsl compare party.hm party2.hm voters.csv --method reml --bootstrap 1000 --seed 1",
        add=options.add_compare,
    ),
    _Command(
        name="predict",
        help="predict from a fit that was kept, with standard errors and intervals",
        examples="hdsl fit party.hm voters.csv --save party.hmfit\nhdsl predict party.hmfit new.csv\n"
        "hdsl predict party.hmfit new.csv --fixed --marginal --interval prediction -o predicted.csv",
        add=options.add_predict,
    ),
    _Command(
        name="simulate",
        help="draw a data set from a model without any data",
        examples="hdsl simulate school.hm --parameters b0=10 b1=2 sd_school=3 sd=5 --sizes school=20 i=10"
        " --covariates 'x=normal(0, 1)' --seed 1 -o school.csv",
        add=options.add_simulate,
    ),
    _Command(
        name="power",
        help="tell the power of a test by simulation",
        examples="hdsl power school.hm --parameters b0=10 b1=2 sd_school=3 sd=5 --sizes school=20 i=10"
        " --covariates 'x=normal(0, 1)' --test 'b1 = 0' -n 1000 --seed 1",
        add=options.add_power,
    ),
    _Command(
        name="import",
        help="write the model file that says a formula's model, level by level",
        examples='hdsl import "y ~ x + (1 + x | school/class)"\n'
        'hdsl import "y ~ x + (1 + x | school/class)" pupils.csv -o pupils.hm\n'
        'hdsl import "vote ~ age + (1 | district)" voters.csv --family binomial',
        add=options.add_import,
    ),
    _Command(
        name="export",
        help="write the code of lme4, glmmTMB, brms, Stan or PyMC for a model",
        examples="hdsl export party.hm voters.csv --to lme4 -o party.R\n"
        "hdsl export party.hm --to pymc\n"
        "hdsl export party.hm voters.csv --to stan -o party.stan --values party.json",
        add=options.add_export,
    ),
    _Command(
        name="explain",
        help="say what an error code means, with an example and its repair",
        examples="hdsl explain HM203\nhdsl explain",
        add=options.add_explain,
    ),
)
"""The commands, in the order of the help."""
