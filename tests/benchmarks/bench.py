"""Time fits on the examples' data, beside statsmodels where it is installed and can say the same model.

What is timed, each as the best of several runs in a warm process, one BLAS thread:

- ``compile``: text to composite model (once for a model, whatever the data);
- ``fit``: from the data frame, as read from its file, to the fit, standard errors of all parameters included.

What is left out: reading the file, importing the libraries, printing. statsmodels' time includes reading its formulas.
A log-likelihood that differs by more than 0.01 is marked: then the two did not solve the same problem.

    python tests/benchmarks/bench.py [--repeat N] [--json FILE]
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import platform
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

import hdsl

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"

SLEEPSTUDY = """
Reaction[i] ~ normal(b0[Subject] + b1[Subject]*Days[i], sd)
(b0[Subject], b1[Subject]) ~ mvnormal((b0, b1), Omega)
"""
PASTES = """
strength[i] ~ normal(b0[batch,cask], sd)
b0[batch,cask] ~ normal(b0[batch], sd_cask)
b0[batch] ~ normal(b0, sd_batch)
"""
PENICILLIN = """
diameter[i] ~ normal(b0 + u[plate] + v[sample], sd)
u[plate] ~ normal(0, sd_plate)
v[sample] ~ normal(0, sd_sample)
"""
EGSINGLE = """
index c = childid in s
index s = schoolid
math[i] ~ normal(b0[c] + b1[c]*year[i], sd)
(b0[c], b1[c]) ~ mvnormal((b0[s], b1[s]), Omega_c)
(b0[s], b1[s]) ~ mvnormal((b0 + g0*lowinc[s], b1 + g1*lowinc[s]), Omega_s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A model, its data, and its formulas for statsmodels: `peer` is None where those cannot say it, `why` says why."""

    name: str
    text: str
    data: str
    peer: dict[str, Any] | None
    why: str = ""


CASES = (
    Case(
        name="sleepstudy",
        text=SLEEPSTUDY,
        data="sleepstudy/sleepstudy.csv",
        peer={"formula": "Reaction ~ Days", "groups": "Subject", "re_formula": "~Days"},
    ),
    Case(
        name="pastes",
        text=PASTES,
        data="pastes/pastes.csv",
        peer={"formula": "strength ~ 1", "groups": "batch", "re_formula": "1", "vc_formula": {"cask": "0 + C(cask)"}},
    ),
    Case(
        name="penicillin",
        text=PENICILLIN,
        data="penicillin/penicillin.csv",
        peer={
            "formula": "diameter ~ 1",
            "groups": "all",
            "vc_formula": {"plate": "0 + C(plate)", "sample": "0 + C(sample)"},
        },
    ),
    Case(
        name="egsingle",
        text=EGSINGLE,
        data="egsingle/egsingle.csv.gz",
        peer=None,
        why="correlated slopes on two nested levels are beyond its variance components",
    ),
)


def best(call: Callable[[], Any], repeat: int) -> tuple[float, Any]:
    """Return the shortest time of some runs, in seconds, and what the last returned."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return min(times), result


def time_hdsl(case: Case, frame: pd.DataFrame, repeat: int) -> dict[str, Any]:
    """Time compiling and fitting; the fit's parameters and standard errors are part of it."""
    compiled, model = best(lambda: _compiled(case.text), repeat)

    def run() -> Any:
        fit = model.fit(frame, method="ml")
        return fit, fit.params, fit.bse

    seconds, (fit, _, _) = best(run, repeat)
    return {"compile": compiled, "fit": seconds, "loglik": float(fit.loglik), "status": fit.status}


def _compiled(text: str) -> hdsl.Model:
    model = hdsl.Model(text)
    str(model.composite)  # every stage up to the composite equation has run
    return model


def time_statsmodels(case: Case, frame: pd.DataFrame, repeat: int) -> dict[str, Any]:
    """Time the same model in statsmodels, or say why not."""
    if case.peer is None:
        return {"left_out": case.why}
    try:
        import statsmodels.formula.api as smf
    except ImportError:
        return {"left_out": "statsmodels is not installed"}
    peer = dict(case.peer)
    formula = peer.pop("formula")
    frame = frame.assign(all=1)

    def run() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = smf.mixedlm(formula, frame, **peer).fit(reml=False)
            return fit, fit.params, fit.bse

    seconds, (fit, _, _) = best(run, max(1, repeat // 3))
    return {"fit": seconds, "loglik": float(fit.llf)}


def row(name: str, ours: dict[str, Any], peer: dict[str, Any]) -> str:
    """Return one printed line of the table."""
    cells = [
        f"{name:<11}",
        f"{1e3 * ours['compile']:>10.1f}",
        f"{1e3 * ours['fit']:>10.2f}",
        f"{ours['loglik']:>14.4f}",
    ]
    if "fit" not in peer:
        return "  ".join([*cells, f"  {peer['left_out']}"])
    note = "" if abs(peer["loglik"] - ours["loglik"]) < 0.01 else "  (another optimum)"
    return "  ".join([*cells, f"{1e3 * peer['fit']:>10.1f}", f"{peer['loglik']:>14.4f}{note}"])


def versions() -> dict[str, str]:
    """Return what ran."""
    found = {"python": platform.python_version(), "machine": platform.processor() or platform.machine()}
    for package in ("numpy", "scipy", "pandas", "statsmodels"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found | {"hdsl": hdsl.__version__}


def main() -> None:
    """Run every case, print the table and write the numbers."""
    parser = argparse.ArgumentParser(description="Time fits on the examples' data.")
    parser.add_argument("--repeat", type=int, default=9, metavar="N", help="runs of each, of which the best counts")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench.json", metavar="FILE")
    options = parser.parse_args()

    print(f"{'':<11}  {'compile ms':>10}  {'fit ms':>10}  {'log-lik.':>14}  {'statsm. ms':>10}  {'log-lik.':>14}")
    results = []
    for case in CASES:
        frame = pd.read_csv(EXAMPLES / case.data)
        ours = time_hdsl(case, frame, options.repeat)
        peer = time_statsmodels(case, frame, options.repeat)
        print(row(case.name, ours, peer), flush=True)
        results.append({"case": case.name, "rows": len(frame), "hdsl": ours, "statsmodels": peer})
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"versions": versions(), "results": results}, indent=2) + "\n", encoding="utf-8")
    print(f"\n{options.json}\nBest of several runs, one BLAS thread. Not timed: reading files, imports, printing.")


if __name__ == "__main__":
    main()
