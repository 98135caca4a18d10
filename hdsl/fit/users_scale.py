"""Between the standardised columns of a criterion and the user's: covariances, their factors, coefficients.

Input: what a criterion has, the ways from one scale to the other. Output: the same quantities on the other scale.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hdsl.fit.covariance import theta_of_roots
from hdsl.fit.standardise import Floats
from hdsl.plan import Plan
from hdsl.runtime import Nest

__all__ = ["UsersCoefficients", "UsersCovariances", "users_mode_covariances", "users_modes"]


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


def users_modes(plan: Plan, nest: Nest | None, T: Sequence[Floats], b: Sequence[Floats]) -> tuple[Floats, ...]:
    """Return the modes (J, q) of each factor, groups in the order of their codes, user's columns.

    Parameters
    ----------
    nest : Nest or None
        The order in which groups of the chain stand; None where there is no chain.
    T : sequence of ndarray
        ``Z = Z* T`` of each factor.
    b : sequence of ndarray, (q, 1, J)
        Of standardised columns.
    """
    return tuple(_in_order(plan, nest, f, (np.linalg.inv(own) @ b[f][:, 0]).T) for f, own in enumerate(T))


def users_mode_covariances(
    plan: Plan, nest: Nest | None, T: Sequence[Floats], V: Sequence[Floats]
) -> tuple[Floats, ...]:
    """Return the covariances (J, q, q) of the modes of each factor from those of standardised columns, (q, q, J)."""
    backs = [np.linalg.inv(own) for own in T]
    return tuple(
        _in_order(plan, nest, f, back @ own.transpose(2, 0, 1) @ back.T)
        for f, (own, back) in enumerate(zip(V, backs, strict=True))
    )


def _in_order(plan: Plan, nest: Nest | None, f: int, values: Floats) -> Floats:
    """Return values of the groups of a factor, first axis, in the order of their codes."""
    if nest is None or f not in plan.chain:
        return values
    out = np.empty_like(values)
    out[nest.order[plan.chain.index(f)]] = values
    return out


class UsersCoefficients:
    """Coefficients of a criterion whose vector has them: ``beta = to_user beta*`` for the columns that are kept."""

    __slots__ = ()

    kept: list[int]
    to_user: Floats

    def beta_from(self, beta: Floats) -> Floats:
        """Return coefficients of kept, standardised columns from those of the user's, (n_columns,); NaN counts as 0."""
        return np.asarray(np.linalg.solve(self.to_user, np.nan_to_num(beta)[self.kept]), dtype=float)
