"""Between the standardised columns of a criterion and the user's: covariances, their factors, coefficients.

Input: what a criterion has, the ways from one scale to the other. Output: the same quantities on the other scale.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hdsl.fit.covariance import theta_of_roots
from hdsl.fit.standardise import Floats
from hdsl.plan import Plan

__all__ = ["UsersCoefficients", "UsersCovariances"]


class UsersCovariances:
    """Covariances of the random effects of a criterion: with ``Z = Z* T`` the user's are T^-1 Sigma T'^-1.

    Relative to sigma^2 where the criterion's are.
    """

    __slots__ = ()

    plan: Plan
    T: tuple[Floats, ...]

    def user_sigmas(self, factors: Sequence[Floats]) -> list[Floats]:
        """Return the covariances of the user's columns."""
        return [root @ root.T for root in self._user_roots(factors)]

    def user_theta(self, factors: Sequence[Floats]) -> Floats:
        """Return theta of the user's columns."""
        return theta_of_roots(self.plan, self._user_roots(factors))

    def theta_from(self, roots: Sequence[Floats]) -> Floats:
        """Return theta of the standardised columns from roots of covariances of the user's columns."""
        return theta_of_roots(self.plan, [T @ root for T, root in zip(self.T, roots, strict=True)])

    def _user_roots(self, factors: Sequence[Floats]) -> list[Floats]:
        return [np.asarray(np.linalg.solve(T, L), dtype=float) for T, L in zip(self.T, factors, strict=True)]


class UsersCoefficients:
    """Coefficients of a criterion whose vector has them: ``beta = to_user beta*`` for the columns that are kept."""

    __slots__ = ()

    kept: list[int]
    to_user: Floats

    def beta_from(self, beta: Floats) -> Floats:
        """Return coefficients of kept, standardised columns from those of the user's, (n_columns,); NaN counts as 0."""
        return np.asarray(np.linalg.solve(self.to_user, np.nan_to_num(beta)[self.kept]), dtype=float)
