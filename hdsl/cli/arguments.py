"""What may be typed: commands, their arguments, their help.

Input: nothing. Output: an `argparse` parser. Invariant: building it imports nothing but the standard library, so that
``hdsl --help`` is quick.
"""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import fill

from hdsl.version import __version__

__all__ = ["FORMATS", "LIST", "PLOTS", "SECTIONS", "build_parser"]

WIDTH = 80
"""Columns of a description."""

SECTIONS = {
    "levels": "the index sets, what is nested in what",
    "equations": "the statements, level by level",
    "composite": "the single equation, implied interactions marked",
    "interactions": "the implied interactions alone",
    "parameters": "every parameter with its role and range",
    "moments": "implied variances, covariances, intraclass correlations",
}
"""What ``hdsl show`` can show, in the order in which it does."""

FORMATS = ("text", "mermaid", "svg")
"""How ``hdsl show --levels`` can show the levels."""

NOTATIONS = ("gelman-hill", "raudenbush-bryk")
"""The notations of `hdsl.form.notation`; here again, since the parser imports nothing."""

DF_METHODS = ("satterthwaite", "kenward-roger", "residual", "normal")
"""The methods of `hdsl.results.inference.degrees`; here again, for the same reason."""

METHODS = ("ml", "reml", "laplace", "agq")
"""The methods of `hdsl.fit.outcome`; here again, for the same reason."""

CROSSED = ("exact", "iterative")
"""The ways of `hdsl.design.bind` with crossed factors."""

INTERVALS = ("wald", "profile", "bootstrap")
"""The intervals of `hdsl.results.intervals`."""

PLOTS = (
    "levels",
    "lines",
    "effects",
    "proportions",
    "ranked",
    "caterpillar",
    "shrinkage",
    "modes_qq",
    "profile",
    "residuals",
)
"""The plots of `hdsl.results.plots.table`; here again, since the parser imports nothing."""

LIST = "list"
"""What is asked for to see which plots a fit has."""

EXPORTS = ("lme4", "glmmTMB", "brms", "stan", "pymc")
"""Systems that ``hdsl export`` writes code for."""

MODEL_HELP = "a model file (.hm), or - for standard input"
DATA_HELP = "a CSV (also .gz) or Parquet file; or one for each level: i=students.csv school=schools.csv"


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
        epilog="exit status: 0 all well, 1 a mistake in the model, the data or the fit, 2 wrong usage\n\n"
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


def _add_model(parser: ArgumentParser, data: str = "*") -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("data", metavar="DATA", nargs=data, help=DATA_HELP)
    _add_cache(parser)


def _add_cache(parser: ArgumentParser) -> None:
    parser.add_argument("--no-cache", action="store_true", help="compile the model anew, keep nothing of it on disk")


def _add_missing(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--na",
        choices=("drop", "error"),
        default="drop",
        help="rows with a missing value in a used column: drop and report them (default), or refuse the data",
    )


def _add_crossed(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--crossed",
        choices=CROSSED,
        help="how crossed factors are solved: exactly (default up to 12,000 columns) or by iterations, much faster",
    )


def _add_json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object, mistakes too")


def _add_check(parser: ArgumentParser) -> None:
    _add_model(parser)
    _add_missing(parser)
    _add_json(parser)


def _add_fmt(parser: ArgumentParser) -> None:
    parser.add_argument("models", metavar="MODEL", nargs="+", help="model files, or - for standard input")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--check", action="store_true", help="change nothing; exit with 1 if a file would change")
    where.add_argument("--stdout", action="store_true", help="print the result, leave the file alone")


def _add_show(parser: ArgumentParser) -> None:
    _add_model(parser)
    for section, text in SECTIONS.items():
        parser.add_argument(f"--{section}", dest="sections", action="append_const", const=section, help=text)
    parser.add_argument("--latex", action="store_true", help="equations, composite and moments as LaTeX")
    parser.add_argument(
        "--notation",
        choices=NOTATIONS,
        help="of LaTeX: the model's own names with subscripts (default), or symbols by their place in the model",
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="of --levels: text (default) or a picture")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE")
    _add_missing(parser)
    _add_json(parser)


