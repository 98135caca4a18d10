"""The model spectrum: fully pooled, partially pooled and fully unpooled fits side by side, and what lies between them.

Stage: results. Input: a fit, and what fits the two ends of its spectrum. Output: a `Spectrum`. Invariants: all fits are
of the same data; an end that was not fitted is not there, and a note says why; the weighted means are those of
`hdsl.results.shrinkage`, given the parameters of the partially pooled fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.diagnostics import FitError, HMError
from hdsl.progress import progress
from hdsl.results.effects import Coefficients, effect_places
from hdsl.results.plots.chosen import chosen_set, effects_of
from hdsl.results.plots.words import columns_of
from hdsl.results.shrinkage import hosts, shrinkage

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.form.expr import IndexSet
    from hdsl.results.fitted import FittedModel
    from hdsl.results.plots.picture import Picture

__all__ = ["PARTS", "Spectrum", "spectrum"]

Floats = NDArray[np.float64]

PARTS = ("pooled", "partial", "unpooled")
"""The fits, in order."""

MOST_VALUES = {True: 20_000_000, False: 500_000}
"""Rows times coefficients up to which the unpooled model is fitted unasked: of Gaussian outcomes, and of others."""

MOST_PRINTED = 20
"""Groups that are printed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spectrum:
    """Three fits side by side, and the shrinkage of each group; prints.

    Attributes
    ----------
    index : str
        The columns of the groups.
    fits : mapping from str to FittedModel
        ``"pooled"``, ``"partial"``, ``"unpooled"``, as far as they were fitted.
    measures : DataFrame
        A row for each fit: `coefficients` (fixed ones), `dof`, `deviance`, `aic`, `bic` (not under REML, whose criteria
        are not comparable where fixed parts differ), and for Gaussian outcomes the residual `sd`.
    coefficients : DataFrame
        Estimate and standard error of the fixed effects in each fit, but for those of the groups.
    shrinkage : DataFrame
        A row for each coefficient of each group: `coefficient`, `rows`, `pooled` (the value that the pooled fit gives
        it), `mean` (what the partially pooled model says without the group's rows), `own` (what these say alone),
        `own_se`, `estimate`, `unpooled` (the coefficient of the unpooled fit, where it has the same), `weight`. With
        one coefficient of a Gaussian outcome ``estimate = weight*own + (1 - weight)*mean``, without a level within the
        groups ``weight = (n_j/s0^2)/(n_j/s0^2 + 1/s1^2)``; else the weight is ``1 - Var(b | rows)/s1^2``.
    is_exact : bool
        Whether the estimate is that weighted mean exactly.
    notes : tuple of str
        What was not fitted, and why.
    """

    index: str
    fits: Mapping[str, FittedModel]
    measures: pd.DataFrame
    coefficients: pd.DataFrame
    shrinkage: pd.DataFrame
    is_exact: bool
    notes: tuple[str, ...]

    def plot(self) -> Picture:
        """Return the picture of the shrinkage: own estimates, what they are drawn to, estimates."""
        from hdsl.results.plots.shrinkage import picture

        return picture(self.fits["partial"].design, self.shrinkage, self.index, is_exact=self.is_exact)

    def __str__(self) -> str:
        weights = self.shrinkage.head(MOST_PRINTED)
        more = len(self.shrinkage) - len(weights)
        how = "estimate = weight*own + (1 - weight)*mean" if self.is_exact else ("weight = 1 - Var(b | rows) / Var(b)")
        parts = [
            f"Fits\n{_text(self.measures)}",
            f"Coefficients\n{_text(self.coefficients)}",
            f"Shrinkage by {self.index}: {how}\n{_text(weights)}" + (f"\n.. and {more:,} more" if more else ""),
            *self.notes,
        ]
        return "\n\n".join(parts)

    def __repr__(self) -> str:
        return str(self)


def _text(frame: pd.DataFrame) -> str:
    return frame.to_string(float_format="{:.5g}".format, na_rep="")


def spectrum(fit: FittedModel, index: str | None, *, unpooled: bool | None) -> Spectrum:
    """Return the spectrum of a fit; see `FittedModel.spectrum`."""
    index_set = chosen_set(fit.design, index)
    with progress("fitting the ends of the spectrum"):
        fits, notes = _fits(fit, unpooled=unpooled)
    if fit.method == "reml":
        notes.append("no deviances: criteria of REML are not comparable where fixed parts differ, those of ML are")
    effects = effects_of(fit.design, index_set)
    table = shrinkage(fit.design, fit.outcome, effects)
    if "pooled" in fits:
        table.insert(2, "pooled", _pooled(fit, fits["pooled"], effects))
    if "unpooled" in fits:
        table.insert(len(table.columns) - 1, "unpooled", _unpooled(fit, fits["unpooled"], table))
    table = table.dropna(axis=1, how="all")
    return Spectrum(
        index=columns_of(fit.design, index_set),
        fits=fits,
        measures=_measures(fits),
        coefficients=_coefficients(fits, index_set),
        shrinkage=table,
        is_exact=is_exact(fit, index_set),
        notes=tuple(notes),
    )


def is_exact(fit: FittedModel, index_set: IndexSet) -> bool:
    """Whether estimates of an index set are weighted means of two numbers each: one effect, a Gaussian outcome."""
    return fit.design.plan.density is None and len(effects_of(fit.design, index_set)) == 1


