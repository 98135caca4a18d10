"""The numbers of the benchmark as Markdown: what `bench.py` prints, and what the documentation shows of its JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["DIFFERENT", "PARTS", "PEERS", "cases", "part", "row"]

Numbers = dict[str, Any]

DIFFERENT = 0.01
"""Difference of log-likelihoods that says that two programs are not at the same optimum."""

PEERS = ("glmm", "lme4", "lme-python", "gpboost", "statsmodels")


def ratio(result: Numbers, name: str) -> float | None:
    """Return how many times as long a program took; None where it did not run."""
    if name not in result:
        return None
    ours, theirs = result["hdsl"]["seconds"], result[name]["seconds"]
    if name == "lme4":  # in a process of its own
        return median(theirs) / median(ours)
    return median(b / a for a, b in zip(ours, theirs, strict=True))


def milliseconds(seconds: list[float]) -> str:
    """Return the median with three digits."""
    value = 1e3 * median(seconds)
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def times(value: float | None) -> str:
    """Return a ratio with two digits."""
    return "-" if value is None else f"{value:.2g}" if value < 10 else f"{value:,.0f}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def row(result: Numbers) -> list[str]:
    """Return the cells of a case: times of all programs, then their ratios."""
    ours = result["hdsl"]
    cells = [result["case"], f"{result['rows']:,}", f"{ours['loglik']:.4f}"]
    cells += [milliseconds(ours["seconds"]), milliseconds(ours["with_all_se"])]
    for name in PEERS:
        cells.append(milliseconds(result[name]["seconds"]) if name in result else "-")
        if name in result and abs(result[name]["loglik"] - ours["loglik"]) > DIFFERENT:
            cells[-1] += f" (log-lik. {result[name]['loglik']:.2f})"
    return cells + [times(ratio(result, name)) for name in PEERS]


def cases(results: list[Numbers]) -> str:
    """Return the table of fits."""
    head = ["case", "rows", "log-lik.", "hdsl ms", "with all SE", *(f"{name} ms" for name in PEERS)]
    return _table([*head, *(f"vs {name}" for name in PEERS)], [row(result) for result in results])


def _cases(numbers: Numbers) -> str:
    return cases(numbers["results"])


def _refits(numbers: Numbers) -> str:
    """Return the table of refits."""
    rows = []
    for own in numbers["refits"]:
        peer = own.get("glmm")
        against = times(median(b / a for a, b in zip(own["hdsl"], peer, strict=True))) if peer else "-"
        alone = milliseconds(own["alone"]) if "alone" in own else "-"
        cells = [own["case"], milliseconds(own["hdsl"]), alone, milliseconds(peer) if peer else "-", against]
        rows.append(cells + _profiles(own))
    profiles = ["profile intervals ms", "ends", "points", "ms a point", "glmm's fit / point"]
    return _table(
        ["model", "replicate ms", "one alone ms", "a fit by glmm ms", "glmm's fit / replicate", *profiles], rows
    )


def _profiles(own: Numbers) -> list[str]:
    """Return what the profile intervals of a case take, and a point of them."""
    if "profile" not in own:
        return ["-"] * 5
    each = [whole / own["points"] for whole in own["profile"]]
    against = times(median(b / a for a, b in zip(each, own["glmm"], strict=True))) if "glmm" in own else "-"
    return [milliseconds(own["profile"]), str(own["ends"]), str(own["points"]), milliseconds(each), against]


def _limits(numbers: Numbers) -> str:
    """Return the table of what arithmetic and data would need alone."""
    needed = {own["case"]: own for own in numbers["memory"]}
    rows = []
    for own in numbers["floor"]:
        by = median(a / b for a, b in zip(own["fit"], own["bincount"], strict=True))
        memory = needed.get(own["case"])
        cells = ["-"] * 3
        if memory:
            sizes = [f"{memory[name] / 2**20:,.0f}" for name in ("data", "fit")]
            cells = [*sizes, times(memory["fit"] / memory["data"])]
        rows.append([own["case"], milliseconds(own["fit"]), milliseconds(own["bincount"]), times(by), *cells])
    head = ["case", "fit ms", "one `bincount` ms", "fit / `bincount`", "data MiB", "fit needs MiB", "fit / data"]
    return _table(head, rows)


def _shell(numbers: Numbers) -> str:
    """Return the table of commands."""
    found = numbers["shell"]
    rows = [
        [
            f"`{name}`",
            milliseconds(own),
            times(median(a / b for a, b in zip(own, found["import pandas"], strict=True))),
        ]
        for name, own in found.items()
    ]
    return _table(["command", "ms", "vs `import pandas`"], rows)


def _suite(numbers: Numbers) -> str:
    """Return the table of the optimizer suite."""
    rows = []
    for own in numbers["suite"]:
        above = own["objective"] - own["best"]
        shown = "-" if math.isnan(above) else f"{above:.1e}"
        cells = [f"{own['objective']:.4f}", shown, str(own["evaluations"]), milliseconds([own["seconds"]])]
        rows.append([own["id"], own["data"], str(own["n_theta"]), *cells, own["status"]])
    head = ["model", "data", "parameters", "objective", "above the best known", "evaluations", "ms", "status"]
    return _table(head, rows)


def _left_out(numbers: Numbers) -> str:
    """Return for each case which programs were left out, and why."""
    lines = []
    for result in numbers["results"]:
        whys: dict[str, list[str]] = {}
        for name, why in result["left_out"].items():
            whys.setdefault(why, []).append(name)
        if whys:
            shown = "; ".join(f"{', '.join(names)}: {why}" for why, names in whys.items())
            lines.append(f"- {result['case']}: {shown}")
    return "\n".join(lines) + "\n"


def _versions(numbers: Numbers) -> str:
    """Return what ran, in a sentence."""
    return (
        "Milliseconds, medians. " + ", ".join(f"{name} {value}" for name, value in numbers["versions"].items()) + ".\n"
    )


PARTS = {
    "cases": _cases,
    "refits": _refits,
    "limits": _limits,
    "shell": _shell,
    "suite": _suite,
    "left-out": _left_out,
    "versions": _versions,
}


def part(name: str, path: Path) -> str:
    """Return a part of the page from the numbers in a file, with lines around it."""
    return "\n" + PARTS[name](json.loads(path.read_text(encoding="utf-8"))) + "\n"
