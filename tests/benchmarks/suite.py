"""Run a suite of optimisation problems: every model from its default start against the best objective known.

A suite is a JSON file ``{"models": [{"id", "data", "formula", "p", "best_ml_objective"}, ..]}``; its data lie
beside it, in a folder ``data`` there or beside its own, or where --data says. Models without data are named at
the end. Formulas are lme4's without the outcome, which is the column ``Y``; ``&`` stands for ``:``. A column of
numbers counts as a factor where only that gives the number `p` of fixed effects. A model may name another column,
`"outcome"`, and `"method": "reml"`.

Prints objective, best known, their difference, evaluations and seconds. Exit status 1 if a fit ends above the best
known objective by more than 1e-4, or does not converge.

    python tests/benchmarks/suite.py FOLDER [--only ID ..] [--json FILE]
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import math
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import hdsl

ALLOWED = 1e-4
"""Objective above the best known that counts as reached."""

SUITE = "optimizer_suite.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How one model ended."""

    id: str
    data: str
    n_theta: int
    objective: float
    best: float
    evaluations: int
    seconds: float
    status: str

    @property
    def is_reached(self) -> bool:
        """Whether the fit converged, at an objective that is not above the best known, if any is."""
        return self.status != "not converged" and not self.objective > self.best + ALLOWED

    @property
    def is_known(self) -> bool:
        """Whether there is a best objective known."""
        return not math.isnan(self.best)


def fit(problem: dict[str, Any], frame: pd.DataFrame) -> tuple[Any, float]:
    """Return the fit of a problem, and its seconds in a process that has compiled the model."""
    outcome = problem.get("outcome", "Y")
    formula = f"{outcome} ~ " + problem["formula"].replace("&", ":")
    numbers = [name for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name]) and name != outcome]
    named = [name for name in numbers if re.search(rf"\b{name}\b", formula)]
    for factors in ([], [name for name in named if name in "ABCDEF"]):
        model = hdsl.from_formula(formula, frame, factors=factors)
        start = time.perf_counter()
        found = model.fit(frame, method=problem.get("method", "ml"))
        seconds = time.perf_counter() - start
        if len(found.fixef) == problem["p"]:
            return found, seconds
    raise ValueError(f"{problem['id']}: {len(found.fixef)} fixed effects, not {problem['p']}")


def run(problem: dict[str, Any], path: Path) -> Row:
    """Fit a problem and say how it ended."""
    frame = pd.read_csv(path, keep_default_na=False)  # a group may be called NA
    found, seconds = fit(problem, frame)
    return Row(
        id=problem["id"],
        data=path.name.partition(".")[0],
        n_theta=len(found.outcome.theta),
        objective=found.outcome.objective,
        best=math.nan if problem["best_ml_objective"] is None else problem["best_ml_objective"],
        evaluations=found.outcome.n_evaluations,
        seconds=seconds,
        status=found.status,
    )


def data_path(name: str, folders: list[Path]) -> Path | None:
    """Return where the data of a problem are, or None."""
    tried = [folder / part for folder in folders for part in (name, Path(name).name)]
    return next((path for path in tried if path.is_file()), None)


def main() -> int:
    """Run the suite and print a line for each model."""
    parser = argparse.ArgumentParser(description="Fit every model of a suite from its default start.")
    parser.add_argument("folder", type=Path, help=f"holds {SUITE}, or is that file; the data may be in --data")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="where the data are")
    parser.add_argument("--only", nargs="+", metavar="ID", help="these models, by id or by the name of their data")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers")
    options = parser.parse_args()
    suite = options.folder if options.folder.is_file() else options.folder / SUITE
    own = [suite.parent, suite.parent / "data", suite.parent.parent / "data"]
    folders = [*([options.data] if options.data else []), *own]
    print(f"{'':<3} {'data':<14} {'theta':>5} {'objective':>16} {'best':>16} {'difference':>11} {'eval':>5} {'s':>8}")
    rows, missing = [], []
    for problem in json.loads(suite.read_text(encoding="utf-8"))["models"]:
        path = data_path(problem["data"], folders)
        wanted = not options.only or {problem["id"], Path(problem["data"]).name.partition(".")[0]} & set(options.only)
        if not wanted:
            continue
        if path is None:
            missing.append(problem["data"])
            continue
        row = run(problem, path)
        rows.append(row)
        numbers = f"{row.objective:>16.6f} {row.best:>16.6f} {row.objective - row.best:>11.1e}"
        verdict = "" if row.is_reached else "  NOT REACHED"
        print(
            f"{row.id:<3} {row.data:<14} {row.n_theta:>5} {numbers} {row.evaluations:>5} {row.seconds:>8.3f}{verdict}",
            flush=True,
        )
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")
    if missing:
        print(f"\nleft out, for there are no data: {', '.join(missing)}; looked in {', '.join(map(str, folders))}")
    known = [row for row in rows if row.is_known]
    print(f"\n{sum(row.is_reached for row in known)} of {len(known)} models reach the best objective known.")
    for row in rows:
        if not row.is_known:
            print(f"{row.id} ({row.data}): {row.status}; no best objective is known.")
    return 0 if rows and all(row.is_reached for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
