"""What is timed beside fits: refits, a floor that arithmetic sets, memory, and commands from the shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import NormalDist, median
from typing import Any

import numpy as np
import pandas as pd
from cases import CASES, Case
from data import ROOT
from peers import LeftOut, glmm

import hdsl
from hdsl.fit.refit import refitter
from hdsl.results.profiling import zeta_of

__all__ = ["floor", "memory", "refits", "shell"]

SLEEPSTUDY = ROOT / "examples" / "sleepstudy"


REPLICATES = 400
"""Replicates of a bootstrap of a small data set; a tenth of it from FEW_ROWS rows on."""

FEW_ROWS = 1000


def seconds(call: Callable[[], Any]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def refits(case: Case, frame: pd.DataFrame, rounds: int) -> dict[str, Any]:
    """Return seconds of a replicate of the bootstrap, drawn and fitted, beside glmm's fit of the case.

    `alone` is the refit of one outcome by itself, of models that keep what does not depend on the outcome. In the same
    turns are profile intervals of all parameters: `profile` has their seconds, `points` how many minima
    with a parameter held they take for how many `ends`.
    """
    fit = hdsl.Model(case.text).fit(frame)
    count = REPLICATES if len(frame) < FEW_ROWS else REPLICATES // 10
    again = refitter(fit.design.plan, fit.design.arrays, fit.outcome) if fit.design.plan.density is None else None
    outcomes = [np.asarray(column, dtype=float) for column in fit.simulate(rounds, seed=1).to_numpy().T]
    try:
        peer = glmm(case, frame)
    except LeftOut:
        peer = None
    out: dict[str, Any] = {"case": case.name, "hdsl": [], "profile": []} | ({"glmm": []} if peer else {})
    out["ends"], out["points"] = 2 * len(fit.params), profile_points(fit)
    fit.bootstrap(2)
    for seed, y in enumerate(outcomes):
        out["hdsl"].append(seconds(partial(fit.bootstrap, count, seed=seed)) / count)
        if again is not None:
            again.fit(y)
            out.setdefault("alone", []).append(seconds(partial(again.fit, y)))
        out["profile"].append(seconds(lambda: fit.conf_int(method="profile")))
        if peer:
            peer()
            out["glmm"].append(peer().seconds["fit"])
    return out


def profile_points(fit: Any) -> int:
    """Return how many minima with a parameter held the 95 % profile intervals of all parameters take."""
    found, root = 0, NormalDist().inv_cdf(0.975)
    for name in fit.params.index:
        zeta = zeta_of(fit.parameters, name)
        for sign in (-1.0, 1.0):
            zeta.end(sign * root)
        found += zeta.deviance.n_points
    return found


def floor(case: Case, frame: pd.DataFrame, rounds: int) -> dict[str, Any]:
    """Return seconds of a fit and of one weighted count over the rows by the finest group, in turns."""
    model, codes, weights = hdsl.Model(case.text), frame["g"].to_numpy(), frame["y"].to_numpy()
    model.fit(frame)
    out: dict[str, Any] = {"case": case.name, "fit": [], "bincount": []}
    for _ in range(rounds):
        out["bincount"].append(min(seconds(lambda: np.bincount(codes, weights)) for _ in range(2)))
        out["fit"].append(seconds(lambda: model.fit(frame)))
    return out


_CHILD = """
import sys
sys.path[:0] = [{here!r}, {root!r}]
from cases import CASES
import hdsl
def kilobytes(name):
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name))
small, case = (next(case for case in CASES if case.name == name) for name in ("sleepstudy", {name!r}))
hdsl.Model(small.text).fit(small.load(None))
frame, model = case.load(None), hdsl.Model(case.text)
with open("/proc/self/clear_refs", "w", encoding="ascii") as peak:
    peak.write("5")
before = kilobytes("VmRSS")
fit = model.fit(frame)
print(1024 * (kilobytes("VmHWM") - before), int(frame.memory_usage(index=False).sum()))
"""


def memory(case: Case) -> dict[str, Any]:
    """Return the bytes that a fit needs at most beyond those of its data, in a process of its own (Linux)."""
    if not Path("/proc/self/clear_refs").exists():
        raise LeftOut("only Linux says how much memory a process has needed")
    text = _CHILD.format(here=str(Path(__file__).parent), root=str(ROOT), name=case.name)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    needed, data = (int(part) for part in done.stdout.split())
    return {"case": case.name, "fit": needed, "data": data}


def shell(rounds: int) -> dict[str, list[float]]:
    """Return seconds of new processes, in turns: importing NumPy, pandas and hdsl, and ``hdsl fit`` of sleepstudy.

    A cold fit compiles the model: its cache is an empty folder. A warm one finds it there.
    """
    model, data = str(SLEEPSTUDY / "model.hm"), str(SLEEPSTUDY / "sleepstudy.csv")
    fit = ["-m", "hdsl", "fit", model, data]
    commands = {
        "import numpy": ["-c", "import numpy"],
        "import pandas": ["-c", "import pandas"],
        "import hdsl": ["-c", "import hdsl"],
        "hdsl fit, cold": fit,
        "hdsl fit, warm": fit,
    }
    out: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            environment = os.environ | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": cache}
            environment.pop("HDSL_NO_CACHE", None)
            run = partial(subprocess.run, env=environment, check=True, stdout=subprocess.DEVNULL)
            for name, arguments in commands.items():
                out[name].append(seconds(partial(run, [sys.executable, *arguments])))
    return out


def main() -> None:
    """Print what is needed to look at one part alone: ``python tests/benchmarks/further.py shell`` or a case's name."""
    if sys.argv[1:] == ["shell"]:
        print(json.dumps({name: round(median(values), 3) for name, values in shell(5).items()}, indent=2))
        return
    for case in CASES:
        if case.name in sys.argv[1:]:
            print(memory(case))


if __name__ == "__main__":
    main()