def _add_plan(parser: ArgumentParser) -> None:
    _add_model(parser)
    _add_crossed(parser)


def _add_emit(parser: ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument("--standalone", action="store_true", help="a file that needs NumPy and SciPy alone")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the source to FILE")
    parser.add_argument("--arrays", metavar="FILE.npz", help="write the arrays that the source reads (needs DATA)")
    _add_missing(parser)


def _add_fit(parser: ArgumentParser) -> None:
    _add_model(parser, data="+")
    parser.add_argument(
        "--method",
        type=str.lower,
        choices=METHODS,
        help="maximum likelihood (ml) or restricted (reml); for outcomes that are not Gaussian laplace or agq",
    )
    parser.add_argument("--nodes", metavar="N", type=int, help="quadrature nodes for each random effect")
    _add_crossed(parser)
    _add_missing(parser)
    parser.add_argument("--ranef", action="store_true", help="the random effects of every group, too")
    parser.add_argument("--conf-int", choices=INTERVALS, help="intervals of all parameters by this method, too")
    parser.add_argument("--level", type=float, default=0.95, help="coverage of these intervals (default 0.95)")
    parser.add_argument("--replicates", metavar="N", type=int, default=1000, help="of the bootstrap (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (default 0)")
    parser.add_argument(
        "--measures", action="store_true", help="information criteria, intraclass correlations, R squared, .., too"
    )
    parser.add_argument(
        "--df", choices=DF_METHODS, help="fixed effects and tests by this method for degrees of freedom"
    )
    parser.add_argument(
        "--test", metavar="HYPOTHESIS", action="append", default=[], help='a hypothesis in coefficient names: "b1 = b2"'
    )
    parser.add_argument("--save", metavar="FILE.hmfit", help="keep the fit; `hdsl.load` reads it")
    _add_json(parser)


def _add_fitting(parser: ArgumentParser) -> None:
    """Add what a fit takes besides the model and the data."""
    parser.add_argument("--method", type=str.lower, choices=METHODS, help="ml, reml, laplace or agq")
    parser.add_argument("--nodes", metavar="N", type=int, help="quadrature nodes for each random effect")
    _add_crossed(parser)
    _add_missing(parser)


def _add_plot(parser: ArgumentParser) -> None:
    _add_model(parser, data="+")
    parser.add_argument(
        "name", metavar="NAME", choices=(LIST, *PLOTS), help=f"{', '.join(PLOTS)}; {LIST} says what each shows"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE (.png, .svg, .pdf; .csv is the frame)")
    parser.add_argument(
        "--with",
        dest="with_",
        metavar="OPTION=VALUE",
        nargs="+",
        default=[],
        help="options of the plot: covariate=Age by=Female; several names apart by semicolons",
    )
    _add_fitting(parser)


def _add_spectrum(parser: ArgumentParser) -> None:
    _add_model(parser, data="+")
    parser.add_argument("--index", help="the index set whose groups are shown; default that with most groups")
    parser.add_argument("--unpooled", action="store_true", help="fit the unpooled model even if it is large")
    parser.add_argument("-o", "--output", metavar="FILE", help="draw the shrinkage into FILE (.png, .svg, .pdf, .csv)")
    _add_fitting(parser)
    _add_json(parser)


def _add_report(parser: ArgumentParser) -> None:
    _add_model(parser, data="+")
    parser.add_argument("-o", "--output", metavar="FILE.html", required=True, help="write the page to FILE.html")
    parser.add_argument(
        "--method", type=str.lower, choices=METHODS, help="as of fit: ml or reml; for other outcomes laplace or agq"
    )
    parser.add_argument("--nodes", metavar="N", type=int, help="quadrature nodes for each random effect (agq)")
    parser.add_argument("--title", default="", help="heading of the page; by default that of the summary")
    parser.add_argument(
        "--test", metavar="HYPOTHESIS", action="append", default=[], help='a hypothesis in coefficient names: "b1 = b2"'
    )
    parser.add_argument("--df", choices=DF_METHODS, help="tests by this method for degrees of freedom")
    parser.add_argument("--conf-int", choices=INTERVALS, default="wald", help="intervals by this method (default wald)")
    parser.add_argument("--no-plots", action="store_true", help="draw no pictures")
    parser.add_argument(
        "--date", action="store_true", help="print today's date; without it equal fits have equal pages"
    )
    _add_crossed(parser)
    _add_missing(parser)


def _add_compare(parser: ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help=MODEL_HELP)
    parser.add_argument("b", metavar="B", help="another one")
    parser.add_argument("data", metavar="DATA", nargs="+", help=DATA_HELP)
    parser.add_argument(
        "--method", type=str.lower, choices=METHODS, help="of both fits; by default ml where the likelihood is exact"
    )
    parser.add_argument("--bootstrap", metavar="N", type=int, default=0, help="p-value from N replicates")
    parser.add_argument("--seed", type=int, help="of the bootstrap")
    _add_cache(parser)
    _add_missing(parser)
    _add_json(parser)


def _add_diff(parser: ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help=MODEL_HELP)
    parser.add_argument("b", metavar="B", help="another one")
    parser.add_argument("data", metavar="DATA", nargs="*", help=DATA_HELP)
    _add_cache(parser)
    _add_json(parser)


def _add_import(parser: ArgumentParser) -> None:
    parser.add_argument("formula", metavar="FORMULA", help='in the notation of lme4: "y ~ x + (1 + x | school/class)"')
    parser.add_argument("data", metavar="DATA", nargs="*", help="tells which columns are factors, and of which level")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the model to FILE")
    parser.add_argument("--family", default="gaussian", help="gaussian (default), binomial, poisson, ..")
    parser.add_argument("--link", help="a link; by default that of the family in R")
    parser.add_argument("--factor", metavar="COLUMN", action="append", default=[], help="numbers that are a factor")
    parser.add_argument("--one-equation", action="store_true", help="write all covariates in the equation of the rows")


def _add_export(parser: ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument("--to", required=True, choices=EXPORTS, help="the system whose code to write")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the code to FILE")
    parser.add_argument("--method", choices=("ml", "reml"), default="ml", help="what lme4 and glmmTMB are asked for")
    parser.add_argument("--values", metavar="FILE.json", help="write the values of the Stan program's data block")


def _add_scan(parser: ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", nargs="+", help=DATA_HELP)
    parser.add_argument("--outcome", metavar="COLUMN", help="the column that is the outcome, where it is known")
    parser.add_argument("--write", metavar="FILE.hm", help="write a first model to FILE.hm (- for standard output)")
    _add_json(parser)


def _add_scenario(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument(
        "--parameters",
        metavar="NAME=VALUE",
        nargs="+",
        default=[],
        help="every parameter as a fit names it: b1=0.5 sd=2 'sd(u0[j])=1'",
    )
    parser.add_argument(
        "--sizes",
        metavar="INDEX=N",
        nargs="+",
        default=[],
        help="units of each index, in each of those that it lies in or in all; of the row index, rows in each cell",
    )
    parser.add_argument(
        "--covariates",
        metavar="COLUMN=HOW",
        nargs="+",
        default=[],
        help="a number, 'normal(0, 1)' or another distribution, 'choice(a, b)' at random, 'cycle(0, 1)' in turn",
    )
    parser.add_argument("--seed", type=int, help="equal seeds give equal data")


def _add_simulate(parser: ArgumentParser) -> None:
    _add_scenario(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="write the table to FILE (CSV)")


def _add_power(parser: ArgumentParser) -> None:
    _add_scenario(parser)
    parser.add_argument(
        "--test", metavar="HYPOTHESIS", action="append", required=True, help="'b1 = 0'; may be repeated"
    )
    parser.add_argument("-n", "--simulations", metavar="N", type=int, default=1000, help="data sets (default 1000)")
    parser.add_argument("--alpha", type=float, default=0.05, help="level of the test (default 0.05)")
    parser.add_argument(
        "--method", choices=METHODS, type=str.lower, help="of the fits; default REML where it is possible"
    )
    _add_json(parser)


def _add_predict(parser: ArgumentParser) -> None:
    parser.add_argument("fit", metavar="FIT", help="a file of `hdsl fit --save` or `fit.save`")
    parser.add_argument(
        "data", metavar="DATA", nargs="*", help=f"new data, by default the rows of the fit: {DATA_HELP}"
    )
    parser.add_argument(
        "--include", metavar="INDEX", action="append", default=[], help="random effects of these indices alone"
    )
    parser.add_argument("--fixed", action="store_true", help="no random effects")
    parser.add_argument(
        "--marginal", action="store_true", help="integrate over what is not included, and over new groups"
    )
    parser.add_argument("--scale", choices=("response", "link"), default="response", help="default response")
    parser.add_argument(
        "--interval",
        choices=("confidence", "prediction"),
        default="confidence",
        help="of the mean (default), or of one more observation",
    )
    parser.add_argument("--level", type=float, default=0.95, help="coverage of the intervals (default 0.95)")
    parser.add_argument("--seed", type=int, default=0, help="of intervals that are drawn (default 0)")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the table to FILE (CSV)")
    _add_json(parser)


def _add_explain(parser: ArgumentParser) -> None:
    parser.add_argument("code", metavar="CODE", nargs="?", help="a code such as HM203; without it all codes are listed")


_COMMANDS = (
    _Command(
        name="check",
        help="report every mistake of a model, each with its place and a way out",
        examples="hdsl check party.hm\nhdsl check party.hm voters.csv\n"
        "hdsl check hsb.hm i=students.csv school=schools.csv",
        add=_add_check,
    ),
    _Command(
        name="fmt",
        help="lay model files out in the one way; comments are kept",
        examples="hdsl fmt party.hm\nhdsl fmt --check models/*.hm\nhdsl fmt - < party.hm",
        add=_add_fmt,
    ),
    _Command(
        name="show",
        help="show what a model says: levels, equations, the composite equation, implied interactions and moments",
        examples="hdsl show party.hm\nhdsl show party.hm --composite --latex\nhdsl show party.hm voters.csv --levels\n"
        "hdsl show party.hm --levels --format svg -o party.svg\n"
        "hdsl show hsb.hm --equations --latex --notation raudenbush-bryk",
        add=_add_show,
    ),
    _Command(
        name="plan",
        help="show how the likelihood is computed, and why so",
        examples="hdsl plan party.hm\nhdsl plan party.hm voters.csv",
        add=_add_plan,
    ),
    _Command(
        name="emit",
        help="print the likelihood as NumPy source",
        examples="hdsl emit party.hm\nhdsl emit party.hm voters.csv --standalone -o party.py --arrays party.npz",
        add=_add_emit,
    ),
    _Command(
        name="fit",
        help="fit a model to data",
        examples="hdsl fit party.hm voters.csv\nhdsl fit party.hm voters.parquet --method reml --json\n"
        "hdsl fit hsb.hm i=students.csv school=schools.csv\n"
        'hdsl fit party.hm voters.csv --method reml --df kenward-roger --test "b1 = b2"',
        add=_add_fit,
    ),
    _Command(
        name="plot",
        help="draw a picture of a fit, or print the table that it is drawn from",
        examples="hdsl plot party.hm voters.csv list\nhdsl plot party.hm voters.csv caterpillar -o modes.png\n"
        "hdsl plot party.hm voters.csv proportions --with covariate=Age by=Female -o shares.svg",
        add=_add_plot,
    ),
    _Command(
        name="spectrum",
        help="fit the pooled and the unpooled model, too, and show how far each group is drawn to its mean",
        examples="hdsl spectrum party.hm voters.csv\nhdsl spectrum party.hm voters.csv --index k -o shrinkage.png",
        add=_add_spectrum,
    ),
    _Command(
        name="report",
        help="fit a model and write all of it as one page of HTML that needs no network",
        examples="hdsl report party.hm voters.csv -o party.html\n"
        'hdsl report party.hm voters.csv --method reml --test "b1 = b2" --conf-int profile -o party.html\n'
        "hdsl report hsb.hm i=students.csv school=schools.csv --title 'High School and Beyond' -o hsb.html",
        add=_add_report,
    ),
    _Command(
        name="scan",
        help="propose the levels of a data set: what indexes what, what lies in what; write a first model",
        examples="hdsl scan voters.csv\nhdsl scan voters.csv --outcome party --write party.hm\n"
        "hdsl scan i=students.csv school=schools.csv",
        add=_add_scan,
    ),
    _Command(
        name="diff",
        help="say what differs between two models, and whether a likelihood-ratio test between them is valid",
        examples="hdsl diff party.hm party2.hm\nhdsl diff party.hm party2.hm voters.csv",
        add=_add_diff,
    ),
    _Command(
        name="compare",
        help="fit two nested models to the same data and test one against the other by their likelihoods",
        examples="hdsl compare party.hm party2.hm voters.csv\n"
        "hdsl compare party.hm party2.hm voters.csv --method reml --bootstrap 1000 --seed 1",
        add=_add_compare,
    ),
    _Command(
        name="predict",
        help="predict from a fit that was kept, with standard errors and intervals",
        examples="hdsl fit party.hm voters.csv --save party.hmfit\nhdsl predict party.hmfit new.csv\n"
        "hdsl predict party.hmfit new.csv --fixed --marginal --interval prediction -o predicted.csv",
        add=_add_predict,
    ),
    _Command(
        name="simulate",
        help="draw a data set from a model without any data",
        examples="hdsl simulate school.hm --parameters b0=10 b1=2 sd_school=3 sd=5 --sizes school=20 i=10"
        " --covariates 'x=normal(0, 1)' --seed 1 -o school.csv",
        add=_add_simulate,
    ),
    _Command(
        name="power",
        help="tell the power of a test by simulation",
        examples="hdsl power school.hm --parameters b0=10 b1=2 sd_school=3 sd=5 --sizes school=20 i=10"
        " --covariates 'x=normal(0, 1)' --test 'b1 = 0' -n 1000 --seed 1",
        add=_add_power,
    ),
    _Command(
        name="import",
        help="write the model file that says a formula's model, level by level",
        examples='hdsl import "y ~ x + (1 + x | school/class)"\n'
        'hdsl import "y ~ x + (1 + x | school/class)" pupils.csv -o pupils.hm\n'
        'hdsl import "vote ~ age + (1 | district)" voters.csv --family binomial',
        add=_add_import,
    ),
    _Command(
        name="export",
        help="write the code of lme4, glmmTMB, brms, Stan or PyMC for a model",
        examples="hdsl export party.hm voters.csv --to lme4 -o party.R\n"
        "hdsl export party.hm --to pymc\n"
        "hdsl export party.hm voters.csv --to stan -o party.stan --values party.json",
        add=_add_export,
    ),
    _Command(
        name="explain",
        help="say what an error code means, with an example and its repair",
        examples="hdsl explain HM203\nhdsl explain",
        add=_add_explain,
    ),
)
"""The commands, in the order of the help."""
