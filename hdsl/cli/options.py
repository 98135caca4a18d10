"""What each command takes: its arguments and options, with their help.

Input: a parser. Output: nothing; the arguments are added to it. Invariant: nothing is imported but the standard
library, so that ``hdsl --help`` is quick; words that other stages know are here again.
"""

from __future__ import annotations

from argparse import ArgumentParser

__all__ = [
    "FORMATS",
    "LIST",
    "PLOTS",
    "SECTIONS",
    "add_check",
    "add_compare",
    "add_diff",
    "add_emit",
    "add_explain",
    "add_export",
    "add_fit",
    "add_fmt",
    "add_import",
    "add_plan",
    "add_plot",
    "add_power",
    "add_predict",
    "add_report",
    "add_scan",
    "add_show",
    "add_simulate",
    "add_spectrum",
]

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


def _add_method(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--method",
        type=str.lower,
        choices=METHODS,
        help="maximum likelihood (ml) or restricted (reml); for outcomes that are not Gaussian laplace or agq",
    )
    parser.add_argument("--nodes", metavar="N", type=int, help="quadrature nodes for each random effect")


def _add_json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object, mistakes too")


def add_check(parser: ArgumentParser) -> None:
    """Add what ``hdsl check`` takes."""
    _add_model(parser)
    _add_missing(parser)
    _add_json(parser)


def add_fmt(parser: ArgumentParser) -> None:
    """Add what ``hdsl fmt`` takes."""
    parser.add_argument("models", metavar="MODEL", nargs="+", help="model files, or - for standard input")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--check", action="store_true", help="change nothing; exit with 1 if a file would change")
    where.add_argument("--stdout", action="store_true", help="print the result, leave the file alone")


def add_show(parser: ArgumentParser) -> None:
    """Add what ``hdsl show`` takes."""
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


def add_plan(parser: ArgumentParser) -> None:
    """Add what ``hdsl plan`` takes."""
    _add_model(parser)
    _add_method(parser)
    _add_crossed(parser)


def add_emit(parser: ArgumentParser) -> None:
    """Add what ``hdsl emit`` takes."""
    _add_model(parser)
    parser.add_argument("--standalone", action="store_true", help="a file that needs NumPy and SciPy alone")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the source to FILE")
    parser.add_argument("--arrays", metavar="FILE.npz", help="write the arrays that the source reads (needs DATA)")
    _add_missing(parser)


def add_fit(parser: ArgumentParser) -> None:
    """Add what ``hdsl fit`` takes."""
    _add_model(parser, data="+")
    _add_method(parser)
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


def add_plot(parser: ArgumentParser) -> None:
    """Add what ``hdsl plot`` takes."""
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


def add_spectrum(parser: ArgumentParser) -> None:
    """Add what ``hdsl spectrum`` takes."""
    _add_model(parser, data="+")
    parser.add_argument("--index", help="the index set whose groups are shown; default that with most groups")
    parser.add_argument("--unpooled", action="store_true", help="fit the unpooled model even if it is large")
    parser.add_argument("-o", "--output", metavar="FILE", help="draw the shrinkage into FILE (.png, .svg, .pdf, .csv)")
    _add_fitting(parser)
    _add_json(parser)


def add_report(parser: ArgumentParser) -> None:
    """Add what ``hdsl report`` takes."""
    parser.add_argument("model", metavar="MODEL", help=f"{MODEL_HELP}; or a fit that was kept (.hmfit), without DATA")
    parser.add_argument("data", metavar="DATA", nargs="*", help=DATA_HELP)
    parser.add_argument("-o", "--output", metavar="FILE.html", required=True, help="write the page to FILE.html")
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
    _add_fitting(parser)
    _add_cache(parser)


def add_compare(parser: ArgumentParser) -> None:
    """Add what ``hdsl compare`` takes."""
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


def add_diff(parser: ArgumentParser) -> None:
    """Add what ``hdsl diff`` takes."""
    parser.add_argument("a", metavar="A", help=MODEL_HELP)
    parser.add_argument("b", metavar="B", help="another one")
    parser.add_argument("data", metavar="DATA", nargs="*", help=DATA_HELP)
    _add_cache(parser)
    _add_json(parser)


def add_import(parser: ArgumentParser) -> None:
    """Add what ``hdsl import`` takes."""
    parser.add_argument("formula", metavar="FORMULA", help='in the notation of lme4: "y ~ x + (1 + x | school/class)"')
    parser.add_argument("data", metavar="DATA", nargs="*", help="tells which columns are factors, and of which level")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the model to FILE")
    parser.add_argument("--family", default="gaussian", help="gaussian (default), binomial, poisson, ..")
    parser.add_argument("--link", help="a link; by default that of the family in R")
    parser.add_argument("--factor", metavar="COLUMN", action="append", default=[], help="numbers that are a factor")
    parser.add_argument("--one-equation", action="store_true", help="write all covariates in the equation of the rows")


def add_export(parser: ArgumentParser) -> None:
    """Add what ``hdsl export`` takes."""
    _add_model(parser)
    parser.add_argument("--to", required=True, choices=EXPORTS, help="the system whose code to write")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the code to FILE")
    parser.add_argument("--method", choices=("ml", "reml"), default="ml", help="what lme4 and glmmTMB are asked for")
    parser.add_argument("--values", metavar="FILE.json", help="write the values of the Stan program's data block")


def add_scan(parser: ArgumentParser) -> None:
    """Add what ``hdsl scan`` takes."""
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


def add_simulate(parser: ArgumentParser) -> None:
    """Add what ``hdsl simulate`` takes."""
    _add_scenario(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="write the table to FILE (CSV)")


def add_power(parser: ArgumentParser) -> None:
    """Add what ``hdsl power`` takes."""
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


def add_predict(parser: ArgumentParser) -> None:
    """Add what ``hdsl predict`` takes."""
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


def add_explain(parser: ArgumentParser) -> None:
    """Add what ``hdsl explain`` takes."""
    parser.add_argument("code", metavar="CODE", nargs="?", help="a code such as HM203; without it all codes are listed")
