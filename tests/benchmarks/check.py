"""Time the check of a model: a file of thirty statements, and the deepest composite.

What is timed, for each model:

- ``cold``: a new process that imports hdsl and makes the model, as an editor does that calls the command line at each
  save;
- ``warm``: `hdsl.Model(text)` in a process that has made one before, as an editor does that keeps it running.

Times are processor times, which other programs disturb least. Beside them stand a new process that does nothing, one
that imports hdsl alone, and one that imports SymPy, since times of one machine say little of another's: what travels is
the ratio.

    python tests/benchmarks/check.py [--repeat N] [--json FILE]
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import subprocess
import sys
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import hdsl

ROOT = Path(__file__).resolve().parents[2]

THIRTY = """
index c = class in s
index s = school in d
index d = district
index o = occasion
data ses[i] = "socio-economic status"
data size[c] = "class size"
ses_mean[s] = mean(ses[i])
ses_all = mean(ses[i])
ses_c[i] = ses[i] - ses_mean[s]
ses_s[s] = ses_mean[s] - ses_all
n_pupils[s] = count(ses[i])
log_size[c] = log(size[c])
private[s] = kind[s] == "private"
late[i] = (week[i] > 20)*(week[i] - 20)
score[i] = mu[i] + f[o] + e[i]
mu[i] = b0[c] + b1[s]*ses_c[i] + b2[s]*week[i] + b3*late[i] + b_home[home] + b4*age[i]
b_home[home] ~ flat(ref = "both parents")
b0[c] = a0[s] + a1*log_size[c] + a2*teacher_years[c] + u0[c]
a0[s] = g0[d] + g1*ses_s[s] + g2*private[s] + g3*log(n_pupils[s]) + v0[s]
b1[s] = h0[d] + h1*ses_s[s] + h2*private[s] + v1[s]
b2[s] = k0 + k1*ses_s[s] + k2*private[s] + v2[s]
g0[d] = m0 + m1*spending[d] + w0[d]
h0[d] = p0 + p1*spending[d] + w1[d]
f[o] ~ normal(0, sd_occasion)
u0[c] ~ normal(0, sd_class)
(v0[s], v1[s], v2[s]) ~ mvnormal(0, Omega_school)
(w0[d], w1[d]) ~ mvnormal(0, Omega_district)
e[i] ~ normal(0, sd)
sd ~ half_normal(10)
sd_class ~ half_normal(5)
"""


def deepest(rows: int = 3, classes: int = 2, schools: int = 2, districts: int = 1) -> str:
    """Return a model of four levels, each with some covariates, in which every coefficient varies at every level above.

    Substituted into one another, its levels make a term for each product of a covariate, or none, of each level.
    """
    lines = ["index j = class in k", "index k = school in l", "index l = district"]
    levels = (("b", "j", "x", rows), ("c", "k", "w", classes), ("d", "l", "z", schools), ("g", "", "v", districts))
    lines.append(f"y[i] = {_equation('b', 'j', 'x', 'i', rows, '')} + e[i]")
    lines.append("e[i] ~ normal(0, sd)")
    suffixes = [str(k) for k in range(rows + 1)]
    for (name, index, _, _), (above, coarser, covariate, count) in pairwise(levels):
        for suffix in suffixes:
            right = _equation(above, coarser, covariate, index, count, suffix)
            lines.append(f"{name}{suffix}[{index}] = {right} + u{suffix}[{index}]")
        effects = ", ".join(f"u{suffix}[{index}]" for suffix in suffixes)
        lines.append(f"({effects}) ~ mvnormal(0, Omega_{index})")
        suffixes = [f"{suffix}{k}" for suffix in suffixes for k in range(count + 1)]
    return "\n".join(lines) + "\n"


def _equation(name: str, index: str, covariate: str, own: str, count: int, suffix: str) -> str:
    """Return ``c00[k] + c01[k]*w1[j] + c02[k]*w2[j]``: a coefficient of the level above for 1 and each covariate."""
    over = f"[{index}]" if index else ""
    slopes = [f"{name}{suffix}{k}{over}*{covariate}{k}[{own}]" for k in range(1, count + 1)]
    return " + ".join([f"{name}{suffix}0{over}", *slopes])


def warm(text: str, repeat: int) -> float:
    """Return the least processor time of a check in this process, in seconds, each time as the mean of a few."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        for _ in range(_FEW):
            hdsl.Model(text)
        times.append((time.process_time() - start) / _FEW)
    return min(times)


def cold(program: str, repeat: int, text: str = "") -> float:
    """Return the least processor time of some new processes, in seconds; they run a program with `text` as their input.

    A new process is long enough for others to get between; its processor time says what it does itself.
    """
    command = [sys.executable, "-c", f"{program}\nimport time; print(time.process_time())"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = partial(subprocess.run, command, input=text, text=True, cwd=ROOT, env=environment, check=True)
    return min(float(run(stdout=subprocess.PIPE).stdout) for _ in range(repeat))


_FEW = 5
"""Checks that are timed together: the processor's clock is coarse on some systems."""

CHECK = "import sys; sys.modules['interegular'] = None; import hdsl; hdsl.Model(sys.stdin.read())"
"""As users have it: interegular is for tests of the grammar, and where it is installed lark takes time to use it."""


def measure(text: str, repeat: int) -> dict[str, float]:
    """Return what a model has and how long its check takes."""
    terms = sum(len(predictor.terms) for predictor in hdsl.Model(text).form.predictors) + 1  # the residual
    return {
        "statements": sum(bool(line.strip()) for line in text.splitlines()),
        "terms": terms,
        "warm": warm(text, repeat),
        "cold": cold(CHECK, repeat, text),
    }


def main() -> None:
    """Time everything, print the table and write the numbers."""
    parser = argparse.ArgumentParser(description="Time the check of a model.")
    parser.add_argument("--repeat", type=int, default=7, metavar="N", help="runs of each, of which the best counts")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "check.json", metavar="FILE")
    options = parser.parse_args()

    plain = {name: cold(program, options.repeat) for name, program in _PLAIN.items()}
    sympy = plain["import sympy"]
    print(f"{'':<20}  {'statements':>10}  {'terms':>6}  {'warm ms':>8}  {'cold ms':>8}  {'cold / SymPy':>12}")
    results = []
    for name, text in {"thirty statements": THIRTY, "deepest composite": deepest()}.items():
        row = measure(text, options.repeat)
        times = f"{1e3 * row['warm']:>8.1f}  {1e3 * row['cold']:>8.0f}  {row['cold'] / sympy:>12.2f}"
        print(f"{name:<20}  {row['statements']:>10}  {row['terms']:>6}  {times}", flush=True)
        results.append({"model": name, **row})
    for name, seconds in plain.items():
        print(f"{name:<20}  {'':>10}  {'':>6}  {'':>8}  {1e3 * seconds:>8.0f}  {seconds / sympy:>12.2f}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"plain": plain, "results": results}, indent=2) + "\n", encoding="utf-8")
    print(f"\n{options.json}\nBest of several runs.")


_PLAIN = {"python": "pass", "import hdsl": "import hdsl", "import sympy": "import sympy"}

if __name__ == "__main__":
    main()
