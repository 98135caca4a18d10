"""Parts of the documentation that come from the code: kept in the pages, rewritten by one command, checked by a test.

A page marks such a part with two comments; what stands between them belongs to this script::

    <!-- begin: KIND ARGUMENTS -->
    <!-- end -->

Kinds (the table `KINDS`): ``file PATH`` is a file of the project; ``output COMMAND ..`` is what a command prints;
``stages`` is the table of stages from the headers of the modules; ``codes`` is the catalogue of diagnostics and
``toctree`` its pages; ``said CODE`` is what is said of the wrong example on the page of a code; ``benchmark PART`` is a
table of docs/performance.json.

``python docs/_ext/generated.py`` rewrites every page; with ``--check`` it names those that are stale and exits with 1.
"""

from __future__ import annotations

import ast
import math
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = {
    "0": "Text and syntax",
    "1": "Names",
    "2": "Levels",
    "3": "Identification",
    "4": "Data",
    "5": "Estimation",
    "9": "Internal",
}
REGION = re.compile(r"(<!-- begin: (?P<what>[^>]+?) -->\n)(?P<body>.*?)(?P<end><!-- end -->)", re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])[-+\u2212]?\d+(?:\.\d+)?(?:e[-+]?\d+)?", re.IGNORECASE)
EFFORT = re.compile(r"\d+ evaluations?")
"""How long the optimizer took: it differs between machines, and says nothing of the result."""
LANGUAGES = {".hm": "hm", ".py": "python", ".csv": "text"}

sys.path.insert(0, str(ROOT))
os.environ["HDSL_NO_CACHE"] = "1"  # what is shown is what the code says now


# ------------------------------------------------------------ the kinds


def file(path: str) -> str:
    """Return a file of the project as a code block."""
    text = (ROOT / path).read_text(encoding="utf-8").rstrip()
    return f"```{LANGUAGES.get(Path(path).suffix, 'text')}\n{text}\n```\n"


def output(*command: str) -> str:
    """Run a command of hdsl from the project's top, 80 columns wide, and return it with what it prints.

    A mistake that the command reports belongs to the output, as a terminal shows it.
    """
    if command[0] == "hdsl":
        run_as = [sys.executable, "-m", "hdsl", *command[1:]]
    elif command[0] == "python":
        run_as = [sys.executable, *command[1:]]
    else:
        raise ValueError(f"not a command of this project: {shlex.join(command)}")
    environment = os.environ | {
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONPATH": str(ROOT),
        "OPENBLAS_NUM_THREADS": "1",
    }
    run = subprocess.run(
        run_as,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    if run.returncode != 0 and ("error[HM" not in run.stdout or "error[HM9" in run.stdout):
        raise RuntimeError(f"{shlex.join(command)}\n{run.stdout}")
    lines = (line.rstrip() for line in run.stdout.rstrip().splitlines())
    return "\n".join(["```console", f"$ {shlex.join(command)}", *lines, "```", ""])


def stages() -> str:
    """Return the table of stages: each package, what its header says, and what it imports of the others."""
    rows = ["| module | what it is | imports |", "|---|---|---|"]
    layers = sorted_layers()
    for name in reversed(layers):
        files = sources(name)
        header = ast.get_docstring(ast.parse(files[0].read_text(encoding="utf-8"))) or ""
        used = imported(files) - {name}
        shown = ", ".join(f"`{other}`" for other in layers if other in used)
        rows.append(f"| `hdsl.{name}` | {first_sentence(header)} | {shown or '—'} |")
    return "\n" + "\n".join(rows) + "\n\n"


def codes() -> str:
    """Return the catalogue of diagnostics: a table for each family, each code with its page."""
    from hdsl.diagnostics.codes import CODES

    lines = [""]
    for digit, family in FAMILIES.items():
        lines += [f"## HM{digit}xx: {family}", "", "| code | title |", "|---|---|"]
        lines += [f"| [{code}]({code}.md) | {CODES[code]} |" for code in sorted(CODES) if code[2] == digit]
        lines.append("")
    return "\n".join(lines)


def toctree() -> str:
    """Return the list of pages of the catalogue that Sphinx needs, which readers do not see."""
    from hdsl.diagnostics.codes import CODES

    return "\n".join(["```{toctree}", ":hidden:", "", *sorted(CODES), "```", ""])


def said(code: str) -> str:
    """Return what hdsl prints of the wrong example on the page of a code."""
    from tests.error_pages import printed, read_page
    from tests.error_pages import said as say

    return f"```text\n{printed(say(read_page(code).wrong))}\n```\n"


def benchmark(name: str) -> str:
    """Return a table of the numbers that the benchmark has left."""
    from tests.benchmarks.tables import part

    return part(name, ROOT / "docs" / "performance.json")


KINDS: dict[str, Callable[..., str]] = {
    "file": file,
    "output": output,
    "stages": stages,
    "codes": codes,
    "toctree": toctree,
    "said": said,
    "benchmark": benchmark,
}


# ------------------------------------------------------------ what they need


def sources(name: str) -> list[Path]:
    """Return the files of a package, its header first, or the one file of a module."""
    package = ROOT / "hdsl" / name
    if package.is_dir():
        first = package / "__init__.py"
        return [first, *sorted(path for path in package.rglob("*.py") if path != first)]
    return [package.with_suffix(".py")]


def imported(files: list[Path]) -> set[str]:
    """Return the parts of hdsl that some files import."""
    found = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "hdsl":
                parts = (node.module or "").split(".")
                found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
            elif isinstance(node, ast.Import):
                found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("hdsl.")}
    return found


