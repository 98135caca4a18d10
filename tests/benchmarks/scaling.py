"""Time and memory of a fit against rows, groups and widths: numbers, and pictures on logarithmic axes.

Each point runs in a process of its own: the model is compiled and fitted to a few rows, then fitted to all of them.
Time is the processor's, of one core, so that other work on the machine does not count; memory is what the fit adds to
the process at its peak. Beside them stand what `hdsl plan` says before the fit, and the bytes of the data's columns.

    python tests/benchmarks/scaling.py [--only SERIES ..] [--json FILE] [--picture FILE]
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import hdsl
import hdsl.design.cost

ROOT = Path(__file__).resolve().parents[2]

NESTED = """
index j = g in k
index k = h
y[i] ~ normal(b0 + b1*x[i] + u[j] + v[k], sd)
u[j] ~ normal(0, sd_j)
v[k] ~ normal(0, sd_k)
"""

CROSSED = """
y[i] ~ normal(b0 + b1*x[i] + u[g] + v[h], sd)
u[g] ~ normal(0, sd_g)
v[h] ~ normal(0, sd_h)
"""

BERNOULLI = """
z[i] ~ bernoulli(p[i])
logit(p[i]) = b0 + b1*x[i] + u[g]
u[g] ~ normal(0, sd_g)
"""


def slopes(width: int) -> str:
    """Return a model in which an intercept and `width` - 1 slopes vary by group, correlated."""
    if width == 1:
        return "y[i] ~ normal(b0[g] + b1*x[i], sd)\nb0[g] ~ normal(b0, sd_g)\n"
    names = [f"c{k}[g]" for k in range(width)]
    terms = " + ".join([names[0], *(f"{name}*x{k}[i]" for k, name in enumerate(names[1:], 1))])
    means = ", ".join(f"m{k}" for k in range(width))
    return f"y[i] ~ normal({terms}, sd)\n({', '.join(names)}) ~ mvnormal(({means}), Omega)\n"


def draw(n: int, groups: int, others: int, *, nested: bool = False, width: int = 1) -> pd.DataFrame:
    """Draw rows in `groups` groups, which lie in `others` or cross them; integer codes."""
    rng = np.random.default_rng(6)
    g = np.concatenate((np.arange(groups), rng.integers(0, groups, n - groups)))
    h = rng.integers(0, others, groups)[g] if nested else rng.integers(0, others, n)
    columns = {"x": rng.normal(size=n)} | {f"x{k}": rng.normal(size=n) for k in range(1, width)}
    eta = 1.0 + 0.5 * columns["x"] + 0.7 * rng.normal(size=groups)[g] + 0.5 * rng.normal(size=others)[h]
    for k in range(1, width):
        eta = eta + 0.3 * rng.normal(size=groups)[g] * columns[f"x{k}"]
    z = (rng.random(n) < 1.0 / (1.0 + np.exp(1.0 - eta))).astype(int)
    return pd.DataFrame({"y": eta + rng.normal(size=n), **columns, "g": g, "h": h, "z": z})


@dataclass(frozen=True, slots=True)
class Series:
    """Points along one axis: the model and the data of each, and how crossed factors are solved."""

    axis: str
    points: tuple[int, ...]
    make: Callable[[int], tuple[str, pd.DataFrame]]
    crossed: str | None = None


SERIES = {
    "nested": Series(
        "rows", (10_000, 100_000, 1_000_000, 10_000_000), lambda n: (NESTED, draw(n, n // 10, n // 500, nested=True))
    ),
    "Bernoulli": Series("rows", (10_000, 100_000, 1_000_000), lambda n: (BERNOULLI, draw(n, n // 50, 2))),
    "crossed, exact": Series(
        "columns of the dense factor",
        (500, 1_000, 2_000, 4_000),
        lambda m: (CROSSED, draw(200 * m, 10 * m, m)),
        "exact",
    ),
    "crossed, iterative": Series(
        "columns of the dense factor",
        (500, 1_000, 2_000, 4_000, 16_000, 64_000),
        lambda m: (CROSSED, draw(max(200 * min(m, 4_000), 50 * m), 10 * min(m, 16_000), m)),
        "iterative",
    ),
    "nested, by groups": Series(
        "groups", (1_000, 10_000, 100_000, 500_000), lambda j: (NESTED, draw(1_000_000, j, j // 50, nested=True))
    ),
    "slopes, by width": Series(
        "effects of a group", (1, 2, 4, 8), lambda q: (slopes(q), draw(200_000, 5_000, 10, width=q))
    ),
}


def point(series: Series, at: int) -> dict[str, Any]:
    """Run one point in this process."""
    text, data = series.make(at)
    model = hdsl.Model(text)
    small = draw(2_000, 100, 10, nested="index" in text, width=sum(name.startswith("x") for name in data))
    model.fit(small, crossed=series.crossed)
    import scipy.sparse.linalg  # noqa: F401 - imported before memory is counted

    gc.collect()
    base = _resident()
    start = time.process_time()
    fit = model.fit(data, crossed=series.crossed)
    seconds, peak = time.process_time() - start, _peak()
    planned = hdsl.design.cost.cost(fit.design.plan, fit.design.arrays)
    used = data.drop(columns=["y"] if "bernoulli" in text else ["z"])
    return {
        "at": at,
        "rows": len(data),
        "seconds": seconds,
        "memory": peak - base,
        "planned_memory": planned.memory,
        "columns": float(used.memory_usage(index=False).sum()),
        "evaluations": fit.outcome.n_evaluations,
        "status": fit.status,
        "monte_carlo": fit.outcome.monte_carlo,
    }


def _resident() -> float:
    """Return the memory of this process now, in bytes, and let its peak start there."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _status("VmRSS")


