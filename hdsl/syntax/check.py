"""Distributions, functions and links against the table of families.

Input: a statement of the tree. Output: diagnostics HM001 and HM006 to HM009. A pass that changes nothing: after it
every distribution has the arguments of its row, every call is of a known function with the right number of operands,
and no expression is deeper than `MAX_DEPTH`, so that later stages may recurse.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from hdsl.diagnostics.record import Diagnostics
from hdsl.diagnostics.spelling import near_names, one_of
from hdsl.families import (
    AGGREGATES,
    COVARIANCES,
    DISTRIBUTIONS,
    FUNCTIONS,
    LINKS,
    WRAPPERS,
    DistributionRow,
    Slot,
)
from hdsl.source import Span
from hdsl.syntax.foreign import DISTRIBUTION_NAMES, FUNCTION_NAMES
from hdsl.syntax.tree import (
    Argument,
    Call,
    Deterministic,
    Distribution,
    DistributionArgument,
    Joint,
    LeftSide,
    Number,
    Statement,
    Stochastic,
    String,
    Symbol,
    TupleExpr,
    Unary,
)
from hdsl.syntax.walk import Value, walk

__all__ = ["MAX_DEPTH", "check_statement", "is_too_deep"]

MAX_DEPTH = 300
"""Operators and brackets that may stand in one another; a sum of n terms is n - 1 deep."""

_USAGE = {
    "over": "over = t",
    "ref": 'ref = ".."',
    "lower": "lower = ..",
    "upper": "upper = ..",
    "distribution": "normal(mu[i], sd)",
}
"""How an argument is shown where its name alone would not tell."""

_LINE = 78
"""A message is not longer where it can be helped."""

_COMMON = ("normal", "mvnormal", "flat", "bernoulli", "poisson", "binomial")


def check_statement(statement: Statement, found: Diagnostics) -> None:
    """Add to `found` what is wrong with the names and arguments of `statement`."""
    allowed: set[int] = set()
    for value, _ in walk(statement):
        match value:
            case Distribution():
                allowed |= {id(item) for item in _distribution(value, found)}
            case Call() if id(value) not in allowed:
                _call(value, found)
            case TupleExpr() if id(value) not in allowed:
                _tuple(value, found)
            case Number() if math.isinf(value.value):
                found.error(
                    "HM001",
                    "the number is too large: rescale the data",
                    value.span,
                    label="beyond 1.8e308",
                    help="rescale the data",
                )
    if isinstance(statement, Stochastic | Deterministic) and isinstance(statement.left, LeftSide):
        _link(statement.left, found)
    if isinstance(statement, Stochastic) and isinstance(statement.left, Joint):
        _joint(statement.left, statement.distribution, found)


def is_too_deep(statement: Statement, found: Diagnostics) -> bool:
    """Tell whether an expression of `statement` is deeper than `MAX_DEPTH`, and report it (HM009)."""
    if all(depth <= MAX_DEPTH for _, depth in walk(statement)):
        return False
    found.error(
        "HM009",
        f"an expression has more than {MAX_DEPTH} operators in one another: name parts of it",
        statement.left.span if isinstance(statement, Stochastic | Deterministic) else statement.span,
        label="the right side is too long",
        help="give parts of it a name of their own: `part1[i] = ..`, `part2[i] = ..`, and add these",
    )
    return True


def _tuple(value: TupleExpr, found: Diagnostics) -> None:
    found.error(
        "HM007",
        "several values in parentheses are only for a joint mean: write one value",
        value.span,
        label="one value expected here",
        help="write `(a[j], b[j]) ~ mvnormal((m0, m1), Omega)` for several, one value for one",
    )


# ---------------------------------------------------------------------------------------------- distributions


def _distribution(value: Distribution, found: Diagnostics) -> tuple[Value, ...]:
    """Check one distribution; return the values below it that its slots have answered for."""
    row = DISTRIBUTIONS.get(value.name) or WRAPPERS.get(value.name)
    if row is None:
        _unknown_distribution(value, found)
        return tuple(argument.value for argument in value.arguments)
    pairs = _bind(value, row, found)
    if pairs is None:
        return tuple(argument.value for argument in value.arguments)
    answered = [argument.value for slot, argument in pairs if _slot(row, slot, argument, found)]
    if value.name in {"truncated", "censored"} and len(pairs) == 1:
        found.error(
            "HM007",
            f"`{value.name}` needs a bound: add `lower = ..` or `upper = ..`",
            value.name_span,
            label="neither `lower` nor `upper` is given",
            help=f"write `{value.name}(.., lower=0)`, `{value.name}(.., upper=c[i])` or both",
        )
    return tuple(answered)


def _unknown_distribution(value: Distribution, found: Diagnostics) -> None:
    words = (*DISTRIBUTIONS, *WRAPPERS)
    near = near_names(value.name, words)
    notes: tuple[str, ...] = ()
    if value.name in DISTRIBUTION_NAMES:
        ours, note = DISTRIBUTION_NAMES[value.name]
        near, notes = (ours,), (f"`{_signature(ours)}`: {note}",)
    if near:
        todo = f"did you mean {one_of(near[:2])}?"
        way_out = f"write {one_of([_signature(name) for name in near])}"
    elif value.name in {*FUNCTIONS, *AGGREGATES}:
        todo = "a definition is written `=`"
        way_out = "that is a function: for a definition write `=` in the place of `~`"
    else:
        todo = "take `normal`, say"
        way_out = f"the usual ones are {one_of(_COMMON).replace(' or ', ' and ')}"
        notes = (f"all of them: {', '.join(words)}",)
    found.error(
        "HM006",
        f"there is no distribution `{value.name}`: {todo}",
        value.name_span,
        label="unknown distribution",
        help=way_out,
        notes=notes,
    )


def _signature(name: str) -> str:
    """Return a distribution with its arguments' names: ``normal(mean, sd)``."""
    row = DISTRIBUTIONS.get(name) or WRAPPERS[name]
    return _written(name, row.slots)


