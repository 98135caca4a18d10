"""Expressions of a formula → expressions of the language.

Stage: bridge, way in. Input: a node of the formula's tree and a level. Output: text of the language, with the level's
subscripts. Invariants: a function means the same in both, or it is refused; what a function takes over all rows (a
mean, a standard deviation) becomes a definition of its own.
"""

from __future__ import annotations

from hdsl.bridge.advice import with_advice
from hdsl.bridge.formula import Binary, Call, Group, Name, Node, Number, Text, Unary
from hdsl.bridge.words import ROW, Words, quoted, slug
from hdsl.diagnostics import Diagnostics, ModelError
from hdsl.diagnostics.spelling import near_names, one_of
from hdsl.families import AGGREGATES, FUNCTIONS
from hdsl.source import Source

__all__ = ["Values"]

_RENAMED = {"plogis": "invlogit", "qlogis": "logit", "pnorm": "Phi", "qnorm": "probit", "expit": "invlogit"}
_TEMPLATES = {"log2": "log({0})/log(2)", "log10": "log({0})/log(10)", "exp2": "2^({0})"}
_SAME = ("as.numeric", "as.integer", "as.double", "I", "c")
_STRENGTH = {**dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 1), "+": 2, "-": 2, "*": 3, "/": 3, "^": 5}
_SUM, _PRODUCT, _SIGN, _ATOM = 2, 3, 4, 6

Level = tuple[str, ...] | None
"""Columns of a grouping; None is the rows."""


class Values:
    """Writes expressions, and collects the definitions that they need.

    Attributes
    ----------
    definitions : dict of str to str
        Name and right side of each grand aggregate.
    """

    def __init__(self, source: Source, words: Words, columns: tuple[str, ...] = ()) -> None:
        self.source = source
        self.words = words
        self.has_pi = "pi" in columns
        self.definitions: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def write(self, node: Node, level: Level) -> str:
        """Return the expression at a level.

        Raises
        ------
        ModelError
            HM013, where the language has no such function.
        """
        return self._convert(node, level)[0]

    def factor(self, node: Node, level: Level) -> str:
        """Return the expression as a factor of a product: a sum has brackets."""
        text, strength = self._convert(node, level)
        return text if strength >= _PRODUCT else f"({text})"

    def _convert(self, node: Node, level: Level) -> tuple[str, int]:
        """Return text and how tightly its outermost operator binds."""
        match node:
            case Number(text=text):
                return text, _ATOM
            case Text(value=value):
                return quoted(value), _ATOM
            case Name(name="pi") if not self.has_pi:
                return "pi", _ATOM
            case Name(name=name):
                return self.words.data(name, level), _ATOM
            case Group(inner=inner):
                return self._convert(inner, level)
            case Unary(operator=operator, operand=operand):
                return f"{operator}{self._inside(operand, level, _SIGN)}", _SIGN
            case Binary(operator=operator, left=left, right=right) if operator in _STRENGTH:
                own = _STRENGTH[operator]
                tighter_left, tighter_right = (own + 1, own) if operator == "^" else (own, own + 1)
                first, second = self._inside(left, level, tighter_left), self._inside(right, level, tighter_right)
                return (f"{first}{operator}{second}" if own > 2 else f"{first} {operator} {second}"), own
            case Binary():
                raise self._refuse(f"`{node.operator}` is no arithmetic", node, "write it outside of functions")
            case Call():
                return self._call(node, level)

    def _inside(self, node: Node, level: Level, needed: int) -> str:
        text, strength = self._convert(node, level)
        return text if strength >= needed else f"({text})"

    def _call(self, call: Call, level: Level) -> tuple[str, int]:
        name = _RENAMED.get(call.function, call.function)
        arguments = call.arguments
        if name in _SAME and len(arguments) == 1:
            return self._convert(arguments[0], level)
        if name == "scale" and len(arguments) == 1:
            return self._scaled(arguments[0], level), _ATOM
        if name == "scale" and call.names == (None, "scale") and arguments[1] == Number(text="0", span=call.span):
            return f"{self._inside(arguments[0], level, 2)} - {self._grand('mean', arguments[0])}", _SUM
        if name in AGGREGATES and len(arguments) == 1:
            return self._grand(name, arguments[0]), _ATOM
        if name in _TEMPLATES and len(arguments) == 1:
            return _TEMPLATES[name].format(self.write(arguments[0], level)), _PRODUCT
        if name in FUNCTIONS and len(arguments) == FUNCTIONS[name]:
            return f"{name}({', '.join(self.write(a, level) for a in arguments)})", _ATOM
        if name in FUNCTIONS:
            count = FUNCTIONS[name]
            raise self._refuse(
                f"`{name}` takes {count} value{'s' if count > 1 else ''}", call, "leave the other arguments out"
            )
        near = near_names(name, (*FUNCTIONS, *_RENAMED, "scale", "factor"))
        help_text = f"did you mean {one_of(near)}?" if near else "define it as a column of the data"
        raise self._refuse(f"the language has no function `{call.function}`", call, help_text)

    def _grand(self, function: str, node: Node) -> str:
        """Return the name of an aggregate over all rows, and define it."""
        text = f"{function}({self.write(node, None)})"
        if text not in self._names:
            inner = node.name if isinstance(node, Name) else text.removeprefix(function).replace(f"[{ROW}]", "")
            self._names[text] = self.words.fresh(slug(f"{inner}_{function}"))
            self.definitions[self._names[text]] = text
        return self._names[text]

    def _scaled(self, node: Node, level: Level) -> str:
        """Return the symbol of standard scores over all rows, and define it."""
        mean, sd = (self._grand(function, node) for function in ("mean", "sd"))
        name = self._names.setdefault(f"scale({self.write(node, None)})", "")
        if not name:
            inner = node.name if isinstance(node, Name) else self.write(node, None).replace(f"[{ROW}]", "")
            name = self._names[f"scale({self.write(node, None)})"] = self.words.fresh(slug(f"{inner}_scaled"))
        symbol = f"{name}[{ROW if level is None else self.words.brackets(level)}]"
        self.definitions[symbol] = f"({self._inside(node, level, 2)} - {mean})/{sd}"
        return symbol

    def _refuse(self, message: str, node: Node, help: str) -> ModelError:
        found = Diagnostics(self.source)
        found.error("HM013", with_advice(message, help), node.span, help=help)
        return ModelError(found.sorted())
