"""What a fit ends with: estimates on the user's scale and how the optimizer got there.

What costs about as much as the search, and is not always read, is computed when it is first read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Generic, Literal, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from hdsl.fit.nearby import Nearby
from hdsl.fit.trouble import Trouble

__all__ = ["Deferred", "FitOutcome", "FixedVariation", "Method", "Status", "Stopped"]

Method: TypeAlias = Literal["ml", "reml", "laplace", "agq"]
Status: TypeAlias = Literal["converged", "boundary", "not converged"]
Stopped: TypeAlias = Literal["", "search", "errors"]
Value = TypeVar("Value")


class Deferred(Generic[Value]):
    """A field of a record that is given as its value, or as a callable that makes it when the field is first read.

    Parameters
    ----------
    default : optional
        The value of a field that is left out; without it the field has to be given.
    """

    def __init__(self, *default: Value) -> None:
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, record: None, owner: type) -> Deferred[Value]: ...

    @overload
    def __get__(self, record: object, owner: type) -> Value: ...

    def __get__(self, record: object | None, owner: type) -> Deferred[Value] | Value:
        if record is None:
            if not self.default:
                raise AttributeError(self.name)  # the field has no default
            return self.default[0]
        value = record.__dict__[self.name]
        if callable(value):
            value = record.__dict__[self.name] = value()
        return value  # type: ignore[no-any-return]

    def __set__(self, record: object, value: Value | Callable[[], Value]) -> None:
        record.__dict__[self.name] = value


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedVariation:
    """First-order variation of the covariance of the fixed effects.

    Attributes
    ----------
    slopes : ndarray, (m, r, r)
        Derivatives of the covariance of the r estimated fixed effects by m variance parameters, user's columns.
    parameters : ndarray, (m, m)
        Covariance of these variance parameters. They are those of `FitOutcome.variance_cov`, in that order, where all
        of them have a standard error.
    """

    slopes: NDArray[np.float64]
    parameters: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class FitOutcome:
    """The optimum of a model.

    Attributes
    ----------
    method : {"ml", "reml", "laplace", "agq"}
    theta : ndarray, (n_theta,)
        Entries of the covariance factors, scale of the user's columns; relative to sigma where there is one.
    sigma : float
        Residual standard deviation of a plan without a density; NaN for one with a density, whose scale parameters are
        among `beta`.
    beta : ndarray, (p,)
        Coefficients of all columns of `Plan.fixed`, user's columns; NaN for a column dropped for rank.
    cov_beta : ndarray, (p, p)
        Their covariance: of a plan without a density given theta (generalised least squares), else from the joint
        observed information; NaN rows for dropped columns. May be given as a callable.
    aliased : tuple of int
        Columns of X that were dropped because the columns before them span them.
    sd : tuple of ndarray
        For each grouping factor the standard deviations of its columns.
    cor : tuple of ndarray
        For each grouping factor the correlation matrix of its columns; NaN where a standard deviation is zero.
    modes : tuple of ndarray, each (n_levels, width)
        Conditional modes of the random effects, a grouping factor each.
    mode_cov : tuple of ndarray, each (n_levels, width, width)
        Their conditional covariance given theta and beta.
    variance_cov : ndarray
        Covariance from the joint observed information of (all free standard deviations and correlations, sigma last),
        in the order of `variance_parameters`; NaN for those on the boundary. A plan with a density has no sigma.
    cross_cov : ndarray, (p, number of variance parameters), or None
        Covariance of `beta` with them, of a plan with a density; None where the two blocks are taken apart.
    variance_parameters : tuple of (int, int, int)
        For each free parameter: grouping factor, row, column of a covariance entry (row == column: a standard
        deviation). Sigma is not listed but is the last row of `variance_cov`.
    fixed_variation : FixedVariation or None
        How the covariance of the fixed effects varies with (theta, sigma), which degrees of freedom follow from; None
        where it is not known, as of plans with a density.
    objective : float
        -2 log-likelihood, or -2 restricted log-likelihood, at the optimum, user's scale.
    logdet, r2 : float
        log det(Lambda'Z'Z Lambda + I) and the penalised residual sum of squares; with a density the weights of the rows
        stand in the determinant, and r2 is NaN.
    n_evaluations : int
    gradient_norm : float
        Newton decrement at the end; NaN where the search was interrupted.
    interrupted : {"", "search", "errors"}
        What the user stopped: the search, which is then "not converged", or what is computed when it is read. What of
        the covariances was not computed by then is NaN.
    certificate : float
        On a boundary, the least derivative of the objective by a variance where there is none: of a standardised column
        or a combination of them, relative to that of the residual. An optimum has none that is negative; NaN where
        every covariance matrix is regular.
    monte_carlo, objective_error : float
        Of a fit by iterations, whose traces are means over random signs: the largest Monte-Carlo error of a covariance
        parameter, in its standard errors, and that of the objective. Zero where both are exact.
    rounding : float
        Estimated rounding error of the objective, where it is large enough to be told; else 0.
    status : {"converged", "boundary", "not converged"}
    message : str
    boundary : tuple of (int, int, int)
        Entries like `variance_parameters` that are on their edge (standard deviation 0, correlation -1 or 1).
    troubles : tuple of Trouble
        What stands in the way of an estimate, in words by `Trouble.sentence`: parameters without an equation on an edge
        (the fit is then "boundary"), and what has no finite estimate or did not converge ("not converged").
    nodes : int or None
        Nodes of the quadrature for each random effect, with the method agq.
    nearby : Nearby or None
        Of a fit by Laplace's approximation, where quadrature would lead; None where that is not known.

    Notes
    -----
    `modes`, `mode_cov`, `cov_beta`, `variance_cov`, `cross_cov`, `fixed_variation` and `nearby` may be given as
    callables without arguments; they run when they are read.
    """

    method: Method
    theta: NDArray[np.float64]
    sigma: float
    beta: NDArray[np.float64]
    cov_beta: Deferred[NDArray[np.float64]] = Deferred()
    aliased: tuple[int, ...]
    sd: tuple[NDArray[np.float64], ...]
    cor: tuple[NDArray[np.float64], ...]
    modes: Deferred[tuple[NDArray[np.float64], ...]] = Deferred()
    mode_cov: Deferred[tuple[NDArray[np.float64], ...]] = Deferred()
    variance_cov: Deferred[NDArray[np.float64]] = Deferred()
    cross_cov: Deferred[NDArray[np.float64] | None] = Deferred()
    fixed_variation: Deferred[FixedVariation | None] = Deferred(None)
    variance_parameters: tuple[tuple[int, int, int], ...]
    objective: float
    logdet: float
    r2: float
    n_evaluations: int
    gradient_norm: float
    status: Status
    message: str
    boundary: tuple[tuple[int, int, int], ...]
    interrupted: Stopped = ""
    certificate: float = math.nan
    monte_carlo: float = 0.0
    objective_error: float = 0.0
    rounding: float = 0.0
    troubles: tuple[Trouble, ...] = ()
    nodes: int | None = None
    nearby: Deferred[Nearby | None] = Deferred(None)

    def changed(self, **fields: Any) -> FitOutcome:
        """Return the outcome with other values of some fields; what it defers stays deferred."""
        out = object.__new__(type(self))
        vars(out).update(vars(self) | fields)
        return out

    def as_stopped(self, interrupted: Stopped) -> FitOutcome:
        """Return the outcome as the user stopped it: covariances that were not computed by then are NaN."""
        p, k = len(self.beta), len(self.variance_parameters) + (not math.isnan(self.sigma))
        sizes = {"cov_beta": (p, p), "variance_cov": (k, k), "cross_cov": (p, k)}
        missing: dict[str, Any] = {name: np.full(size, np.nan) for name, size in sizes.items()}
        missing |= {"fixed_variation": None, "nearby": None}
        deferred = {name: value for name, value in missing.items() if callable(vars(self)[name])}
        return self.changed(**deferred, interrupted=interrupted)

    def __getstate__(self) -> dict[str, Any]:
        """Return every field with its value: what makes a value later cannot be copied to another process."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
