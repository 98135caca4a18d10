"""The covariance of what a fit does not know: fixed effects and random effects together.

Stage: results. Input: a `Design`, a `FitOutcome` and the weights of the rows. Output: `JointCovariance`, which gives
the covariance of ``x'(beta_hat - beta) + z'(b_hat - b)`` for any rows. Invariants: it needs no row of the fit once it
is made; an effect without variance adds nothing.

With ``b = R u`` and ``M = R'Z'W Z R + I``, the random effects given beta have covariance ``R M^-1 R'``, and their modes
follow beta by ``J = -M^-1 R'Z'W X``. So the covariance is ``(x + J'z~)' C (x + J'z~) + z~' M^-1 z~`` with
``z~ = R'z`` and C the covariance of beta: the inverse of Henderson's mixed model equations, block by block. W is the
observed information of each row by its K predictors: 1/sigma^2 for a Gaussian outcome.

References
----------
Henderson (1975), Biometrics 31, 423-447. Bates, Mächler, Bolker and Walker (2015), J. Stat. Softw. 67(1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hdsl.codegen.interpret import RowValues, evaluate_density
from hdsl.diagnostics import Diagnostic, FitError, Severity
from hdsl.fit.iterating import Iterations
from hdsl.form.density import pairs
from hdsl.results.effects import effect_places
from hdsl.results.linear import fixed_part, random_part
from hdsl.results.predicting.matrices import fixed_rows, random_rows, starts

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

    from hdsl.design.record import Design
    from hdsl.fit.outcome import FitOutcome

__all__ = [
    "BLOCK",
    "JointCovariance",
    "blocks",
    "factorise",
    "information_of",
    "joint_covariance",
    "row_values",
    "weights_of",
]

Floats = NDArray[np.float64]

BLOCK = 20_000
"""Rows whose model matrices are held at once."""

SOLVED = 256
"""Columns of M^-1 that are held at once."""

MOST_SOLVED = 4096
"""Columns of M^-1 that are found where each takes iterations."""


@dataclass(frozen=True, kw_only=True, eq=False)
class JointCovariance:
    """Joint covariance of fixed and random effects.

    Attributes
    ----------
    cov_beta : ndarray, (p, p)
        Covariance of the fixed effects; zero for a column dropped for rank.
    information : csc_array, (q, q)
        M, of the uncorrelated effects u given beta.
    slopes : ndarray, (q, p)
        J, what a unit of beta moves the modes of u by.
    is_iterative : bool
        Whether M is too large to be factorised, so that every column of its inverse takes iterations.
    """

    cov_beta: Floats
    information: csc_array[Any, Any]
    slopes: Floats
    is_iterative: bool = False

    @cached_property
    def _factor(self) -> Any:
        return Iterations(self.information) if self.is_iterative else factorise(self.information)

    def covariance(self, X: Sequence[Floats], Z: Sequence[csr_array[Any, Any]]) -> Floats:
        """Return the covariance of the predictors' errors in each row, (m, K, K).

        Parameters
        ----------
        X : sequence of ndarray, each (m, p)
            A predictor each.
        Z : sequence of csr_array, each (m, q)
            ``Z R``, as `random_rows` gives it.
        """
        n_predictors, count = len(X), len(X[0])
        total = np.empty((count, n_predictors, n_predictors))
        slopes = [x + z @ self.slopes for x, z in zip(X, Z, strict=True)]
        for k in range(n_predictors):
            weighted = slopes[k] @ self.cov_beta
            for other in range(k, n_predictors):
                total[:, k, other] = total[:, other, k] = np.einsum("np,np->n", weighted, slopes[other])
        self._add_random(total, Z)
        return total

    def draw(self, rng: np.random.Generator) -> Floats:
        """Return one draw from N(0, M^-1), (q,): what the uncorrelated effects differ from their modes by.

        With ``M = P'L D L'P`` it is ``P' L'^-1 D^-1/2 e``, e standard normal.

        Raises
        ------
        FitError
            HM510 where M is too large to be factorised.
        """
        from scipy.sparse.linalg import spsolve_triangular

        if self.is_iterative:
            raise _beyond_iterations("random effects cannot be drawn given the data")
        q = self.information.shape[0]
        noise: Floats = rng.standard_normal(q)
        if not q:
            return noise
        upper = self._factor.U.tocsr()  # D L', for a symmetric matrix whose pivots are on the diagonal
        scaled = noise * np.sqrt(upper.diagonal())
        drawn: Floats = spsolve_triangular(upper, scaled, lower=False)[self._factor.perm_c]
        return drawn

    def _add_random(self, total: Floats, Z: Sequence[csr_array[Any, Any]]) -> None:
        """Add ``z_k' M^-1 z_l``, by those columns of M^-1 that the rows use."""
        columns = [z.tocsc() for z in Z]
        used = np.unique(np.concatenate([np.flatnonzero(np.diff(z.indptr)) for z in columns]))
        if self.is_iterative and len(used) > MOST_SOLVED:
            raise _beyond_iterations(f"errors of these rows take {len(used):,} random effects")
        for begin in range(0, len(used), SOLVED):
            chosen = used[begin : begin + SOLVED]
            solved = self._solve_units(chosen)
            for other, right in enumerate(columns):
                part = right[:, chosen].tocsr()
                rows = np.flatnonzero(np.diff(part.indptr))
                dense = part[rows].toarray()
                for k, left in enumerate(Z):
                    total[rows, k, other] += np.einsum("nq,nq->n", left[rows] @ solved, dense)

    def _solve_units(self, columns: NDArray[np.intp]) -> Floats:
        units = np.zeros((self.information.shape[0], len(columns)))
        units[columns, np.arange(len(columns))] = 1.0
        return np.asarray(self._factor.solve(units))


