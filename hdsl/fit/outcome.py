"""What a fit ends with: estimates on the user's scale and how the optimizer got there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["FitOutcome", "Status"]

Status: TypeAlias = Literal["converged", "boundary", "not converged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOutcome:
    """The optimum of a Gaussian model.

    Attributes
    ----------
    method : {"ml", "reml"}
    theta : ndarray, (n_theta,)
        Entries of the relative covariance factors, scale of the user's columns.
    sigma : float
        Residual standard deviation.
    beta : ndarray, (p,)
        Fixed effects, user's columns; NaN for a column dropped for rank.
    cov_beta : ndarray, (p, p)
        Covariance given theta (generalised least squares); NaN rows for dropped columns.
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
        in the order of `variance_parameters`; NaN for those on the boundary.
    variance_parameters : tuple of (int, int, int)
        For each free parameter: grouping factor, row, column of a covariance entry (row == column: a standard
        deviation). Sigma is not listed but is the last row of `variance_cov`.
    objective : float
        -2 log-likelihood, or -2 restricted log-likelihood, at the optimum, user's scale.
    logdet, r2 : float
        log det(Lambda'Z'Z Lambda + I) and the penalised residual sum of squares.
    n_evaluations : int
    gradient_norm : float
        Newton decrement at the end.
    status : {"converged", "boundary", "not converged"}
    message : str
    boundary : tuple of (int, int, int)
        Entries like `variance_parameters` that are on their edge (standard deviation 0, correlation -1 or 1).
    """

    method: Literal["ml", "reml"]
    theta: NDArray[np.float64]
    sigma: float
    beta: NDArray[np.float64]
    cov_beta: NDArray[np.float64]
    aliased: tuple[int, ...]
    sd: tuple[NDArray[np.float64], ...]
    cor: tuple[NDArray[np.float64], ...]
    modes: tuple[NDArray[np.float64], ...]
    mode_cov: tuple[NDArray[np.float64], ...]
    variance_cov: NDArray[np.float64]
    variance_parameters: tuple[tuple[int, int, int], ...]
    objective: float
    logdet: float
    r2: float
    n_evaluations: int
    gradient_norm: float
    status: Status
    message: str
    boundary: tuple[tuple[int, int, int], ...]
