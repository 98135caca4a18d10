"""Cluster-robust covariance of the fixed effects: CR0, CR1, CR2 at a level named by the user.

Stage: results. Input: a fit and clusters of rows. Output: a `Robust`. Invariants: the estimates are those of
the fit; the fit's own covariance V is the working model, of which rows of different clusters have nothing in common.

With ``M = (X'V^-1X)^-1`` and residuals ``e = y - X beta``, the covariance is
``M sum_j X_j'V_j^-1 A_j e_j e_j'A_j V_j^-1 X_j M``: A is the identity for CR0 and CR1, which is CR0 times J / (J - 1);
of CR2 it makes the covariance unbiased where V is right. Models of other outcomes have the scores of the clusters by
all their parameters in place of ``X_j'V_j^-1 e_j``, and the joint observed information in place of ``X'V^-1X``.

References
----------
Liang and Zeger (1986), Biometrika 73, 13-22; Bell and McCaffrey (2002), Survey Methodology 28, 169-181; degrees of
freedom and the adjustment for a working model: Pustejovsky and Tipton (2018), Journal of Business and Economic
Statistics 36, 672-683.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from hdsl.results.inference.degrees import Joint, Reference
from hdsl.results.inference.refusals import refusal
from hdsl.results.inference.wald import Referred, WaldTest, coefficient_table, contrasts, wald_test
from hdsl.results.intervals import coverage
from hdsl.results.listing import listing
from hdsl.results.predicting.matrices import covariances, fixed_rows, z_values

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.results.face.core import Core

__all__ = ["Robust", "RobustKind", "robust"]

Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.intp]
RobustKind: TypeAlias = Literal["CR0", "CR1", "CR2"]

LARGEST = 5000
"""Rows of a cluster beyond which its covariance is not made."""

SINGULAR = 1e-10
"""Eigenvalue, relative to the largest, below which a direction of a cluster is fitted exactly by the fixed effects."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sums:
    """What the sum over clusters needs.

    Attributes
    ----------
    scores : ndarray, (J, r)
        ``X_j'V_j^-1 A_j e_j``.
    own : ndarray, (J, r, r)
        ``X_j'V_j^-1 A_j V_j A_j V_j^-1 X_j``.
    mixed : ndarray, (J, r, r)
        ``X_j'A_j V_j^-1 X_j``.
    """

    scores: Floats
    own: Floats
    mixed: Floats


class _Working:
    """The robust covariance of a Gaussian fit, with degrees of freedom where its working model is right."""

    is_normal = False
    method = "cluster-robust"

    def __init__(self, M: Floats, sums: _Sums, factor: float) -> None:
        self._M, self._sums = M, sums
        half = sums.scores @ M
        self.covariance: Floats = factor * half.T @ half

    def df(self, direction: Floats) -> float:
        """Return the degrees of freedom of ``l'beta``, ``(tr P)^2 / tr P^2``.

        P is the covariance of the clusters' shares in the estimate where V is right: ``P = diag(a) - F M F'``.
        """
        c = self._M @ direction
        a = self._sums.own @ c @ c
        F = self._sums.mixed @ c
        FM = F @ self._M
        own = np.einsum("jr,jr->j", FM, F)
        trace = float((a - own).sum())
        square = float((a**2).sum() - 2.0 * (a * own).sum() + ((F.T @ FM) * (F.T @ FM).T).sum())
        return trace**2 / square

    def joint(self, L: Floats, difference: Floats) -> Joint:
        """Return Hotelling's T-squared of ``L beta = b`` as F, with degrees of freedom that match its moments.

        With the contrasts scaled so that the working model has their covariance the identity, the robust covariance
        counts as a Wishart matrix with ``q (q + 1) / sum_st var(d_st)`` degrees of freedom.
        """
        q, J = len(L), len(self._sums.scores)
        freedom = q * (q + 1.0) / self._spread(L) if q < J else 0.0
        if freedom <= q - 1.0:
            raise refusal(f"{J:,} clusters are too few to test {q} hypotheses together", "test fewer of them")
        T2 = float(difference @ np.linalg.solve(L @ self.covariance @ L.T, difference))
        return Joint(F=T2 * (freedom - q + 1.0) / (freedom * q), df=q, df_denominator=freedom - q + 1.0)

    def _spread(self, L: Floats) -> float:
        """Return the sum of the variances of the entries of the scaled robust covariance."""
        own, F = self._shares(L @ self._M)
        FMF = np.einsum("sjr,rk,tjk->stj", F, self._M, F)
        w, U = np.linalg.eigh((own - FMF).sum(axis=-1))
        own, F = self._shares((U / np.sqrt(w) @ U.T) @ L @ self._M)
        FMF = np.einsum("sjr,rk,tjk->stj", F, self._M, F)
        crossed = np.einsum("rk,sjk,tjl->strl", self._M, F, F)  # M F_s'F_t
        total = 0.0
        for s in range(len(L)):
            for t in range(len(L)):
                total += float((own[s, s] * own[t, t] - own[s, s] * FMF[t, t] - own[t, t] * FMF[s, s]).sum())
                total += float(np.trace(crossed[s, t] @ crossed[t, s]))
                total += float((own[s, t] ** 2 - 2.0 * own[s, t] * FMF[s, t]).sum())
                total += float(np.trace(crossed[t, s] @ crossed[t, s]))
        return total

    def _shares(self, C: Floats) -> tuple[Floats, Floats]:
        """Return for contrasts ``C``, rows in M's scale, a (q, q, J) and F (q, J, r) of their clusters' shares."""
        return np.einsum("sr,jrk,tk->stj", C, self._sums.own, C), np.einsum("jrk,sk->sjr", self._sums.mixed, C)


