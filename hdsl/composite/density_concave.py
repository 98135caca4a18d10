"""Where a row density is known to be log-concave in its linear predictors, so that a mode is the mode."""

from __future__ import annotations

from hdsl.composite.density_wrappers import Wrapper
from hdsl.form.density import Input
from hdsl.form.expr import Apply, Expr, Num, Ref

__all__ = ["is_log_concave"]

_PROBABILITY = frozenset({"invlogit", "Phi", "invcloglog", "exp", "identity"})
_EVERY_WRAPPER = frozenset({"truncated", "censored", "hurdle"})

_CONCAVE: dict[tuple[str, str], tuple[frozenset[str], frozenset[str]]] = {
    ("normal", "mean"): (frozenset({"identity"}), _EVERY_WRAPPER),
    ("lognormal", "meanlog"): (frozenset({"identity"}), _EVERY_WRAPPER),
    ("bernoulli", "p"): (_PROBABILITY, frozenset()),
    ("binomial", "p"): (_PROBABILITY, frozenset()),
    ("poisson", "mean"): (frozenset({"exp"}), frozenset({"truncated", "hurdle"})),
    ("negative_binomial", "mean"): (frozenset({"exp"}), frozenset()),
    ("gamma", "mean"): (frozenset({"exp", "inverse"}), frozenset({"hurdle", "zero_inflated"})),
    ("gamma", "rate"): (frozenset({"exp", "identity"}), frozenset({"hurdle", "zero_inflated"})),
    ("inverse_gaussian", "mean"): (frozenset({"inverse"}), frozenset({"hurdle", "zero_inflated"})),
    ("exponential", "mean"): (frozenset({"exp", "inverse"}), frozenset({"censored", "hurdle", "zero_inflated"})),
    ("exponential", "rate"): (frozenset({"exp", "identity"}), frozenset({"censored", "hurdle", "zero_inflated"})),
    ("weibull", "scale"): (frozenset({"exp"}), frozenset({"censored", "hurdle", "zero_inflated"})),
}
"""For an argument with an equation: the inverse links and the wrappers, each alone, that leave the density concave."""


def _inverse_link(expr: Expr) -> str | None:
    """Return the function of one input that an expression is, ``"identity"`` for the input itself."""
    match expr:
        case Ref(name=name) if name.startswith("eta"):
            return "identity"
        case Apply(operator="/", operands=(Num(value=1.0), Ref(name=name))) if name.startswith("eta"):
            return "inverse"
        case Apply(operator="*" | "/", operands=(inner, factor)) if _is_known(factor) and _inverse_link(inner) == "exp":
            return "exp"  # a known multiple is an offset
        case Apply(operator="*", operands=(factor, inner)) if _is_known(factor) and _inverse_link(inner) == "exp":
            return "exp"
        case Apply(operator=function, operands=(Ref(name=name),)) if name.startswith("eta") and function != "-":
            return function
    return None


def _is_known(expr: Expr) -> bool:
    return isinstance(expr, Num) or (isinstance(expr, Ref) and expr.name.startswith("data"))


def is_log_concave(
    distribution: str,
    arguments: tuple[tuple[str, Expr], ...],
    wrappers: tuple[Wrapper, ...],
    inputs: tuple[Input, ...],
) -> bool:
    """Whether -log f is known to be convex in the inputs that have an equation; all others are held fixed."""
    if distribution in ("ordered_logit", "ordered_probit"):
        return not wrappers
    modelled = [k for k, item in enumerate(inputs) if item.predictor is not None]
    if len(modelled) != 1 or len(wrappers) > 1:
        return not modelled
    name = next((name for name, expr in arguments if _uses(expr, f"eta{modelled[0]}")), None)
    row = _CONCAVE.get((distribution, name)) if name is not None else None
    if name is None or row is None or sum(_uses(expr, f"eta{modelled[0]}") for _, expr in arguments) != 1:
        return False
    links, allowed = row
    return _inverse_link(dict(arguments)[name]) in links and all(wrapper.name in allowed for wrapper in wrappers)


def _uses(expr: Expr, name: str) -> bool:
    match expr:
        case Ref():
            return expr.name == name
        case Apply(operands=operands):
            return any(_uses(operand, name) for operand in operands)
    return False
