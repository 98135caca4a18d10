"""Programs drawn at random: every statement, distribution and operator of the language, in any layout."""

from __future__ import annotations

from hypothesis import strategies as st

from hdsl.families import AGGREGATES, DISTRIBUTIONS, FUNCTIONS, LINKS, WRAPPERS, DistributionRow, Slot

__all__ = ["programs"]

NAMES = st.sampled_from(["a", "b0", "beta", "normal", "sd_d", "β", "x1", "_z", "größe", "年齢", "rows", "gamma"])
INDICES = st.sampled_from(["i", "j", "k", "town", "animal"])
NUMBERS = st.sampled_from(["0", "1", "2.5", ".5", "1e-3", "1_000", "5.", "0x1F"])
STRINGS = st.sampled_from(['"Y"', '"a b"', '"x # y"', '"\\"q\\""', '""'])


def joined(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    """Concatenate, with ``\\0`` between the parts, where blanks may be put."""
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map("\0".join)


def listed(items: st.SearchStrategy[str], least: int, most: int) -> st.SearchStrategy[str]:
    return st.lists(items, min_size=least, max_size=most).map("\0,\0".join)


SYMBOLS = st.one_of(NAMES, joined(NAMES, "[", listed(INDICES, 1, 3), "]"))


def _deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operator = st.sampled_from(["+", "-", "*", "/", "^", "**"])
    one = st.sampled_from(sorted({name for name, n in FUNCTIONS.items() if n == 1} | set(AGGREGATES)))
    return st.one_of(
        joined(inner, operator, inner),
        joined("(", inner, ")"),
        joined(st.sampled_from(["-", "+"]), inner),
        joined(one, "(", inner, ")"),
        joined(st.sampled_from(["min", "max"]), "(", inner, ",", inner, ")"),
        joined("(", inner, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), inner, ")"),
    )


SUMS = st.recursive(st.one_of(SYMBOLS, NUMBERS), _deeper, max_leaves=8)
EXPRESSIONS = st.one_of(SUMS, joined(SUMS, st.sampled_from(["==", "<"]), st.one_of(SUMS, STRINGS)))
COVARIANCES = st.one_of(
    NAMES,
    joined("diag", "(", SUMS, ",", SUMS, ")"),
    joined("cs", "(", SUMS, ",", SUMS, ")"),
    joined("ar1", "(", "sd", "=", SUMS, ",", "rho", "=", SUMS, ")"),
    joined(NAMES, "^", "2", "*", "A", "[", "animal", ",", "animal", "]"),
)


def _value(slot: Slot) -> st.SearchStrategy[str]:
    match slot.kind:
        case "covariance":
            return COVARIANCES
        case "index":
            return INDICES
        case "label":
            return st.one_of(STRINGS, NUMBERS)
        case "new name":
            return NAMES
        case "distribution":
            return st.sampled_from(["normal", "gamma", "poisson", "weibull"]).flatmap(
                lambda name: call(DISTRIBUTIONS[name])
            )
        case _:
            return EXPRESSIONS


@st.composite
def call(draw: st.DrawFn, row: DistributionRow) -> str:
    """Draw a distribution with its arguments, by position or by name."""
    ways = (row.slots, *row.alternatives)
    choice = draw(st.integers(0, len(ways) - 1))
    needs_bound = row.name in {"truncated", "censored"}
    slots = [slot for slot in ways[choice] if slot.required or needs_bound or draw(st.booleans())]
    positional = draw(st.integers(0, len(slots))) if choice == 0 else 0
    positional = min(positional, next((k for k, slot in enumerate(slots) if not slot.required), len(slots)))
    arguments = [draw(_value(slot)) for slot in slots]
    named = [text if k < positional else f"{slots[k].name}\0=\0{text}" for k, text in enumerate(arguments)]
    return "\0".join([row.name, "(", "\0,\0".join(named), ")"])


DISTRIBUTION = st.sampled_from([*DISTRIBUTIONS.values(), *WRAPPERS.values()]).flatmap(call)
LEFT = st.one_of(SYMBOLS, joined(st.sampled_from(sorted(LINKS)), "(", SYMBOLS, ")"))
MEANS = st.one_of(st.just("0"), joined("(", SUMS, ",", SUMS, ")"))
STATEMENTS = st.one_of(
    joined("index ", INDICES, "=", st.one_of(NAMES, STRINGS)),
    joined("index ", INDICES, "=", st.one_of(NAMES, STRINGS), " in ", INDICES),
    joined("data ", SYMBOLS),
    joined("data ", SYMBOLS, "=", STRINGS),
    joined(LEFT, "=", EXPRESSIONS),
    joined(LEFT, "~", DISTRIBUTION),
    joined("(", SYMBOLS, ",", SYMBOLS, ")", "~", "mvnormal", "(", MEANS, ",", COVARIANCES, ")"),
)
BLANKS = st.sampled_from(["", "", "", " ", "  ", "\t"])
ENDS = st.sampled_from(["\n", "\n\n", "\n\n\n\n", "\r\n", " # c\n", "#\n", "\n  # own line\n\n# other\n", "\n\t\n"])
BREAKS = st.sampled_from(["\n", " \r\n  ", " # why\n", "\n\n   "])


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Draw a program with blanks, comments and line breaks wherever they may stand."""
    text = draw(st.sampled_from(["", "\n\n", "# head\n", "\ufeff"]))
    for statement in draw(st.lists(STATEMENTS, min_size=1, max_size=4)):
        depth = 0
        for part in statement.split("\0"):
            text += part
            depth += (part in {"(", "["}) - (part in {")", "]"})
            # A line may break where a bracket is open or behind an operator; only a part that is a sign alone tells.
            may_break = depth > 0 or part in {"=", "~", "+", "-", "*", "/", "^", "**", ",", "==", "<"}
            text += draw(BREAKS) if may_break and draw(st.integers(0, 9)) == 0 else draw(BLANKS)
        text += draw(ENDS)
    return text