def _fits(fit: FittedModel, *, unpooled: bool | None) -> tuple[dict[str, FittedModel], list[str]]:
    """Return the fits that there are, in the order of the spectrum, and why there are not the others."""
    found, notes = {"partial": fit}, []
    for name in ("pooled", "unpooled"):
        why = _why_not(fit, name, asked=unpooled)
        if not why:
            assert fit.end is not None
            try:
                found[name] = fit.end(name)
            except HMError as error:
                why = error.message
        if why:
            notes.append(f"{name} model not fitted: {why}")
    return {name: found[name] for name in PARTS if name in found}, notes


def _why_not(fit: FittedModel, name: str, *, asked: bool | None) -> str:
    """Return why an end of the spectrum is not fitted; an empty text where it is."""
    if fit.end is None:
        return "a fit that was loaded has no data to fit it to"
    if name == "pooled":
        return ""
    if asked is False:
        return "it was not asked for"
    if any(fit.design.form.row in block.index_set for block in fit.design.form.blocks):
        return "each row would have a coefficient of its own"
    groups = [len(levels) * t.width for levels, t in zip(fit.design.levels, fit.design.plan.re_terms, strict=True)]
    columns = len(fit.fixef) + max(groups)
    if asked or fit.nobs * columns <= MOST_VALUES[fit.design.plan.density is None]:
        return ""
    return f"it has some {columns:,} coefficients for {fit.nobs:,} rows, `unpooled=True` fits it nonetheless"


def _pooled(fit: FittedModel, pooled: FittedModel, effects: tuple[str, ...]) -> Floats:
    """Return the value of each group's coefficient in the pooled fit; NaN where that has no such coefficient."""
    known, own = pooled.fixef, set(fit.fixef.index)  # a column that was dropped for rank is in neither
    beta = np.array([known.get(n, np.nan if n in own else 0.0) for n in fit.design.fixed_labels], dtype=float)
    values, moved = (_means(fit, np.where(np.isnan(beta), fill, beta), effects) for fill in (0.0, 1.0))
    return np.where(values == moved, values, np.nan)  # what moves is of a coefficient that the pooled fit has not


def _means(fit: FittedModel, beta: Floats, effects: tuple[str, ...]) -> Floats:
    """Return the mean of each group's coefficient at some fixed effects, with all random effects at zero."""
    zero = tuple(np.zeros_like(modes) for modes in fit.outcome.modes)
    tables = Coefficients(design=fit.design, outcome=replace(fit.outcome, beta=beta, modes=zero))
    parts = []
    for effect, host in hosts(fit.design, effects).items():
        try:
            parts.append(tables.mean(host))
        except FitError:
            parts.append(np.zeros(len(fit.design.levels[effect_places(fit.design)[effect][0]])))
    return np.concatenate(parts)


def _unpooled(fit: FittedModel, unpooled: FittedModel, table: pd.DataFrame) -> Floats:
    """Return the coefficients of the unpooled fit; NaN where these are not the same as the groups' coefficients.

    They are not where a coefficient is a deviation from zero, whose group the mean goes into, and where sets are
    crossed: their levels are then differences from one that was set to zero.
    """
    given = {symbol for symbol, labels in fit.design.zeroed.items() if labels}
    is_shifted = any(labels and symbol not in given for symbol, labels in unpooled.design.zeroed.items())
    is_deviation = (table["mean"] == 0.0).groupby(table["coefficient"].to_numpy()).transform("all").to_numpy()
    labels = [label if isinstance(label, tuple) else (label,) for label in table.index]
    names = [f"{n.partition('[')[0]}[{','.join(label)}]" for n, label in zip(table["coefficient"], labels, strict=True)]
    found = unpooled.fixef.reindex(names).to_numpy()
    return np.where(is_deviation | is_shifted, np.nan, found)


def _measures(fits: Mapping[str, FittedModel]) -> pd.DataFrame:
    import pandas as pd

    is_comparable = all(fit.method != "reml" for fit in fits.values())
    columns = ("dof", "deviance", "aic", "bic") if is_comparable else ("dof",)
    table = pd.DataFrame(
        {name: [getattr(fit, c) for c in columns] for name, fit in fits.items()}, index=list(columns)
    ).T
    table = table.astype({"dof": int})
    table.insert(0, "coefficients", [len(fit.fixef) for fit in fits.values()])
    if all(fit.design.plan.density is None for fit in fits.values()):
        table["sd"] = [fit.outcome.sigma for fit in fits.values()]
    return table.rename_axis("fit")


def _coefficients(fits: Mapping[str, FittedModel], index_set: IndexSet) -> pd.DataFrame:
    """Return fixed effects of the fits, but for the groups' own coefficients in the unpooled one."""
    import pandas as pd

    known = dict.fromkeys(name for part in PARTS[:2] if part in fits for name in fits[part].fixef.index)
    columns = {
        (part, what): values.reindex(list(known))
        for part, fit in fits.items()
        if set(known) & set(fit.fixef.index)
        for what, values in (("estimate", fit.fixef), ("se", fit.bse[: len(fit.fixef)]))
    }
    return pd.DataFrame(columns, index=list(known))