class Robust:
    """Cluster-robust standard errors, tests and intervals of the fixed effects of a fit; prints.

    Attributes
    ----------
    kind : {"CR0", "CR1", "CR2"}
    clusters : str
        What the clusters are, in words.
    n_clusters : int
    """

    def __init__(self, fit: Core, kind: RobustKind, clusters: tuple[str, int], given: Referred) -> None:
        self.kind, self._fit, self._given = kind, fit, given
        self.clusters, self.n_clusters = clusters

    @property
    def covariance(self) -> Floats:
        """Covariance of the fixed effects, (r, r)."""
        return self._given.covariance

    @property
    def table(self) -> pd.DataFrame:
        """A row for each fixed effect: `estimate`, `se`, `df`, `t`, `p`, `lower`, `upper` (95 %)."""
        return self.inference()

    def inference(self, level: float = 0.95) -> pd.DataFrame:
        """Return `table` with intervals of another level."""
        return coefficient_table(self._fit, self._given, coverage(level))

    def contrast(self, expressions: str | Sequence[str] | Mapping[str, str], level: float = 0.95) -> pd.DataFrame:
        """Estimate linear combinations of the fixed effects, as `FittedModel.contrast` does."""
        return contrasts(self._fit, self._given, expressions, coverage(level))

    def test(self, hypotheses: str | Sequence[str]) -> WaldTest:
        """Test linear hypotheses together, as `FittedModel.test` does, by an approximate Hotelling test."""
        return wald_test(self._fit, self._given, hypotheses)

    def cov_params(self) -> pd.DataFrame:
        """Return the covariance of the fixed effects."""
        import pandas as pd

        names = pd.Index(self._fit.parameters.fixed)
        return pd.DataFrame(self.covariance, index=names, columns=names)

    def __str__(self) -> str:
        head = f"{self.kind} standard errors, {self.n_clusters:,} clusters: {self.clusters}"
        return listing(head, self.table).rstrip()

    def __repr__(self) -> str:
        return str(self)