def _written(name: str, slots: Iterable[Slot]) -> str:
    shown = [slot for slot in slots if slot.required or slot.kind != "index"]
    return f"{name}({', '.join(_USAGE.get(slot.name, slot.name) for slot in shown)})"


def _bind(
    value: Distribution, row: DistributionRow, found: Diagnostics
) -> tuple[tuple[Slot, DistributionArgument], ...] | None:
    """Pair each argument with its slot; report what does not pair and return None."""
    names = [argument.name for argument in value.arguments if argument.name is not None]
    ways = (row.slots, *row.alternatives)
    # Positions follow the first way; another one is taken when the names say so.
    slots = max(ways, key=lambda way: sum(slot.name in names for slot in way))
    if any(argument.name is None for argument in value.arguments):
        slots = row.slots
    usage = " or ".join(f"`{_written(row.name, way)}`" for way in ways)
    first = f"`{_written(row.name, slots)}`"
    bound, troubles = _pair(row.name, value.arguments, slots)
    missing = [slot.name for slot in slots if slot.required and slot.name not in bound]
    if missing and not troubles:
        listed = one_of(missing).replace(" or ", " and ")
        label = f"{len(missing)} argument{'s' * (len(missing) > 1)} missing"
        troubles = [(value.name_span, f"`{row.name}` lacks its {listed}", label)]
    for span, message, label in troubles:
        found.error("HM007", f"{message}: write {first}", span, label=label, help=f"write {usage}")
    return None if troubles else tuple((slot, bound[slot.name]) for slot in slots if slot.name in bound)


Trouble = tuple[Span, str, str]


def _pair(
    owner: str, arguments: Sequence[DistributionArgument], slots: Sequence[Slot]
) -> tuple[dict[str, DistributionArgument], list[Trouble]]:
    """Pair arguments with slot names; tell place, message and label of each that does not pair."""
    bound: dict[str, DistributionArgument] = {}
    troubles: list[Trouble] = []
    for place, argument in enumerate(arguments):
        name = argument.name
        if name is None and any(earlier.name is not None for earlier in arguments[:place]):
            troubles.append((argument.span, "an argument without a name follows one with a name", "which one is this?"))
        elif name is None and place >= len(slots):
            takes = f"takes {len(slots)} argument{'s' * (len(slots) != 1)}"
            troubles.append((argument.span, f"`{owner}` {takes}, not {len(arguments)}", "one too many"))
            break
        elif (key := name or slots[place].name) in bound:
            troubles.append((argument.span, f"the argument `{key}` is given twice", "a second time"))
        elif key in {slot.name for slot in slots}:
            bound[key] = argument
        else:
            near = near_names(key, [slot.name for slot in slots])
            elsewhere = " beside these" if _is_elsewhere(owner, key) else ""
            label = f"did you mean {one_of(near)}?" if near else "unknown argument"
            troubles.append((argument.span, f"`{owner}` has no argument `{key}`{elsewhere}", label))
    return bound, troubles


