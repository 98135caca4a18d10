"""What a fit is made of, how it ended, and its likelihood: the first part of every fitted model.

Stage: results. Input: a `Design` and a `FitOutcome`. Output: the base that the other parts of a fitted model build on.
Invariants: making one costs nothing, each result is computed when it is first asked for.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hdsl.results import messages
from hdsl.results.parameters import ParameterTable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import pandas as pd

    from hdsl.design.record import Design
    from hdsl.diagnostics import Diagnostic
    from hdsl.fit.outcome import FitOutcome, Method, Status
    from hdsl.results.fitted import FittedModel

__all__ = ["Core"]


class Core:
    """Design and outcome of a fit, how it ended, its likelihood; see `hdsl.results.FittedModel`."""

    def __init__(
        self,
        design: Design,
        outcome: FitOutcome,
        remarks: tuple[Diagnostic, ...] = (),
        end: Callable[[str], FittedModel] | None = None,
    ) -> None:
        self.design = design
        self.outcome = outcome
        self.remarks = remarks
        self.end = end

    # ---------------------------------------------------------------- how it ended

    @property
    def method(self) -> Method:
        """The criterion that was optimised."""
        return self.outcome.method

    @property
    def converged(self) -> bool:
        """Whether the optimizer reached an optimum, in the interior or on a boundary."""
        return self.outcome.status != "not converged"

    @property
    def status(self) -> Status:
        """``"converged"``, ``"boundary"`` (converged, `boundary` names what is on its edge) or ``"not converged"``."""
        return self.outcome.status

    @cached_property
    def message(self) -> str:
        """How the fit ended, a sentence."""
        return messages.status_message(self.parameters)

    @property
    def boundary(self) -> tuple[str, ...]:
        """Names of the standard deviations and correlations on their edge."""
        return self.parameters.boundary

    @property
    def certificate(self) -> float:
        """On a boundary, the least derivative of the criterion by a variance that is zero; NaN elsewhere.

        It is not negative at an optimum (the Karush-Kuhn-Tucker condition). Variances are relative to the residual's,
        of standardised columns or combinations of them.
        """
        return self.outcome.certificate

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Warnings and notes of the data (HM4xx) and of the fit (HM5xx)."""
        return (*self.design.diagnostics, *messages.fit_diagnostics(self.parameters))

    @cached_property
    def parameters(self) -> ParameterTable:
        """Names, values and covariance of the estimated parameters."""
        return ParameterTable(design=self.design, outcome=self.outcome)

    # ---------------------------------------------------------------- likelihood

    @property
    def loglik(self) -> float:
        """Log-likelihood at the optimum; under REML the restricted one."""
        return -0.5 * self.outcome.objective

    @property
    def llf(self) -> float:
        """The same as `loglik`."""
        return self.loglik

    @property
    def deviance(self) -> float:
        """-2 `loglik`."""
        return self.outcome.objective

    @property
    def log_prior(self) -> float:
        """Log density of the priors at the optimum; a model without priors has 0."""
        return 0.0

    @property
    def criterion(self) -> float:
        """What was minimised: `deviance` - 2 `log_prior`."""
        return self.deviance - 2.0 * self.log_prior

    @property
    def dof(self) -> int:
        """Number of estimated parameters: rank of X, standard deviations and correlations, the residual's."""
        return self.parameters.dof

    @property
    def nobs(self) -> int:
        """Number of rows used."""
        return len(self.design.arrays.y)

    @property
    def aic(self) -> float:
        """Akaike's information criterion, `deviance` + 2 `dof`."""
        return self.deviance + 2.0 * self.dof

    @property
    def bic(self) -> float:
        """Schwarz's information criterion, `deviance` + log(`nobs`) `dof`; under REML with the same `nobs`, as lme4."""
        return self.deviance + float(np.log(self.nobs)) * self.dof

    # ---------------------------------------------------------------- inside

    def _rows(self, values: NDArray[np.float64], name: str) -> pd.Series[Any]:
        import pandas as pd

        return pd.Series(values, index=self.design.row_labels, name=name)
