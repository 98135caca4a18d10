"""The frames of a fit that take more than a line.

Stage: results. Input: a `ParameterTable` (or a fit). Output: pandas frames. Invariant: labels are the user's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hdsl.form.expr import show_index_set
from hdsl.results.effects import effect_index_sets

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.plan import CovarianceBlock
    from hdsl.results.fitted import FittedModel
    from hdsl.results.parameters import ParameterTable

__all__ = ["deviation_names", "parameter_roles", "tidy_table", "var_corr_table"]

RESIDUAL = "residual"
"""What the error is called where the model does not write it out."""


def var_corr_table(parameters: ParameterTable) -> pd.DataFrame:
    """Return the standard deviations and correlations of every random effect; the residual last, where there is one.

    Returns
    -------
    DataFrame
        `index_set`, `effect`, `sd`, then `cor1`, `cor2`, ..: correlations with the effects before it in its own block,
        NaN elsewhere.
    """
    import pandas as pd

    rows = [
        row
        for factor, term in enumerate(parameters.design.plan.re_terms)
        for block in term.blocks
        for row in _block_rows(parameters, factor, block)
    ]
    if parameters.residual:
        rows.append(_residual_row(parameters))
    width = max((len(row) for row in rows), default=3) - 3
    columns = ["index_set", "effect", "sd", *(f"cor{place + 1}" for place in range(width))]
    padded = [[*row, *[np.nan] * (len(columns) - len(row))] for row in rows]
    return pd.DataFrame(padded, columns=columns)


def _block_rows(parameters: ParameterTable, factor: int, block: CovarianceBlock) -> list[list[object]]:
    """Return a row for each effect of a block, with its correlations with the effects before it."""
    design = parameters.design
    index_sets = effect_index_sets(design)
    rows = []
    for place, (effect, column) in enumerate(zip(block.effects, block.columns, strict=True)):
        row: list[object] = [show_index_set(index_sets[effect]), effect, parameters.value((factor, column, column))]
        earlier = [(factor, column, other) for other in block.columns[:place]]
        row += [parameters.value(entry) for entry in earlier if entry in design.variance_names]
        rows.append(row)
    return rows


def _residual_row(parameters: ParameterTable) -> list[object]:
    form = parameters.design.form
    written = form.residual.effect if form.residual is not None else None
    return [form.row, written or RESIDUAL, parameters.outcome.sigma]


def deviation_names(parameters: ParameterTable) -> tuple[str, ...]:
    """Return the name of the standard deviation in each row of `var_corr_table`."""
    design = parameters.design
    entries = [
        (factor, column, column)
        for factor, term in enumerate(design.plan.re_terms)
        for block in term.blocks
        for column in block.columns
    ]
    return (*(design.variance_names.get(entry, design.residual_name) for entry in entries), *parameters.residual)


def tidy_table(fit: FittedModel) -> pd.DataFrame:
    """Return one row for each parameter.

    Returns
    -------
    DataFrame
        `name`, `role` (``"fixed"``, ``"sd"``, ``"correlation"``, ``"residual sd"``, or that of a parameter without an
        equation), `term` (composite term of a fixed effect), `estimate`, `se`, `z` (or `df` and `t`), `p`, `lower`,
        `upper` (95 %).
    """
    import pandas as pd

    parameters = fit.parameters
    n_blank = parameters.dof - len(parameters.fixed)
    terms = [fit.design.fixed_terms[column] for column in parameters.kept]
    columns: dict[str, Any] = {
        "name": list(parameters.names),
        "role": parameter_roles(parameters),
        "term": terms + [""] * n_blank,
        "estimate": parameters.values,
        "se": fit.bse.to_numpy(),
        **({} if fit.degrees.is_normal else {"df": fit.df.to_numpy()}),
        str(fit.tvalues.name): fit.tvalues.to_numpy(),
        "p": fit.pvalues.to_numpy(),
    }
    bounds = fit.conf_int().to_numpy()
    return pd.DataFrame(columns).assign(lower=bounds[:, 0], upper=bounds[:, 1])


def parameter_roles(parameters: ParameterTable) -> list[str]:
    """Return what each parameter is, in the order of their names."""
    return [
        *("fixed" for _ in parameters.fixed),
        *(scalar.role for scalar in parameters.design.scalars),
        *("sd" if row == column else "correlation" for _, row, column in parameters.variance.values()),
        *("residual sd" for _ in parameters.residual),
    ]
