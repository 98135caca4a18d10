"""Run a PyMC script and print its marginal log-likelihood at given parameters: ``laplace.py SCRIPT VALUES.json``.

The parameters are fixed at the values of the file; what is left are the standard normal coefficients of the groups.
Their joint density with the data is integrated by Laplace's approximation, which is exact for a Gaussian model.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pymc as pm


def main(script: str, values: str) -> float:
    model = runpy.run_path(script)["model"]
    given = json.loads(Path(values).read_text(encoding="utf-8"))
    fixed = pm.do(model, {name: np.asarray(value, dtype=float) for name, value in given.items()})
    start = fixed.initial_point()
    names = [variable.name for variable in fixed.value_vars]
    logp, gradient, hessian = fixed.compile_logp(), fixed.compile_dlogp(), fixed.compile_d2logp(negate_output=False)

    def point(x: np.ndarray) -> dict[str, np.ndarray]:
        parts = np.split(x, np.cumsum([start[name].size for name in names])[:-1])
        return {name: part.reshape(start[name].shape) for name, part in zip(names, parts, strict=True)}

    x = np.zeros(sum(start[name].size for name in names))
    for _ in range(8):
        x = x - np.linalg.solve(np.asarray(hessian(point(x))), np.asarray(gradient(point(x))))
    curvature = np.linalg.slogdet(-np.asarray(hessian(point(x))))[1]
    return float(logp(point(x))) + 0.5 * len(x) * np.log(2 * np.pi) - 0.5 * curvature


if __name__ == "__main__":
    print(f"log-likelihood {main(*sys.argv[1:]):.10f}")
