"""Time the same models on the same data in one run: hdsl, glmm, lme4, lme-python, GPBoost, statsmodels.

What is timed is the call that fits, in a warm process, from a pandas frame in memory (lme4: an R data frame, inside R):
checks, coding of the grouping columns, estimates, standard errors of the fixed effects. `with all SE` adds hdsl's
standard errors of variances and correlations, which glmm and lme4 do not compute. Not timed: reading files, imports,
compiling a model (once for a model, whatever the data), printing. One BLAS thread.

The programs of one process take turns of two calls, the second of which counts, so that a busy machine is busy for all
of them; a ratio is the median of the ratios of the rounds. A log-likelihood that differs by more than 0.01 is marked:
then the two did not solve the same problem. What is not installed, or cannot say a model, is left out and said so.

    python tests/benchmarks/bench.py [--repeat N] [--data FOLDER] [--only NAME ..] [--json FILE] [--table FILE]
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
from cases import CASES, ROOT, Case, Missing
from peers import IN_PROCESS, LeftOut, Run, lme4

import hdsl

DIFFERENT = 0.01
"""Difference of log-likelihoods that says that two programs are not at the same optimum."""

PEERS = ("glmm", "lme4", "lme-python", "gpboost", "statsmodels")
SLOW = 20.0
"""Seconds that one program may take for a case in all, after its first run."""


def run_case(case: Case, frame: pd.DataFrame, repeat: int) -> dict[str, Any]:
    """Return seconds and log-likelihood of every program, or why it was left out."""
    rounds = max(3, round(repeat * case.share))
    runs, left_out = _in_turns(case, frame, rounds)
    out: dict[str, Any] = {"case": case.name, "rows": len(frame), "left_out": left_out}
    for name, found in runs.items():
        seconds = {part: [run.seconds[part] for run in found] for part in found[0].seconds}
        out[name] = {"seconds": seconds["fit"], "loglik": found[-1].loglik}
        if "with all SE" in seconds:
            out[name]["with_all_se"] = seconds["with all SE"]
    try:
        out["lme4"] = lme4(case, frame, min(rounds, 5))
    except LeftOut as why:
        left_out["lme4"] = str(why)
    return out


def _in_turns(case: Case, frame: pd.DataFrame, rounds: int) -> tuple[dict[str, list[Run]], dict[str, str]]:
    """Run the programs of this process in turns; the first run of each is a warm-up."""
    calls, left_out = {}, {}
    for name, prepare in IN_PROCESS.items():
        try:
            calls[name] = prepare(case, frame)
            first = calls[name]()
            if first.seconds["fit"] * rounds > SLOW and name != "hdsl":
                calls[name] = lambda once=first: once  # one run says enough
        except LeftOut as why:
            left_out[name] = str(why)
        except Exception as error:
            calls.pop(name, None)
            left_out[name] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    runs: dict[str, list[Run]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            call()  # what another program left in the processor's caches is no part of the time
            runs[name].append(call())
    return runs, left_out


def ratio(result: dict[str, Any], name: str) -> float | None:
    """Return how many times as long a program took; None where it did not run."""
    if name not in result:
        return None
    ours, theirs = result["hdsl"]["seconds"], result[name]["seconds"]
    if name == "lme4":  # in a process of its own
        return median(theirs) / median(ours)
    return median(b / a for a, b in zip(ours, theirs, strict=True))


def table(results: list[dict[str, Any]]) -> str:
    """Return the results as a Markdown table."""
    head = ["case", "rows", "log-lik.", "hdsl ms", "with all SE", *(f"{name} ms" for name in PEERS)]
    head += [f"vs {name}" for name in PEERS]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *(_row(result) for result in results)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def _row(result: dict[str, Any]) -> list[str]:
    ours = result["hdsl"]
    cells = [result["case"], f"{result['rows']:,}", f"{ours['loglik']:.4f}"]
    cells += [_milliseconds(ours["seconds"]), _milliseconds(ours["with_all_se"])]
    for name in PEERS:
        cells.append(_milliseconds(result[name]["seconds"]) if name in result else "-")
        if name in result and abs(result[name]["loglik"] - ours["loglik"]) > DIFFERENT:
            cells[-1] += f" (log-lik. {result[name]['loglik']:.2f})"
    ratios = [ratio(result, name) for name in PEERS]
    return cells + ["-" if value is None else f"{value:.2g}" if value < 10 else f"{value:.0f}" for value in ratios]


def _milliseconds(seconds: list[float]) -> str:
    value = 1e3 * median(seconds)
    return f"{value:.2f}" if value < 10 else f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def versions(results: list[dict[str, Any]]) -> dict[str, str]:
    """Return what ran."""
    found = {"python": platform.python_version(), "machine": _machine()}
    for package in ("numpy", "scipy", "pandas", "glmm", "lme_python", "gpboost", "statsmodels"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    for result in results:
        if "lme4" in result:
            found |= {name: result["lme4"][name] for name in ("lme4", "R")}
    return found | {"hdsl": hdsl.__version__}


def _machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    """Run the cases, print each as it is done, write the numbers and the table."""
    parser = argparse.ArgumentParser(description="Time the same models in several programs.")
    parser.add_argument(
        "--repeat", type=int, default=25, metavar="N", help="rounds of a small case; large ones have fewer"
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="where data are that the repository does not hold")
    parser.add_argument("--only", nargs="+", choices=[case.name for case in CASES], metavar="NAME", help="these cases")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench.json", metavar="FILE")
    parser.add_argument("--table", type=Path, default=ROOT / "build" / "bench.md", metavar="FILE")
    options = parser.parse_args()

    results: list[dict[str, Any]] = []
    for case in CASES:
        if options.only and case.name not in options.only:
            continue
        try:
            frame = case.load(options.data)
        except Missing as why:
            print(f"{case.name}: left out, {why}", flush=True)
            continue
        results.append(run_case(case, frame, options.repeat))
        print(table(results[-1:]).splitlines()[-1], flush=True)
        for name, why in results[-1]["left_out"].items():
            print(f"    {name}: left out, {why}", flush=True)
    found = versions(results)
    for path, text in (
        (options.json, json.dumps({"versions": found, "results": results}, indent=2) + "\n"),
        (options.table, table(results)),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print("\n" + table(results) + "\n" + ", ".join(f"{name} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
