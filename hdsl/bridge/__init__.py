"""Formulas in, other systems' code out.

`from_formula` and `formula_text` read a formula as R's packages write it and give the model level by level; `export`
writes the code of lme4, glmmTMB, brms, Stan or PyMC for a model, or says why that system cannot say it.
"""

from __future__ import annotations

from hdsl.bridge.exporting import TARGETS, export, stan_data
from hdsl.bridge.importing import formula_text, from_formula

__all__ = ["TARGETS", "export", "formula_text", "from_formula", "stan_data"]
