"""Groups of a fit: how many there are, their effects and their own coefficients.

Stage: results. Input: a `Design` and a `FitOutcome`. Output: mappings from printed symbols to frames.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from hdsl.form.expr import show_index_set
from hdsl.results.effects import Coefficients, EffectTables, effect_places, mode_table
from hdsl.results.face.core import Core

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

__all__ = ["Groups"]


class Groups(Core):
    """Groups of a fit; see `hdsl.results.FittedModel`."""

    @property
    def n_groups(self) -> dict[str, int]:
        """Number of units of each index set, ``{"j": 160}``."""
        return {show_index_set(index_set): count for index_set, count in self.design.group_counts.items()}

    @cached_property
    def ranef(self) -> Mapping[str, pd.DataFrame]:
        """Conditional modes by effect: ``ranef["u0[j]"]`` has `estimate` and `se` for each group.

        Standard errors are given the parameters. For ``beta0[j] ~ normal(m, sd)`` these are deviations from ``m``.
        """
        effects = tuple(effect_places(self.design))
        return EffectTables(self.design.form, effects, lambda effect: mode_table(self.design, self.outcome, effect))

    @cached_property
    def coef(self) -> Mapping[str, pd.DataFrame]:
        """The groups' own coefficients: ``coef["beta0[j]"]`` has `estimate`, mean plus deviation, for each group.

        Those that a definition gives (``b0[j] = g0 + g1*z[j] + u0[j]``) are there too.
        """
        tables = Coefficients(design=self.design, outcome=self.outcome)
        return EffectTables(self.design.form, (*tables.places, *tables.derived), tables.table)
