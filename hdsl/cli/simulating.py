"""``hdsl simulate`` and ``hdsl power``: data sets from a model file alone.

Input: parsed arguments. Output: an exit status; a CSV table or the power on standard output. Invariant: a word that
cannot be read is wrong usage; what the model lacks is told by the model.
"""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hdsl.cli.files import UsageError, read_source, write_whole
from hdsl.cli.output import print_diagnostics, print_json, print_text
from hdsl.progress import told_interrupted

if TYPE_CHECKING:
    from hdsl.model import Model

__all__ = ["run_power", "run_simulate"]

OK = 0

CALL = re.compile(r"\s*(?P<name>\w+)\s*\((?P<arguments>.*)\)\s*", re.DOTALL)
LISTS = ("choice", "cycle")
"""Ways to make values whose arguments are one list."""


def run_simulate(arguments: Namespace) -> int:
    """Draw a data set and write it as CSV."""
    model = _model(arguments)
    data = model.simulate(*_scenario(arguments), seed=arguments.seed)
    text = data.to_csv(index=False)
    if arguments.output is None:
        print_text(text.rstrip("\n"))
    else:
        write_whole(arguments.output, lambda file: file.write(text.encode("utf-8")))
    return OK


def run_power(arguments: Namespace) -> int:
    """Print the power of a test."""
    model = _model(arguments)
    parameters, sizes, covariates = _scenario(arguments)
    found = model.power(
        parameters,
        sizes,
        arguments.test,
        covariates,
        n_simulations=arguments.simulations,
        alpha=arguments.alpha,
        seed=arguments.seed,
        method=arguments.method,
    )
    if not arguments.json:
        print_text(str(found))
        return OK
    low, high = found.interval
    pairs = zip(found.failures.index.tolist(), found.failures.tolist(), strict=True)
    failures = [{"data_set": place, "message": text} for place, text in pairs]
    record = {"ok": True, "power": found.power, "lower": low, "upper": high, "n": found.n, "rejected": found.rejected}
    more = {"alpha": found.alpha, "seed": found.seed, "failures": failures, "interrupted": told_interrupted()}
    print_json({**record, **more})
    return OK


def _model(arguments: Namespace) -> Model:
    from hdsl.model import Model

    source = read_source(arguments.model)
    model = Model(source.text, name=source.name)
    print_diagnostics(model.diagnostics)
    return model


def _scenario(arguments: Namespace) -> tuple[dict[str, float], dict[str, Any], dict[str, Any]]:
    """Return parameters, sizes and covariates."""
    parameters = {name: _number(name, value) for name, value in _pairs(arguments.parameters)}
    sizes = {name: _size(name, value) for name, value in _pairs(arguments.sizes)}
    return parameters, sizes, {name: _covariate(value) for name, value in _pairs(arguments.covariates)}


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    """Split ``name=value`` at the last sign of equality outside of the value; names may have brackets."""
    found = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise UsageError(f"each value needs its name: `name=value`, not {word!r}")
        found.append((name.strip(), value.strip()))
    return found


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"the value of {name!r} is no number: {value!r}") from None


def _size(name: str, value: str) -> int | list[int]:
    try:
        sizes = [int(part) for part in value.split(",")]
    except ValueError:
        raise UsageError(f"the size of {name!r} is no whole number: {value!r}") from None
    return sizes[0] if len(sizes) == 1 else sizes


def _covariate(value: str) -> Any:
    """Return a number, a text, or a tuple of a distribution and its arguments: ``normal(0, 1)``."""
    call = CALL.fullmatch(value)
    if call is None:
        return _plain(value)
    parts = [_plain(part.strip()) for part in call["arguments"].split(",")]
    return (call["name"], parts) if call["name"] in LISTS else (call["name"], *parts)


def _plain(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip("\"'")
