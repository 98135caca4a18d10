"""LaTeX of symbols, terms and the composite equation."""

from __future__ import annotations

import re

from hdsl.form.model import CompositeModel, Predictor, Term

__all__ = ["composite_latex", "latex_symbol", "latex_text"]

_GREEK = frozenset(
    [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "zeta",
        "eta",
        "theta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "pi",
        "rho",
        "sigma",
        "tau",
        "upsilon",
        "phi",
        "chi",
        "psi",
        "omega",
        "Gamma",
        "Delta",
        "Theta",
        "Lambda",
        "Xi",
        "Pi",
        "Sigma",
        "Upsilon",
        "Phi",
        "Psi",
        "Omega",
    ]
)
_SPECIAL = {
    "\\": r"\backslash{}",
    "_": r"\_",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "~": r"\sim{}",
    "^": r"\hat{}",
}
_SYMBOL = re.compile(r"^([^\W\d]\w*)(?:\[([\w,]*)\])?$")
_ATOM = re.compile(r"[^\W\d]\w*(?:\[[\w,]*\])?")


def latex_text(text: str) -> str:
    """Return a name or label in upright letters, safe in LaTeX."""
    return r"\mathrm{" + "".join(_SPECIAL.get(c, c) for c in text) + "}"


def _base(name: str) -> tuple[str, str]:
    r"""Split a name into its letter and what stands below it: ``beta0`` gives ``\beta`` and ``0``."""
    head, _, tail = name.partition("_")
    match = re.match(r"^(\D*)(\d*)$", head)
    letters, digits = (match.group(1), match.group(2)) if match is not None else (head, "")
    shown = (
        rf"\{letters}"
        if letters in _GREEK
        else letters
        if len(letters) == 1
        else latex_text(letters)
        if letters
        else ""
    )
    below = digits + (latex_text(tail) if tail else "")
    return shown or latex_text(name), below


def latex_symbol(symbol: str, *, primed: bool = False) -> str:
    """Return a printed symbol (``beta0[j,k]``, ``sd(u0[j])``, ``(x[i] - 3)``) as LaTeX."""
    match = _SYMBOL.match(symbol)
    if match is None:
        return (
            _ATOM.sub(lambda m: latex_symbol(m.group(0), primed=primed), symbol)
            .replace("*", r" \cdot ")
            .replace("==", "=")
        )
    if match.group(2) is None and symbol in (
        "sd",
        "cor",
        "log",
        "exp",
        "sqrt",
        "sin",
        "cos",
        "mean",
        "sum",
        "min",
        "max",
    ):
        return rf"\operatorname{{{symbol}}}"
    letter, below = _base(match.group(1))
    subscripts = "".join((match.group(2) or "").split(","))
    if below and subscripts and not below.isdigit():
        below += ","
    low = below + subscripts
    return letter + (f"_{{{low}}}" if low else "") + ("'" if primed else "")


def _coefficient(term: Term, deviations: frozenset[str]) -> str:
    if term.coefficient is None:
        return ""
    shown = latex_symbol(term.coefficient)
    return rf"\left({shown} - \mathrm{{E}}\,{shown}\right)" if term.coefficient in deviations else shown


def _term(term: Term, deviations: frozenset[str]) -> str:
    parts = [_coefficient(term, deviations), *(latex_symbol(c.text) for c in term.covariates)]
    body = r" \, ".join(part for part in parts if part)
    scale = abs(term.scale)
    if scale != 1.0 or not body:
        body = f"{scale:g}" + (rf" \, {body}" if body else "")
    return rf"\underbrace{{{body}}}_{{\text{{implied}}}}" if term.implied and term.part == "fixed" else body


def _predictor(predictor: Predictor, deviations: frozenset[str]) -> str:
    name = predictor.name
    left = (
        rf"\operatorname{{{predictor.link}}}({latex_symbol(name[len(predictor.link) + 1 : -1])})"
        if predictor.link != "identity"
        else latex_symbol(name)
    )
    rows: list[str] = []
    for part in ("fixed", "offset", "random", "residual"):
        pieces = [(term.scale < 0, _term(term, deviations)) for term in predictor.terms if term.part == part]
        if pieces:
            rows.append(" ".join(("- " if negative else "+ ") + text for negative, text in pieces))
    if rows and rows[0].startswith("+ "):
        rows[0] = rows[0][2:]
    return left + " &= " + " \\\\\n    &\\quad ".join(rows or ["0"])


def composite_latex(form: CompositeModel, deviations: frozenset[str]) -> str:
    """Return the composite equations as an aligned display, implied interactions marked by an under-brace."""
    rows = [_predictor(predictor, deviations) for predictor in form.predictors]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"