def _is_elsewhere(owner: str, name: str) -> bool:
    """Tell whether another way of calling the distribution has an argument of that name."""
    row = DISTRIBUTIONS.get(owner)
    return row is not None and any(slot.name == name for way in (row.slots, *row.alternatives) for slot in way)


def _is_label(value: Value) -> bool:
    """Whether a value can be a level's label: a string, a number, a negative number, or one of these for each index."""
    if isinstance(value, TupleExpr):
        return all(_is_label(item) for item in value.items)
    return isinstance(value.operand if isinstance(value, Unary) else value, String | Number)


def _slot(row: DistributionRow, slot: Slot, argument: DistributionArgument, found: Diagnostics) -> bool:
    """Check what stands in a slot; tell whether later checks of the value itself are not to be made."""
    value = argument.value
    match slot.kind:
        case "distribution":
            return _inner(row, value, found)
        case "covariance":
            return _covariance(value, found)
        case "index" | "new name" if not (isinstance(value, Symbol) and not value.subscripts):
            what = "the name of an index" if slot.kind == "index" else "a new name without subscripts"
            example = "over = t" if slot.kind == "index" else "cut"
            found.error(
                "HM007",
                f"`{slot.name}` of `{row.name}` is {what}: write `{example}`",
                value.span,
                label="not a bare name",
                help=f"write a name alone, for example `{example}`",
            )
            return True
        case "label" if not _is_label(value):
            found.error(
                "HM007",
                f"`{slot.name}` of `{row.name}` is a level's label: write it in double quotes",
                value.span,
                label="not a label",
                help=f'write the label in double quotes: `{row.name}({slot.name} = "1")`',
            )
            return True
        case _:
            is_wide = (row.is_joint or row.name == "categorical") and slot.name in {"mean", "eta"}
            return isinstance(value, TupleExpr) and (is_wide or slot.kind == "label")


def _inner(row: DistributionRow, value: Value, found: Diagnostics) -> bool:
    """Check the distribution inside a wrapper; an unknown one is reported when its own turn comes."""
    if isinstance(value, Distribution):
        inner = DISTRIBUTIONS.get(value.name)
        if inner is None or not (inner.is_joint or inner.name in {"flat", "ar1"}):
            return False
    found.error(
        "HM007",
        f"`{row.name}` wraps a distribution of one value, such as `normal(mu[i], sd)`",
        value.span,
        label="not a distribution of one value",
        help=f"write, for example, `{_written(row.name, row.slots)}`",
    )
    return True


def _covariance(value: Value, found: Diagnostics) -> bool:
    if not (isinstance(value, Call) and value.function in COVARIANCES):
        return False
    slots = COVARIANCES[value.function]
    arguments = [DistributionArgument(span=a.span, name=a.name, value=a.value) for a in value.arguments]
    if slots:
        bound, troubles = _pair(value.function, arguments, slots)
        if not troubles and len(bound) < len(slots):
            troubles = [(value.function_span, f"`{value.function}` needs {len(slots)} arguments", "arguments missing")]
        usage = _written(value.function, slots)
    else:
        unnamed = "the standard deviations of `diag` have no names"
        troubles = [(a.span, unnamed, "leave the name out") for a in arguments if a.name is not None]
        if not arguments:
            needs = "`diag` needs a standard deviation for each effect"
            troubles = [(value.function_span, needs, "arguments missing")]
        usage = "diag(s1, s2)"
    for span, message, label in troubles:
        found.error("HM007", f"{message}: write `{usage}`", span, label=label, help=f"write `{usage}`")
    return True


def _joint(left: Joint, distribution: Distribution, found: Diagnostics) -> None:
    """Check that a joint statement has a joint distribution with as many parts as the left side."""
    row = DISTRIBUTIONS.get(distribution.name)
    width = len(left.symbols)
    if row is None and distribution.name not in WRAPPERS:
        return
    if row is None or not row.is_joint:
        found.error(
            "HM007",
            f"`{distribution.name}` is for one symbol, and the left side has {width}: write `mvnormal`",
            distribution.name_span,
            label="`mvnormal` expected here",
            help="write `(u0[j], u1[j]) ~ mvnormal(0, Omega)`, or one statement for each symbol",
        )
        return
    for argument in distribution.arguments:
        parts = _parts(argument.value)
        if parts is not None and parts != width:
            found.error(
                "HM007",
                f"the left side has {width} symbols, this has {parts}: give one value for each",
                argument.value.span,
                label=f"{width} expected",
                help="give one value for each symbol on the left, in its order",
            )


