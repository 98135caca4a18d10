"""A fit as three frames with the columns of R's broom and broom.mixed: parameters, the fit as a whole, its rows.

Stage: results. Input: a fit. Output: frames. Invariants: names of columns are broom's; names of parameters, effects and
levels are the user's.

References
----------
Robinson, Hayes and Couch, broom; Bolker and Robinson, broom.mixed: R packages, which gave the columns their names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hdsl.diagnostics import FitError
from hdsl.form.expr import show_index_set, show_symbol
from hdsl.results.effects import effect_index_sets
from hdsl.results.parameters import Entry
from hdsl.results.predicting import is_ordered
from hdsl.results.predicting.request import refusal
from hdsl.results.tables import RESIDUAL

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.results.face.groups import Groups
    from hdsl.results.face.rows import Rows

__all__ = ["augment", "glance", "tidy"]

PLAIN = re.compile(r"(?P<name>[^\W\d]\w*)\[[\w, ]+\]")
"""The symbol of a column."""

EFFECTS = ("fixed", "ran_pars", "ran_vals")
"""Fixed effects with all else that is estimated but the random part; the random part's parameters; its values."""


def tidy(fit: Rows, effects: Sequence[str], level: float, method: str) -> pd.DataFrame:
    """Return a row for each parameter, or for each random effect of each group.

    Raises
    ------
    FitError
        HM510 for what is not among `EFFECTS`, HM507 and HM510 as for intervals.
    """
    import pandas as pd

    unknown = [name for name in effects if name not in EFFECTS]
    if unknown:
        raise FitError([refusal(f"there is no {unknown[0]!r}: ask for {', '.join(EFFECTS)}", "write `effects=[..]`")])
    parts = [_parameters(fit, level, method, effects)] if set(effects) & {"fixed", "ran_pars"} else []
    if "ran_vals" in effects:
        parts.append(_values(fit))
    if not parts:
        raise FitError([refusal("`effects` is empty: leave it out, or name some", f"there are {', '.join(EFFECTS)}")])
    return pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]


def _parameters(fit: Rows, level: float, method: str, effects: Sequence[str]) -> pd.DataFrame:
    """Return the estimates, with intervals of those that are asked for alone."""
    import pandas as pd

    table = fit.parameters
    kinds = list(_kinds(fit))
    asked = ["ran_pars" if kind == "ran_pars" else "fixed" for kind, _ in kinds]
    chosen = [place for place, part in enumerate(asked) if part in effects]
    names = [table.names[place] for place in chosen]
    bounds = fit.conf_int(level, method, names=names).to_numpy()
    return pd.DataFrame(
        {
            "effect": [kinds[place][0] for place in chosen],
            "group": [kinds[place][1] for place in chosen],
            "term": names,
            "estimate": table.values[chosen],
            "std.error": table.se[chosen],
            "statistic": fit.tvalues.to_numpy()[chosen],
            "df": fit.df.to_numpy(dtype=float)[chosen],
            "p.value": fit.pvalues.to_numpy()[chosen],
            "conf.low": bounds[:, 0],
            "conf.high": bounds[:, 1],
        }
    )


def _kinds(fit: Rows) -> Iterator[tuple[str, str | None]]:
    """Yield effect and group of each parameter, in the order of their names; a scalar's effect is its role."""
    table = fit.parameters
    yield from (("fixed", None) for _ in table.fixed)
    yield from ((scalar.role, None) for scalar in fit.design.scalars)
    yield from (("ran_pars", _group(fit, entry)) for entry in table.variance.values())
    yield from (("ran_pars", RESIDUAL.capitalize()) for _ in table.residual)


def _group(fit: Rows, entry: Entry) -> str:
    factor, row, _ = entry
    term = fit.design.plan.re_terms[factor]
    effect = next(e for block in term.blocks for e, at in zip(block.effects, block.columns, strict=True) if at == row)
    return show_index_set(effect_index_sets(fit.design)[effect])


def _values(fit: Rows) -> pd.DataFrame:
    """Return the random effects, a row for each group of each."""
    import pandas as pd

    groups: Groups = fit  # type: ignore[assignment]
    sets = effect_index_sets(fit.design)
    parts = [
        pd.DataFrame(
            {
                "effect": "ran_vals",
                "group": show_index_set(sets[effect]),
                "level": [_label(label) for label in frame.index],
                "term": effect,
                "estimate": frame["estimate"].to_numpy(),
                "std.error": frame["se"].to_numpy(),
            }
        )
        for effect, frame in groups.ranef.items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["effect", "group", "level", "term"])


def _label(label: Any) -> str:
    return ":".join(map(str, label)) if isinstance(label, tuple) else str(label)


def glance(fit: Rows) -> pd.DataFrame:
    """Return the fit as a whole, one row."""
    import pandas as pd

    restricted = fit.method == "reml"
    values: dict[str, Any] = {
        "nobs": fit.nobs,
        "sigma": fit.outcome.sigma,
        "logLik": fit.loglik,
        "AIC": fit.aic,
        "BIC": fit.bic,
        "REMLcrit" if restricted else "deviance": fit.deviance,
        "df.residual": fit.nobs - fit.dof,
        "method": fit.method,
        "status": fit.status,
        "converged": fit.converged,
    }
    if math.isnan(fit.outcome.sigma):
        del values["sigma"]
    return pd.DataFrame([values])


def _column(symbol: str) -> str:
    """Return the column of a covariate that is one, ``x`` of ``x[i]``; an expression is named by itself."""
    plain = PLAIN.fullmatch(symbol)
    return symbol if plain is None else plain["name"]


def augment(fit: Rows) -> pd.DataFrame:
    """Return the rows that were used: outcome, covariates, groups, and what the fit says of each."""
    import pandas as pd

    design, arrays = fit.design, fit.design.arrays
    outcome = design.form.outcome
    symbol = show_symbol(outcome.name, outcome.index_set)
    columns: dict[str, Any] = {f"{outcome.transform}({symbol})" if outcome.transform else outcome.name: arrays.y}
    columns |= dict(zip(map(_column, arrays.x_symbols), arrays.x, strict=True))
    for factor, term in enumerate(design.plan.re_terms):
        labels = np.array([_label(label) for label in design.levels[factor]], dtype=object)
        columns[show_index_set(term.index_set)] = labels[arrays.groups[factor]]
    columns[".fitted"] = fit.predict(scale="link").to_numpy()
    columns[".fixed"] = fit.predict(scale="link", include=None).to_numpy()
    if not is_ordered(design):
        columns[".resid"] = fit.residuals.to_numpy()
        if design.plan.density is not None:
            columns[".mu"] = fit.fitted.to_numpy()
    return pd.DataFrame(columns, index=design.row_labels)
