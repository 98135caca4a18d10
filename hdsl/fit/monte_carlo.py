"""How far the noise of random signs moves the estimates of a fit by iterations.

Input: a criterion and its optimum. Output: the largest Monte-Carlo error of an entry of theta, in its standard errors.
"""

from __future__ import annotations

import numpy as np

from hdsl.fit.criterion import Criterion, Evaluation
from hdsl.fit.iterating import Engine

__all__ = ["monte_carlo_error"]


def monte_carlo_error(criterion: Criterion, at: Evaluation) -> float:
    """Return the error; 0 for a criterion without noise.

    Notes
    -----
    The score that was solved is the mean of one for each probe, with covariance S over probes; to first order the
    estimate moves by ``H^-1 (S / m) H^-1``, and its own covariance is ``2 H^-1``.
    """
    if not isinstance(criterion.emitted, Engine) or not len(at.theta) or not criterion.cross.signs.shape[1]:
        return 0.0
    probes = criterion.emitted.scatter(criterion.cross, at.forward)
    scores = np.array([criterion.rule.gradient(G, at.factors) for G in zip(*probes, strict=True)])
    inverse = np.linalg.pinv(criterion.slope(at).hessian, rcond=1e-8, hermitian=True)
    noise = np.atleast_2d(np.cov(scores, rowvar=False)) / len(scores)
    errors, own = (inverse @ noise @ inverse).diagonal(), 2.0 * inverse.diagonal()
    return float(np.sqrt(np.max(np.divide(errors, own, out=np.zeros_like(own), where=own > 0.0))))