def _parts(value: Value) -> int | None:
    """Return for how many effects a mean or a covariance is, where it says so."""
    match value:
        case TupleExpr():
            return len(value.items)
        case Call(function="diag") if value.arguments:
            return len(value.arguments)
        case _:
            return None


# ---------------------------------------------------------------------------------------------- functions and links


def _call(value: Call, found: Diagnostics) -> None:
    name = value.function
    wanted = {FUNCTIONS[name]} if name in FUNCTIONS else set()
    if name in AGGREGATES:
        wanted.add(1)
    if not wanted:
        _unknown_function(value, found)
        return
    named = next((argument for argument in value.arguments if argument.name is not None), None)
    given = len(value.arguments)
    operands = " or ".join(str(number) for number in sorted(wanted))
    if named is not None:
        _operands(named, f"`{name}` has no argument `{named.name}`", "leave the name out", name, found)
    elif given not in wanted:
        span = value.arguments[max(wanted)] if given > max(wanted) else value
        _operands(span, f"`{name}` takes {operands} argument{'s' * (operands != '1')}, not {given}", "", name, found)


def _operands(at: Argument | Call, message: str, label: str, name: str, found: Diagnostics) -> None:
    usage = f"{name}(a, b)" if FUNCTIONS.get(name) == 2 else f"{name}(x[i])"
    found.error(
        "HM007",
        f"{message}: write `{usage}`",
        at.span,
        label=label or "wrong number of arguments",
        help=f"write `{usage}`",
    )


def _unknown_function(value: Call, found: Diagnostics) -> None:
    name = value.function
    near = near_names(name, {*FUNCTIONS, *AGGREGATES})
    if name in {*DISTRIBUTIONS, *WRAPPERS}:
        message, label = (
            f"a distribution stands only after `~`: write `e[i] ~ {name}(..)` and use `e[i]`",
            "not a value",
        )
        way_out = f"name the quantity: `e[i] ~ {name}(..)`, and write `e[i]` here"
    elif name in COVARIANCES:
        message, label = f"`{name}` stands only for a covariance: write `mvnormal(0, {name}(..))`", "not a value"
        way_out = f"write `(u0[j], u1[j]) ~ mvnormal(0, {name}(..))`"
    else:
        label = "unknown function"
        message, way_out = _instead(name, near)
    found.error("HM008", message, value.function_span, label=label, help=way_out)


def _instead(name: str, near: Sequence[str]) -> tuple[str, str]:
    """Return the message and the way out for a function that the language does not have."""
    message = f"there is no function `{name}`"
    if name in FUNCTION_NAMES:
        way_out = FUNCTION_NAMES[name]
        first = way_out if len(message) + len(way_out) < _LINE else way_out.split(";")[0].split(", ")[0]
        return f"{message}: {first}", way_out
    if near:
        return f"{message}: did you mean {one_of(near[:2])}?", f"write {one_of([f'{word}(..)' for word in near])}"
    return f"{message}: for a product write `*`", _all_functions()


def _all_functions() -> str:
    known = ", ".join(dict.fromkeys((*FUNCTIONS, *AGGREGATES)))
    return f"the functions are {known}"


def _link(left: LeftSide, found: Diagnostics) -> None:
    if left.link is None or left.link in LINKS or left.link_span is None:
        return
    near = near_names(left.link, LINKS)
    inverse = next((link for link, undo in LINKS.items() if undo == left.link and link != "identity"), None)
    symbol = left.symbol.name + (
        f"[{','.join(s.name for s in left.symbol.subscripts)}]" if left.symbol.subscripts else ""
    )
    if left.link in {*DISTRIBUTIONS, *WRAPPERS}:
        todo = "a distribution stands after `~`"
        way_out = f"write `{symbol} ~ {left.link}(..)`"
    elif inverse is not None:
        todo = f"write `{inverse}({symbol}) = ..`"
        way_out = f"it undoes the link `{inverse}`: write `{inverse}({symbol}) = ..`, or `{symbol} = {left.link}(..)`"
    else:
        known = one_of(LINKS).replace(" or ", " and ")
        todo = f"did you mean {one_of(near)}?" if near else "subscripts stand in `[ ]`"
        way_out = f"the links are {known}"
    found.error("HM008", f"there is no link `{left.link}`: {todo}", left.link_span, label="unknown link", help=way_out)
