"""LaTeX of symbols, terms and the composite equation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from hdsl.form.estimates import Estimates
from hdsl.form.model import Predictor, Term

__all__ = ["latex_index_set", "latex_symbol", "latex_text", "predictor_latex"]

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


_SPECIAL_IN_TEXT = _SPECIAL | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def latex_text(text: str) -> str:
    """Return a name or label in upright letters, safe in LaTeX; as text where it has spaces or is not ASCII."""
    if text.isascii() and " " not in text:
        return r"\mathrm{" + "".join(_SPECIAL.get(c, c) for c in text) + "}"
    return r"\text{" + "".join(_SPECIAL_IN_TEXT.get(c, c) for c in text) + "}"


def _letters(letters: str) -> str:
    """Return the letters of a name: a Greek one by its command, a single one in italics, others upright."""
    if letters in _GREEK:
        return rf"\{letters}"
    if len(letters) != 1:
        return latex_text(letters) if letters else ""
    match = re.match(r"GREEK (SMALL|CAPITAL) LETTER (\w+)$", unicodedata.name(letters, ""))
    greek = "" if match is None else match[2].capitalize() if match[1] == "CAPITAL" else match[2].lower()
    return rf"\{greek}" if greek in _GREEK else letters


def latex_index_set(names: Sequence[str]) -> str:
    """Return subscripts: letters side by side, longer names upright and set apart by commas."""
    shown = [name if len(name) == 1 and name.isascii() else latex_text(name) for name in names]
    return ("" if all(len(name) == 1 for name in names) else ",").join(shown)


def _base(name: str) -> tuple[str, str]:
    r"""Split a name into its letter and what stands below it: ``beta0`` gives ``\beta`` and ``0``."""
    head, _, tail = name.partition("_")
    match = re.match(r"^(\D*)(\d*)$", head)
    letters, digits = (match.group(1), match.group(2)) if match is not None else (head, "")
    shown = _letters(letters)
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
    names = match.group(2).split(",") if match.group(2) else []
    subscripts = latex_index_set(names)
    if below and subscripts and not (below.isdigit() and all(len(name) == 1 for name in names)):
        below += ","
    low = below + subscripts
    return letter + (f"_{{{low}}}" if low else "") + ("'" if primed else "")


def _coefficient(term: Term, deviations: frozenset[str]) -> str:
    if term.coefficient is None:
        return ""
    shown = latex_symbol(term.coefficient)
    return rf"\left({shown} - \mathrm{{E}}\,{shown}\right)" if term.coefficient in deviations else shown


def _term(term: Term, deviations: frozenset[str], estimates: Estimates) -> tuple[bool, str]:
    """Return whether a term is subtracted, and the term without its sign."""
    covariates = [latex_symbol(c.text) for c in term.covariates]
    if term.coefficient is not None and estimates.has(term.coefficient):
        number = estimates.latex(term.coefficient, term.scale)
        negative, parts = number.startswith("-"), [number.removeprefix("-"), *covariates]
    else:
        negative, parts = term.scale < 0, [_coefficient(term, deviations), *covariates]
        if abs(term.scale) != 1.0 or not any(parts):
            parts.insert(0, f"{abs(term.scale):g}")
    body = r" \, ".join(part for part in parts if part)
    if term.implied and term.part == "fixed":
        body = rf"\underbrace{{{body}}}_{{\text{{implied}}}}"
    return negative, body


def predictor_latex(predictor: Predictor, deviations: frozenset[str], estimates: Estimates) -> str:
    """Return the equation of one predictor, a row or several of an aligned display."""
    name = predictor.name
    left = (
        rf"\operatorname{{{predictor.link}}}({latex_symbol(name[len(predictor.link) + 1 : -1])})"
        if predictor.link != "identity"
        else latex_symbol(name)
    )
    rows: list[str] = []
    for part in ("fixed", "offset", "random", "residual"):
        pieces = [_term(term, deviations, estimates) for term in predictor.terms if term.part == part]
        if pieces:
            rows.append(" ".join(("- " if negative else "+ ") + text for negative, text in pieces))
    if rows and rows[0].startswith("+ "):
        rows[0] = rows[0][2:]
    return left + " &= " + " \\\\\n    &\\quad ".join(rows or ["0"])
