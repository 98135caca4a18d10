"""The catalogue of diagnostic codes: one row each, by family.

HM0xx text and syntax, HM1xx names, HM2xx levels, HM3xx identification, HM4xx data, HM5xx estimation, HM9xx internal.
"""

from __future__ import annotations

__all__ = ["CODES"]

CODES: dict[str, str] = {
    # 0xx text and syntax
    "HM001": "unexpected text",
    "HM002": "a bracket or string is not closed",
    "HM003": "a character that the language does not have",
    "HM004": "not a statement",
    "HM005": "formula notation is not part of the language",
    "HM006": "unknown distribution",
    "HM007": "wrong arguments of a distribution",
    "HM008": "unknown function or link",
    "HM009": "nested too deeply",
    "HM010": "not UTF-8 text, or no text at all",
    "HM012": "a formula that cannot be read",
    "HM013": "a formula that the language cannot say",
    "HM014": "a model that another system cannot say",
    # 1xx names
    "HM101": "declared twice",
    "HM102": "an index name is used as a value",
    "HM103": "defined in a circle",
    "HM104": "no outcome",
    "HM106": "a name that is used as two things",
    "HM107": "an indexed name without a statement bears the name of a coefficient",
    "HM108": "a coefficient that no statement uses",
    "HM110": "a string where a value is needed",
    "HM118": "a term that the model does not have",
    "HM119": "what leaves a model with a change to it",
    # 2xx levels
    "HM201": "an index is declared in a circle",
    "HM202": "the row index is declared twice",
    "HM203": "a finer quantity on the right of a coarser statement",
    "HM204": "an aggregate over the left side's own units",
    "HM206": "coefficients of one joint statement have different index sets",
    "HM208": "an index over several columns",
    # 3xx identification
    "HM301": "two intercepts of which only the sum counts",
    "HM302": "two effects with the same covariate in the same groups",
    "HM303": "a row-level effect beside a Gaussian residual",
    "HM304": "an outcome without an error",
    "HM305": "two terms with the same covariates",
    "HM306": "a product without its lower-order terms",
    "HM307": "effects of one index set that are written apart",
    "HM308": "a parameter that several statements share",
    # 4xx data
    "HM401": "missing column",
    "HM402": "a covariate varies within its level",
    "HM403": "not nested as declared or needed",
    "HM404": "outcome outside its range",
    "HM405": "rows with missing values dropped",
    "HM406": "missing values refused",
    "HM407": "a column is not numeric",
    "HM408": "no rows are left",
    "HM409": "a column has the name of a coefficient or a definition",
    "HM410": "levels set to zero",
    "HM411": "columns dropped for rank",
    "HM412": "an unknown reference level",
    "HM413": "tables that do not join",
    "HM414": "unreadable data file",
    "HM415": "an index column cannot be ordered or is constant",
    "HM416": "a value that is not a finite number",
    "HM417": "a label that does not occur",
    "HM418": "a random slope whose covariate does not vary within groups",
    "HM419": "an index column that holds fractions",
    "HM420": "several index columns over one set of labels",
    "HM421": "fewer groups than parameters of their level",
    "HM422": "a label that the fit did not have",
    "HM423": "a category without rows",
    # 5xx estimation
    "HM501": "not fitted yet",
    "HM502": "no convergence",
    "HM503": "a variance or correlation is on its boundary",
    "HM504": "fewer rows than parameters",
    "HM505": "as many groups as rows",
    "HM506": "not a finite number",
    "HM507": "unknown method",
    "HM508": "unknown start value",
    "HM509": "too large for this method",
    "HM510": "a request that a fit cannot answer",
    "HM511": "an outcome that is fitted exactly",
    "HM512": "a notation that cannot say the model",
    "HM513": "a file that is no kept fit",
    "HM514": "no finite estimate",
    "HM515": "a simulation without a value that it needs",
    "HM516": "a fit by iterations",
    "HM517": "a picture that cannot be made",
    "HM518": "a rough approximation",
    "HM519": "no standard errors",
    # 9xx internal
    "HM901": "internal fault",
}
"""Title of every code."""
