"""Time the same models on the same data in one run: hdsl, glmm, lme4, lme-python, GPBoost, statsmodels.

What is timed is the call that fits, in a warm process, from a pandas frame in memory (lme4: an R data frame, inside R):
checks, coding of the grouping columns, estimates, standard errors of the fixed effects. `with all SE` adds hdsl's
standard errors of variances and correlations, which glmm and lme4 do not compute. Not timed: reading files, imports,
compiling a model (once for a model, whatever the data), printing. One BLAS thread.

The programs of one process take turns of two calls, the second of which counts, so that a busy machine is busy for all
of them; a ratio is the median of the ratios of the rounds. A log-likelihood that differs by more than 0.01 is marked:
then the two did not solve the same problem. What is not installed, or cannot say a model, is left out and said so.

Parts: ``cases`` are the fits; ``refits`` are fits to further outcomes; ``limits`` are time and memory of nested designs
beside what their rows cost alone; ``shell`` is start-up; ``suite`` is the optimizer suite. With ``--docs`` the numbers
go to docs/performance.json, those of cases that were not run stay, and the page is written anew from them.

    python tests/benchmarks/bench.py [--repeat N] [--data FOLDER] [--only NAME ..] [--parts PART ..] [--docs]
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import importlib
import json
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import further
import pandas as pd
import suite
import tables
from cases import CASES, Case
from data import ROOT, Missing
from peers import IN_PROCESS, LeftOut, Run, lme4
from tables import row

import hdsl

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
            if name in case.left_out:
                raise LeftOut(case.left_out[name])
            calls[name] = prepare(case, frame)
            first = calls[name]()
            if first.seconds["fit"] * rounds > SLOW:
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
    load = f"{os.getloadavg()[2]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else "not known"
    return found | {"hdsl": hdsl.__version__, "mean load of the machine": load}


def _machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


PARTS = ("cases", "refits", "limits", "shell", "suite")
"""What may be run."""


def run_cases(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Run the cases, print each as it is done and yield its numbers."""
    for case in chosen(options):
        try:
            frame = case.load(options.data)
        except Missing as why:
            print(f"{case.name}: left out, {why}", flush=True)
            continue
        result = run_case(case, frame, options.repeat)
        print("| " + " | ".join(row(result)) + " |", flush=True)
        for name, why in result["left_out"].items():
            print(f"    {name}: left out, {why}", flush=True)
        yield {"results": [result]}


def chosen(options: argparse.Namespace) -> list[Case]:
    """Return the cases that are asked for."""
    return [case for case in CASES if not options.only or case.name in options.only]


def run_suite(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Fit the models of the optimizer suite whose data are there."""
    found = [folder / suite.SUITE for folder in (options.suite, options.data) if folder is not None]
    path = next((path for path in found if path.is_file()), None)
    if path is None:
        print(f"suite: left out, needs --suite with a folder that holds {suite.SUITE}", flush=True)
        return []
    folders = [
        part for folder in (options.suite, options.data) if folder for part in (folder, folder / "optimizer_suite")
    ]
    problems = json.loads(path.read_text(encoding="utf-8"))["models"]
    places = [(problem, suite.data_path(problem["data"], folders)) for problem in problems]
    return [asdict(suite.run(problem, place)) for problem, place in places if place is not None]


def measured(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the numbers of the parts that are asked for, as they come."""
    if "shell" in options.parts:
        yield {"shell": further.shell(5)}
    if "refits" in options.parts:
        small = [case for case in chosen(options) if case.has_refits]
        yield {"refits": [further.refits(case, case.load(options.data), options.repeat) for case in small]}
    if "suite" in options.parts:
        yield {"suite": run_suite(options)}
    if "limits" in options.parts:
        for case in chosen(options):
            if case.name.startswith("nested"):
                frame = case.load(options.data)
                yield {"floor": [further.floor(case, frame, 3)], "memory": [further.memory(case)]}
    if "cases" in options.parts:
        yield from run_cases(options)


def merged(path: Path, numbers: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers of a file with new ones in their places; cases that were not run stay."""
    out = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for name, new in numbers.items():
        if name in ("results", "refits", "floor", "memory"):
            known = {own["case"]: own for own in out.get(name, [])} | {own["case"]: own for own in new}
            out[name] = [known[case.name] for case in CASES if case.name in known]
        elif new:
            out[name] = new
    return out | {"versions": out.get("versions", {}) | versions(numbers.get("results", []))}


def main() -> None:
    """Run what is asked for, print it, and write the numbers."""
    parser = argparse.ArgumentParser(description="Time the same models in several programs.")
    parser.add_argument(
        "--repeat", type=int, default=25, metavar="N", help="rounds of a small case; large ones have fewer"
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="where data are that the repository does not hold")
    parser.add_argument("--suite", type=Path, metavar="FOLDER", help=f"where {suite.SUITE} is, if not there")
    parser.add_argument("--only", nargs="+", choices=[case.name for case in CASES], metavar="NAME", help="these cases")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench.json", metavar="FILE")
    parser.add_argument("--docs", action="store_true", help="put the numbers into docs/performance.md")
    options = parser.parse_args()

    path = ROOT / "docs" / "performance.json" if options.docs else options.json
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers: dict[str, Any] = {}
    for new in measured(options):  # a run that is broken off leaves what it has
        numbers = merged(path, new)
        path.write_text(json.dumps(rounded(numbers), indent=1) + "\n", encoding="utf-8")
    for name, make in tables.PARTS.items():
        try:
            print(f"\n{name}\n\n{make(numbers)}")
        except KeyError:  # a part that has not been run
            continue
    if options.docs:
        page = ROOT / "docs" / "performance.md"
        page.write_text(generated().rewritten(page.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"rewrote {page.relative_to(ROOT)}")


def rounded(value: Any) -> Any:
    """Return numbers with seven digits, log-likelihoods and objectives as they are."""
    if isinstance(value, dict):
        return {name: own if name in ("loglik", "objective", "best") else rounded(own) for name, own in value.items()}
    if isinstance(value, list):
        return [rounded(own) for own in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value


def generated() -> Any:
    """Return the module that writes the generated parts of pages."""
    sys.path.insert(0, str(ROOT / "docs" / "_ext"))
    return importlib.import_module("generated")


if __name__ == "__main__":
    main()