def robust(fit: Core, clusters: Any, kind: str) -> Robust:
    """Return cluster-robust standard errors.

    Parameters
    ----------
    fit : FittedModel
    clusters : str or sequence
        An index of the model, by its name or its column (``"j"``, ``"school"``, ``"j,k"``), or a label for each row.
    kind : {"CR0", "CR1", "CR2"}

    Raises
    ------
    FitError
        HM510 for an unknown index or kind, CR2 of an outcome that is not Gaussian, groups that lie in several clusters,
        fewer than two clusters, and clusters of a Gaussian multilevel model that are too large.
    """
    chosen = kind.upper()
    if chosen not in get_args(RobustKind):
        raise refusal(f"there is no kind {kind!r} of robust errors", 'write "CR0", "CR1" or "CR2"')
    codes, words = _codes(fit, clusters)
    _require_contained(fit, codes, words)
    n_clusters = int(codes.max()) + 1
    factor = n_clusters / (n_clusters - 1.0) if chosen == "CR1" else 1.0
    given: Referred
    if fit.design.plan.density is None:
        kept = fit.parameters.kept
        given = _Working(fit.outcome.cov_beta[np.ix_(kept, kept)], _sums(fit, codes, adjusted=chosen == "CR2"), factor)
    else:
        given = _from_scores(fit, codes, chosen, factor)
    return Robust(fit, chosen, (words, n_clusters), given)  # type: ignore[arg-type]


def _from_scores(fit: Core, codes: Codes, kind: str, factor: float) -> Reference:
    """Return the robust covariance of a model of another outcome, ``I^-1 (sum_j s_j s_j') I^-1``, of all parameters."""
    if kind == "CR2":
        raise refusal('"CR2" is for Gaussian outcomes', 'write kind="CR0" or kind="CR1"')
    if fit.method == "reml":
        raise refusal(
            "cluster-robust errors of this outcome are for ML: a restricted likelihood has no scores of its clusters",
            'fit with method="ml"',
        )
    from hdsl.results.inference.scores import cluster_scores

    found = cluster_scores(fit.design, fit.outcome, codes)
    half = found.scores @ found.covariance
    own = [found.columns.index(column) for column in fit.parameters.kept]
    covariance = (factor * half.T @ half)[np.ix_(own, own)]
    return Reference(method="normal", covariance=covariance, unadjusted=covariance, constant=math.inf)


def _codes(fit: Core, clusters: Any) -> tuple[Codes, str]:
    """Return the cluster of each row, and what clusters are."""
    if isinstance(clusters, str):
        return _level(fit, clusters), clusters
    labels = np.asarray(clusters)
    if labels.shape != (fit.nobs,):
        raise refusal(
            f"there are {labels.size:,} cluster labels for {fit.nobs:,} rows",
            "give a label for each row used, in their order: `data.loc[fit.fitted.index]` has them",
        )
    names, codes = np.unique(labels.astype(str), return_inverse=True)
    return codes.astype(np.intp), str(getattr(clusters, "name", None) or f"{len(names):,} labels")


def _level(fit: Core, name: str) -> Codes:
    """Return the units of an index set, given by names or columns of indices."""
    units, form = fit.design.units, fit.design.form
    if units is None:
        raise refusal("this fit holds no index sets of rows", "give a label for each row")
    known = {index.column: index.name for index in form.indices if index.column is not None}
    known |= {index.name: index.name for index in form.indices}
    parts = [part.strip() for part in name.split(",")]
    unknown = [part for part in parts if part not in known]
    if unknown:
        raise refusal(
            f"{unknown[0]!r} is no index of the model",
            f"write one of {', '.join(sorted(set(known.values())))}, or give a label for each row",
        )
    return units.codes(tuple(known[part] for part in parts))


def _require_contained(fit: Core, codes: Codes, words: str) -> None:
    """Refuse clusters that share groups of a random effect, since their rows are then not independent."""
    if codes.max() < 1:
        raise refusal("robust errors take two clusters or more", "name a level with more units")
    for factor, groups in enumerate(fit.design.arrays.groups):
        first = np.zeros(len(fit.design.levels[factor]), dtype=np.intp)
        first[groups] = codes
        if not np.array_equal(first[groups], codes):
            index_set = ",".join(fit.design.plan.re_terms[factor].index_set)
            raise refusal(
                f"groups of [{index_set}] lie in several clusters of {words}",
                "name a level that contains all groups of the model: clusters have to be independent of one another",
                "the model has random effects in common to rows of different clusters",
            )


