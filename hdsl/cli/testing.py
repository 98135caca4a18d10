"""``hdsl compare`` and the tests of ``hdsl fit``.

Input: parsed arguments, fits. Output: an exit status, text or JSON on standard output. Invariant: what is tested is
named as in the Python face.
"""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from hdsl.cli.files import STDIN, UsageError, read_data, read_source
from hdsl.cli.output import print_json, print_text
from hdsl.cli.records import records
from hdsl.cli.stopping import whole

if TYPE_CHECKING:
    from hdsl.results import FittedModel

__all__ = ["inference_record", "inference_text", "run_compare", "tests_record", "tests_text"]

OK = 0


def run_compare(arguments: Namespace) -> int:
    """Fit two models to the same data and test one against the other by their likelihoods."""
    if arguments.a == arguments.b == STDIN:
        raise UsageError("only one of the two models can be standard input")
    data = read_data(arguments.data)

    from hdsl.algebra.ratio import compare
    from hdsl.model import Model

    sources = [read_source(name) for name in (arguments.a, arguments.b)]
    models = [Model(source.text, name=source.name, cache=not arguments.no_cache) for source in sources]
    fits = [whole(model.fit(data, method=arguments.method, na=arguments.na)) for model in models]
    found = compare(*fits, bootstrap=arguments.bootstrap, seed=arguments.seed)
    if arguments.json:
        pairs = zip(found.restrictions, found.references, strict=True)
        tests = [{"restrictions": list(restrictions), "reference": words} for restrictions, words in pairs]
        print_json({"ok": True, "table": records(found.table.reset_index()), "tests": tests})
    else:
        print_text(str(found))
    return OK


def inference_text(fit: FittedModel, arguments: Namespace) -> str:
    """Return the table of a chosen method."""
    from hdsl.results.inference.wald import WORDS
    from hdsl.results.listing import listing

    return "\n" + listing(f"Fixed effects, {WORDS[arguments.df]}", fit.inference(arguments.df))


def inference_record(fit: FittedModel, arguments: Namespace) -> dict[str, object]:
    """Return the same as plain values."""
    return {"inference": records(fit.inference(arguments.df).rename_axis("name").reset_index())}


def tests_text(fit: FittedModel, arguments: Namespace) -> str:
    """Return the tests that were asked for."""
    return "".join(f"\n{fit.test(text, arguments.df)}\n" for text in arguments.test)


def tests_record(fit: FittedModel, arguments: Namespace) -> dict[str, object]:
    """Return the same as plain values."""
    tests = [(text, fit.test(text, arguments.df)) for text in arguments.test]
    names = ("name", "statistic", "df", "df_denominator", "p", "method")
    return {"tests": [{"hypothesis": text, **{name: getattr(test, name) for name in names}} for text, test in tests]}
