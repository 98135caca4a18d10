"""The Gaussian density as a textbook prints it: y ~ N(X beta, V), V formed in full within each independent set of rows.

Written for the tests alone, with nothing of hdsl, so that it can tell which of two programs is right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tests.reference.names import Model

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Values:
    """Estimates: coefficients in the order of the fixed effects, a covariance for each block, the residual sd."""

    beta: Floats
    covariances: tuple[Floats, ...]
    sigma: float


@dataclass(frozen=True, kw_only=True)
class Density:
    """Outcome, design, and for each block the group of each row and the block's covariates."""

    y: Floats
    X: Floats
    groups: tuple[Codes, ...]
    Z: tuple[Floats, ...]

    @classmethod
    def of(cls, model: Model, data: pd.DataFrame) -> Density:
        """Build the matrices of `model` from its hand-written table."""
        n = len(data)
        return cls(
            y=data[model.outcome].to_numpy(dtype=float),
            X=np.column_stack([np.broadcast_to(column(data), n) for _, column in model.fixed.values()]),
            groups=tuple(data.groupby(block.columns).ngroup().to_numpy() for block in model.blocks),
            Z=tuple(
                np.column_stack([np.broadcast_to(effect.column(data), n) for effect in block.effects])
                for block in model.blocks
            ),
        )

    @property
    def independent(self) -> list[Codes]:
        """Rows in sets that share no group, directly or by a chain of groups."""
        n = len(self.y)
        starts = np.cumsum([n, *(codes.max() + 1 for codes in self.groups)])
        columns = np.concatenate([codes + start for codes, start in zip(self.groups, starts[:-1], strict=True)])
        rows = np.tile(np.arange(n), len(self.groups))
        graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(starts[-1], starts[-1]))
        labels = connected_components(graph, directed=False)[1][:n]
        order = np.argsort(labels, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)

    def covariance(self, rows: Codes, values: Values) -> Floats:
        """V of some rows: sigma^2 I plus z_r' Sigma z_s for two rows of one group, for each block."""
        V = values.sigma**2 * np.eye(len(rows))
        for codes, Z, Sigma in zip(self.groups, self.Z, values.covariances, strict=True):
            same = codes[rows][:, None] == codes[rows][None, :]
            V += same * (Z[rows] @ Sigma @ Z[rows].T)
        return V

    def log_likelihood(self, values: Values, *, restricted: bool) -> float:
        """Log density at `values`; the restricted one has lme4's constants, and holds for beta by least squares."""
        n, p = self.X.shape
        log_det = quadratic = 0.0
        information = np.zeros((p, p))
        for rows in self.independent:
            factor = cho_factor(self.covariance(rows, values), lower=True)
            residual = self.y[rows] - self.X[rows] @ values.beta
            log_det += 2 * np.log(np.diag(factor[0])).sum()
            quadratic += residual @ cho_solve(factor, residual)
            information += self.X[rows].T @ cho_solve(factor, self.X[rows])
        if not restricted:
            return -0.5 * (n * np.log(2 * np.pi) + log_det + quadratic)
        log_det += np.linalg.slogdet(information)[1]
        return -0.5 * ((n - p) * np.log(2 * np.pi) + log_det + quadratic)


def covariance_matrix(sds: list[float], correlations: dict[tuple[int, int], float]) -> Floats:
    """Put a covariance matrix together; `correlations` by the positions of two effects."""
    R = np.eye(len(sds))
    for (a, b), value in correlations.items():
        R[a, b] = R[b, a] = value
    return np.outer(sds, sds) * R