def _sums(fit: Core, codes: Codes, *, adjusted: bool) -> _Sums:
    plan, arrays, kept = fit.design.plan, fit.design.arrays, fit.parameters.kept
    X = fixed_rows(plan, arrays, slice(None), 0)[:, kept]
    offset = 0.0 if arrays.offsets[0] is None else arrays.offsets[0]
    error = arrays.y - offset - X @ fit.outcome.beta[kept]
    M = fit.outcome.cov_beta[np.ix_(kept, kept)]
    half = np.linalg.cholesky(M)
    scores, own, mixed = [], [], []
    for rows, working in _clusters(fit, codes):
        Xj = X[rows]
        WX = working.solve(Xj)
        AWX = working.adjusted(WX, Xj @ half) if adjusted else WX
        scores.append(AWX.T @ error[rows])
        own.append(AWX.T @ working.times(AWX))
        mixed.append(AWX.T @ Xj)
    return _Sums(scores=np.array(scores), own=np.array(own), mixed=np.array(mixed).transpose(0, 2, 1))


def _clusters(fit: Core, codes: Codes) -> Iterator[tuple[Codes, _Independent | _Dependent]]:
    """Yield the rows of each cluster and their working covariance."""
    plan, arrays, sigma = fit.design.plan, fit.design.arrays, fit.outcome.sigma
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    if not plan.re_terms:
        yield from ((rows, _Independent(sigma)) for rows in parts)
        return
    largest = max(len(rows) for rows in parts)
    if largest > LARGEST:
        raise refusal(
            f"a cluster has {largest:,} rows: its covariance is too large", f"clusters have {LARGEST:,} rows at most"
        )
    terms = range(len(plan.re_terms))
    places = {(f, c) for f in terms for c in range(plan.re_terms[f].width)}
    Z = [z_values(plan, arrays, f, places, slice(None), 0) for f in terms]
    S = covariances(fit.outcome)
    for rows in parts:
        V = sigma**2 * np.eye(len(rows))
        for f in terms:
            groups = arrays.groups[f][rows]
            V += (groups[:, None] == groups) * (Z[f][rows] @ S[f] @ Z[f][rows].T)
        yield rows, _Dependent(V)


class _Independent:
    """``sigma^2 I``."""

    def __init__(self, sigma: float) -> None:
        self.variance = sigma**2

    def solve(self, B: Floats) -> Floats:
        """Return ``V^-1 B``."""
        return B / self.variance

    def times(self, B: Floats) -> Floats:
        """Return ``V B``."""
        return B * self.variance

    def adjusted(self, B: Floats, root: Floats) -> Floats:
        """Return ``(I - H)^-1/2 B``, where ``H = X M X' / sigma^2`` and `root` is X times a root of M."""
        U, s, _ = np.linalg.svd(root / np.sqrt(self.variance), full_matrices=False)
        left = 1.0 - s**2
        stretch = np.where(left > SINGULAR, 1.0 / np.sqrt(np.maximum(left, SINGULAR)), 0.0) - 1.0
        return np.asarray(B + U @ (stretch[:, None] * (U.T @ B)))


class _Dependent:
    """A covariance of rows."""

    def __init__(self, V: Floats) -> None:
        self.V = V
        self.inverse = np.linalg.inv(V)

    def solve(self, B: Floats) -> Floats:
        """Return ``V^-1 B``."""
        return np.asarray(self.inverse @ B)

    def times(self, B: Floats) -> Floats:
        """Return ``V B``."""
        return np.asarray(self.V @ B)

    def adjusted(self, B: Floats, root: Floats) -> Floats:
        """Return ``D'G^-1/2 D B``, where ``V = D'D`` and ``G = D (V - X M X') D'``."""
        D = np.linalg.cholesky(self.V).T
        DX = D @ root
        w, U = np.linalg.eigh(D @ self.V @ D.T - DX @ DX.T)
        power = np.where(w > SINGULAR * w[-1], 1.0 / np.sqrt(np.maximum(w, SINGULAR * w[-1])), 0.0)
        return np.asarray(D.T @ (U @ (power[:, None] * (U.T @ (D @ B)))))
