"""The page of a fit with what a reviewer asked for, twice: what it holds, and that it is the same page."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import hdsl

fit = hdsl.read("examples/sleepstudy/model.hm").fit("examples/sleepstudy/sleepstudy.csv", method="reml")

with TemporaryDirectory() as folder:
    first, second = Path(folder, "first.html"), Path(folder, "second.html")
    for path in (first, second):
        fit.report(path, title="Reaction times", tests=["b1 = 10"], df="kenward-roger", plots=False)
    page = first.read_text(encoding="utf-8")
    print(*re.findall(r"<h2[^>]*>(.*?)</h2>", page), sep="\n")
    print("the same page twice:", first.read_bytes() == second.read_bytes())