def _beyond_iterations(what: str) -> FitError:
    """Return the error for what a fit by iterations does not give."""
    return FitError(
        [
            Diagnostic(
                code="HM510",
                severity=Severity.ERROR,
                message=f"{what}: ask for fewer rows, or for no errors",
                help=f"a fit by iterations has no factorisation; it gives errors of up to {MOST_SOLVED:,} at a time",
            )
        ]
    )


def factorise(matrix: csc_array[Any, Any]) -> Any:
    """Return SciPy's sparse LU factor of a symmetric positive definite matrix."""
    from scipy.sparse import csc_matrix
    from scipy.sparse.linalg import splu

    options = {"SymmetricMode": True}
    return splu(csc_matrix(matrix), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options)


def blocks(n: int) -> Iterator[slice]:
    """Yield the rows in blocks."""
    return (slice(begin, min(begin + BLOCK, n)) for begin in range(0, n, BLOCK))


def row_values(design: Design, outcome: FitOutcome) -> RowValues:
    """Return log density and derivatives of each row of a plan with a density, at the modes."""
    plan, arrays, density = design.plan, design.arrays, design.plan.density
    assert density is not None
    places = tuple(effect_places(design).values())
    data: dict[str, Floats] = {"y": arrays.y, **dict(zip(density.known, arrays.known, strict=True))}
    for k in range(plan.n_predictors):
        eta = fixed_part(plan, arrays, outcome.beta, predictor=k)
        data[f"eta{k}"] = eta + random_part(plan, arrays, outcome.modes, places, predictor=k)
    return evaluate_density(density, data)


def row_weights(design: Design, outcome: FitOutcome) -> Floats:
    """Return the observed information of each row by its predictors, at the modes; broadcasts to (n, K, K)."""
    if design.plan.density is None:
        return np.full((1, 1, 1), outcome.sigma**-2)
    return weights_of(row_values(design, outcome), design.plan.n_predictors)


def weights_of(rows: RowValues, K: int) -> Floats:
    """Return minus the second derivatives of each row by its K predictors, (n, K, K)."""
    weights = np.empty((len(rows.value), K, K))
    for (k, other), second in zip(pairs(K), rows.second, strict=True):
        weights[:, k, other] = weights[:, other, k] = -second
    return weights


def information_of(design: Design, outcome: FitOutcome, weights: Floats) -> tuple[csc_array[Any, Any], Floats]:
    """Return ``R'Z'W Z R + I``, (q, q), and ``R'Z'W X``, (q, p), block of rows by block of rows."""
    from scipy.sparse import csc_array, eye_array

    plan, arrays = design.plan, design.arrays
    K, n = plan.n_predictors, len(arrays.y)
    q = int(starts(plan, [len(modes) for modes in outcome.modes])[-1])
    every = frozenset(effect_places(design).values())
    weights = np.broadcast_to(weights, (n, K, K))
    information = csc_array(eye_array(q))
    cross = np.zeros((q, len(outcome.beta)))
    for rows in blocks(n):
        Z = [random_rows(plan, arrays, outcome, every, rows, k) for k in range(K)]
        X = [fixed_rows(plan, arrays, rows, k) for k in range(K)]
        for k in range(K):
            for other in range(K):
                weighted = Z[k].multiply(weights[rows, k, other][:, None]).T.tocsr()
                information = information + weighted @ Z[other]
                cross += weighted @ X[other]
    return csc_array(information), cross


def joint_covariance(design: Design, outcome: FitOutcome) -> JointCovariance:
    """Return the joint covariance of a fit, from the rows of its design."""
    information, cross = information_of(design, outcome, row_weights(design, outcome))
    is_iterative = design.plan.crossing == "iterative"
    factor = Iterations(information) if is_iterative else factorise(information)
    slopes = -factor.solve(cross) if len(cross) else cross
    return JointCovariance(
        cov_beta=np.nan_to_num(outcome.cov_beta),
        information=information,
        slopes=np.asarray(slopes),
        is_iterative=is_iterative,
    )