def _peak() -> float:
    return _status("VmHWM")


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024.0 * float(next(line for line in lines if line.startswith(name)).split()[1])


def picture(results: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Draw time and memory of all series, a panel for each axis."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    axes_of = list(dict.fromkeys(SERIES[name].axis for name in results))
    figure, panels = plt.subplots(2, len(axes_of), figsize=(3.1 * len(axes_of), 5.2), squeeze=False, sharey="row")
    for name, points in results.items():
        column = axes_of.index(SERIES[name].axis)
        at = [p["at"] for p in points]
        (line,) = panels[0][column].loglog(at, [p["seconds"] for p in points], "o-", ms=3.5, lw=1.2, label=name)
        panels[1][column].loglog(at, [p["memory"] / 1e6 for p in points], "o-", ms=3.5, lw=1.2)
        planned = [p["planned_memory"] / 1e6 for p in points]
        panels[1][column].loglog(at, planned, ":", color=line.get_color(), lw=1.2)
    for column, axis in enumerate(axes_of):
        panels[1][column].set_xlabel(axis)
        if axis == "effects of a group":
            for row in (0, 1):
                panels[row][column].set_xticks([1, 2, 4, 8], ["1", "2", "4", "8"])
                panels[row][column].minorticks_off()
        panels[0][column].legend(frameon=False, fontsize=7)
        for row in (0, 1):
            panels[row][column].grid(alpha=0.25, lw=0.5)
    panels[0][0].set_ylabel("seconds")
    panels[1][0].set_ylabel("MB (dotted: said before)")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Run the series and write what was found."""
    parser = argparse.ArgumentParser(description="Time and memory of fits against rows, groups and widths.")
    parser.add_argument("--only", nargs="+", choices=list(SERIES), metavar="SERIES")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "scaling.json", metavar="FILE")
    parser.add_argument("--picture", type=Path, default=ROOT / "build" / "scaling.png", metavar="FILE")
    parser.add_argument("--point", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.point:
        print(json.dumps(point(SERIES[options.point[0]], int(options.point[1]))))
        return
    results: dict[str, list[dict[str, Any]]] = {}
    for name in options.only or SERIES:
        results[name] = []
        for at in SERIES[name].points:
            command = [sys.executable, __file__, "--point", name, str(at)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
            results[name].append(found)
            print(
                f"{name:<20} {at:>10,} {found['rows']:>11,} rows {found['seconds']:>8.2f} s "
                f"{found['memory'] / 1e6:>7.0f} MB, said {found['planned_memory'] / 1e6:>6.0f}, columns "
                f"{found['columns'] / 1e6:>6.0f} {found['evaluations']:>4} evaluations",
                flush=True,
            )
    for path in (options.json, options.picture):
        path.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    picture(results, options.picture)


if __name__ == "__main__":
    main()
