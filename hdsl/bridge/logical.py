"""Columns of true and false are coded as R codes them: as factors of two levels.

Stage: bridge, way in. Input: terms. Output: terms in which every such variable is an indicator. Invariant: where R
would give a column to each of true and false, there are two terms.

    y ~ 0 + on, y ~ x:on (without x)   →   on and not on, x:on and x:(not on)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hdsl.bridge.algebra import Formula, Term, Variable
from hdsl.bridge.facts import Facts
from hdsl.bridge.formula import Binary, Group, Node, Number

__all__ = ["code_logicals"]


def code_logicals(formula: Formula, facts: Facts) -> Formula:
    """Return the formula with indicators in the place of variables of true and false.

    Notes
    -----
    R drops the indicator of false where the term without the variable is in the model, too. Without an intercept it
    keeps both for the first variable that has levels.
    """
    random = [
        replace(r, terms=_coded(r.terms, facts.is_logical, facts.is_factor)) if r.is_joint else r
        for r in formula.random
    ]
    fixed = _coded(formula.terms, facts.is_logical, facts.is_factor)
    return replace(formula, terms=fixed, random=tuple(random))


Test = Callable[[Variable], bool]


def _coded(terms: tuple[Term, ...], is_logical: Test, is_factor: Test) -> tuple[Term, ...]:
    present = {frozenset(term) for term in terms}
    found: list[Term] = []
    for term in terms:
        variants = [term]
        for variable in term:
            if is_logical(variable) and frozenset(term) - {variable} not in present:
                other = _complement(variable)
                variants += [tuple(other if v == variable else v for v in variant) for variant in variants]
        found += variants
        if len(term) == 1 and (is_logical(term[0]) or is_factor(term[0])):
            present.add(frozenset())  # its levels sum to an intercept
    return tuple(found)


def _complement(variable: Variable) -> Variable:
    span = variable.node.span
    inner: Node = Group(inner=variable.node, span=span)
    node = Binary(operator="-", left=Number(text="1", span=span), right=inner, place=span)
    return Variable(key=f"not {variable.key}", node=node)