def sorted_layers() -> list[str]:
    """Return the layers from the lowest to the highest, as the import contract of the project lists them."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(c for c in project["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    names = [name.strip(" ()") for layer in contract["layers"] for name in layer.split("|")]
    return [name for name in reversed(names) if sources(name)[0].exists()]


def first_sentence(text: str) -> str:
    """Return the first sentence of a docstring on one line, as Markdown."""
    paragraph = " ".join(text.split("\n\n", maxsplit=1)[0].split()).replace("``", "`")
    return re.split(r"(?<=\.)\s", paragraph)[0].rstrip(".").replace("|", "\\|")


# ------------------------------------------------------------ pages


def pages() -> Iterator[Path]:
    """Yield every page that may have generated parts."""
    yield ROOT / "README.md"
    yield from sorted((ROOT / "examples").rglob("*.md"))
    yield from sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)


def made(what: str) -> str:
    """Return the text of one part."""
    kind, *arguments = shlex.split(what)
    return KINDS[kind](*arguments)


def rewritten(text: str) -> str:
    """Return a page with all its generated parts made anew."""
    return REGION.sub(
        lambda match: match["what"].join(["<!-- begin: ", " -->\n"]) + made(match["what"]) + match["end"], text
    )


def same(old: str, new: str) -> bool:
    """Whether two texts say the same: equal words, and numbers equal to the digits that another machine reproduces."""
    old, new = EFFORT.sub("", old), EFFORT.sub("", new)
    if " ".join(NUMBER.sub("#", old).split()) != " ".join(NUMBER.sub("#", new).split()):
        return False
    return all(
        a is not None and b is not None and math.isclose(value(a), value(b), rel_tol=2e-3, abs_tol=2e-3)
        for a, b in zip_longest(NUMBER.findall(old), NUMBER.findall(new))
    )


def value(number: str) -> float:
    """Return the value of a printed number."""
    return float(number.replace("\u2212", "-"))


def stale(only: Path | None = None) -> list[str]:
    """Return the generated parts, of one page or of all, that are not what the code says now, as ``page: part``."""
    return [
        f"{page.relative_to(ROOT).as_posix()}: {match['what']}"
        for page in ([only] if only else pages())
        for match in REGION.finditer(page.read_text(encoding="utf-8"))
        if not same(match["body"], made(match["what"]))
    ]


def main(arguments: list[str]) -> int:
    """Rewrite the pages, or check them."""
    if "--check" in arguments:
        names = stale()
        print(*names, sep="\n", end="\n" if names else "")
        return bool(names)
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if (new := rewritten(text)) != text:
            page.write_text(new, encoding="utf-8")
            print(f"rewrote {page.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
