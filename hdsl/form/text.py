"""The composite equation as plain text that reads well at 80 columns."""

from __future__ import annotations

from hdsl.form.expr import Expr, show_symbol
from hdsl.form.formula import formula_text
from hdsl.form.model import CompositeModel, Predictor, Term

__all__ = ["composite_text", "deviations", "interaction_name", "is_plain_parameter", "outcome_symbol", "term_text"]

_WAYS = {2: "two-way", 3: "three-way", 4: "four-way", 5: "five-way"}


def deviations(form: CompositeModel) -> frozenset[str]:
    """Return the effects that have a mean of their own: in the composite they stand for their deviation from it."""
    return frozenset(
        effect for block in form.blocks for effect, mean in zip(block.effects, block.means, strict=True) if mean
    )


def term_text(term: Term, of_mean: frozenset[str] = frozenset(), separator: str = "*") -> str:
    """Return a term without its sign: ``b4*x3[j]*x1[i]``; ``dev(beta0[j])`` for an effect with a mean of its own."""
    parts = []
    if abs(term.scale) != 1.0 or (term.coefficient is None and not term.covariates):
        parts.append(f"{abs(term.scale):g}")
    if term.coefficient is not None:
        parts.append(f"dev({term.coefficient})" if term.coefficient in of_mean else term.coefficient)
    parts += [covariate.text for covariate in term.covariates]
    return separator.join(parts)


def interaction_name(term: Term) -> str:
    """Return ``"two-way, cross-level"`` and the like for an implied interaction."""
    n_ways = term.order + (len(term.coefficient_set) if term.coefficient_set else 0)
    ways = _WAYS.get(n_ways, f"{n_ways}-way")
    sets = {c.index_set for c in term.covariates} | ({term.coefficient_set} if term.coefficient_set else set())
    return f"{ways}, cross-level" if len(sets) > 1 else ways


def composite_text(form: CompositeModel, width: int = 80) -> str:
    """Return the composite equations, then the implied interactions with their source lines."""
    of_mean = deviations(form)
    lines: list[str] = [_joined(form, argument, expr) for argument, expr in form.outcome.nonlinear]
    for predictor in form.predictors:
        if not is_plain_parameter(predictor):
            lines += _equation(predictor, of_mean, width)
    if not lines:
        lines += [f"{argument} = {name}" for argument, name in form.outcome.scalars]
    implied = [
        term for predictor in form.predictors for term in predictor.terms if term.implied and term.part == "fixed"
    ]
    if implied:
        lines += ["", "implied interactions (products that no statement wrote):"]
        shown = [term_text(term, of_mean, " * ") for term in implied]
        column = max(len(text) for text in shown)
        for term, text in zip(implied, shown, strict=True):
            tail = f"{interaction_name(term)}, from lines {_join(term.lines)}"
            if column + len(tail) + 4 <= width:
                lines.append(f"  {text:<{column}}  {tail}")
            else:
                lines += [f"  {text}", f"      {tail}"]
    if of_mean and any(t.coefficient in of_mean for p in form.predictors for t in p.terms):
        lines += ["", "dev(b) is the deviation of b from the mean in its own equation"]
    return "\n".join(lines)


def outcome_symbol(form: CompositeModel) -> str:
    """Return what is modelled: the outcome, or the function of it that stands on the left."""
    symbol = show_symbol(form.outcome.name, form.outcome.index_set)
    return symbol if form.outcome.transform is None else f"{form.outcome.transform}({symbol})"


def is_plain_parameter(predictor: Predictor) -> bool:
    """Whether a predictor is one parameter, called by its name, so that its equation says nothing."""
    terms = predictor.terms
    return len(terms) == 1 and terms[0].coefficient == predictor.name and not terms[0].covariates


def _joined(form: CompositeModel, argument: str, expr: Expr) -> str:
    """Return the equation that joins predictors: the mean of a Gaussian outcome is the outcome without its error."""
    residual = form.residual.effect if form.residual is not None and argument == "mean" else None
    left = outcome_symbol(form) if residual is not None else argument
    return f"{left} = {formula_text(expr)}" + (f" + {residual}" if residual is not None else "")


def _join(lines: tuple[int, ...]) -> str:
    numbers = [str(line) for line in lines]
    return numbers[0] if len(numbers) == 1 else ", ".join(numbers[:-1]) + " and " + numbers[-1]


def _equation(predictor: Predictor, of_mean: frozenset[str], width: int) -> list[str]:
    """Lay out one equation: each part starts a line, long parts are wrapped at their signs."""
    head = f"{predictor.name} = "
    indent = " " * min(len(head) - 2, 12)
    lines: list[str] = []
    current = head
    is_first = True
    for part in ("fixed", "offset", "random", "residual"):
        terms = [term for term in predictor.terms if term.part == part]
        if not terms:
            continue
        if not is_first:
            lines.append(current.rstrip())
            current = indent
        for term in terms:
            sign = "- " if term.scale < 0 else "" if is_first else "+ "
            piece = sign + term_text(term, of_mean)
            if len(current) + len(piece) > width and current.strip() and current != head:
                lines.append(current.rstrip())
                current = indent
            current += piece + " "
            is_first = False
    lines.append(current.rstrip() if not is_first else head + "0")
    return lines
