"""A model as another system's code: the way out as one call.

Stage: bridge, way out. Input: a `Model`, a target, data or none. Output: text of a script or program. Invariant: the
code says the same model, or there is an error that says what the target cannot say.
"""

from __future__ import annotations

from hdsl.bridge.parts import Refusals, take_apart
from hdsl.bridge.pymc import write_pymc
from hdsl.bridge.r import write_r
from hdsl.bridge.reading import find_data
from hdsl.bridge.stan import stan_values, write_stan
from hdsl.model import Model

__all__ = ["TARGETS", "export", "stan_data"]

TARGETS: dict[str, str] = {"lme4": "lme4", "glmmTMB": "glmmTMB", "brms": "brms", "stan": "Stan", "pymc": "PyMC"}
"""Systems by their name on the command line, and as they are written."""


def export(model: Model, to: str, data: object = None, *, method: str = "ml") -> str:
    """Return the code of another system for the same model.

    Parameters
    ----------
    model : Model
    to : {"lme4", "glmmTMB", "brms", "stan", "pymc"}
    data : path, dict of paths, or frame, optional
        Where the script reads its data from; by default from ``data.csv``.
    method : {"ml", "reml"}
        What lme4 and glmmTMB are asked for. Stan and PyMC code has flat priors, brms adds its own.

    Returns
    -------
    str
        An R script, a Stan program, or a Python script.

    Raises
    ------
    ModelError
        HM014, for everything that the system cannot say.
    DataError
        HM414, when the data cannot be read.
    ValueError
        When `to` or `method` is none of these.
    """
    if to not in TARGETS:
        raise ValueError(f"to must be one of {', '.join(TARGETS)}, not {to!r}")
    if method not in ("ml", "reml"):
        raise ValueError(f'method must be "ml" or "reml", not {method!r}')
    refusals = Refusals(model.form, TARGETS[to])
    parts = take_apart(model.form, refusals)
    source = find_data(model.form, data)
    if to in ("stan", "pymc") and method == "reml":
        refusals.refuse("restricted maximum likelihood", model.form.outcome.span, 'use method="ml"')
        refusals.end()
    match to:
        case "stan":
            return write_stan(parts, refusals)
        case "pymc":
            return write_pymc(parts, source, refusals)
        case _:
            return write_r(parts, to, source, refusals, reml=method == "reml")


def stan_data(model: Model, data: object) -> dict[str, object]:
    """Return the values of the data block of the Stan program that `export` gives, ready for JSON.

    Parameters
    ----------
    model : Model
        One that hdsl fits: its data are bound as for a fit.
    data : path, frame, or dict of level tables

    Raises
    ------
    ModelError
        HM014.
    DataError, FitError
        As `Model.bind`.
    """
    refusals = Refusals(model.form, TARGETS["stan"])
    parts = take_apart(model.form, refusals)
    return stan_values(parts, model.bind(data), refusals)
