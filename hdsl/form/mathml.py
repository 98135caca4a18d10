r"""MathML from the LaTeX that the writers of this package make.

    \beta_{0j} &= \gamma_{00} + u_{0j}   →   <mtr><mtd><msub><mi>β</mi>..</msub></mtd><mtd><mo>=</mo>..</mtd></mtr>

Input: LaTeX of `hdsl.form`, `hdsl.semantics` or `hdsl.composite`. Output: a ``math`` element of MathML Core, which
browsers show without a script, with the LaTeX as its annotation. Invariants: a command that no writer uses is refused,
nothing is guessed; what a user wrote becomes the text of elements, never markup.

The language read here is the closed one of those writers. Converters of LaTeX at large read more, but let ``<`` and
``&`` of a name through as markup, spell words in single letters, and lose the alignment that MathML Core leaves to
style sheets.

References
----------
MathML Core, W3C: operators and their spacing, sections 3.2.4 and B.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from hdsl.form.mathml_lines import broken

__all__ = ["mathml"]

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)

_VARIANTS = {r"\varphi": "φ", r"\phi": "ϕ", r"\varepsilon": "ε", r"\epsilon": "ϵ", r"\lambda": "λ", r"\Lambda": "Λ"}
"""Greek letters whose character is not called as their command."""

_OPERATORS = {
    r"\sim": "∼",
    r"\mid": "∣",
    r"\cdot": "⋅",
    r"\times": "×",
    r"\neq": "≠",
    r"\leq": "≤",
    r"\geq": "≥",
    r"\ldots": "…",
    r"\%": "%",
    r"\&": "&",
    r"\#": "#",
    r"\$": "$",
    r"\_": "_",
    r"\backslash": "\\",
    "-": "−",
    "*": "∗",
}
"""Operators that are not their own character."""

_PLAIN = frozenset('+=<>/,;:!|?.~"`@')
"""Characters that are operators as they stand."""

_FENCES = {"(": "prefix", "[": "prefix", r"\{": "prefix", ")": "postfix", "]": "postfix", r"\}": "postfix"}
"""Brackets, which open or close."""

_INFIX = frozenset("+−=∼∣⋅×≠≤≥<>")
"""Operators with space on both sides also where a line begins with them."""

_SIGNS = frozenset("+−")

_SPACES = {r"\,": "0.167em", r"\;": "0.278em", r"\:": "0.222em", r"\ ": "0.333em", r"\quad": "1em", r"\qquad": "2em"}

_TEXT_ESCAPES = {
    r"\backslash": "\\",
    r"\textbackslash": "\\",
    r"\textasciitilde": "~",
    r"\textasciicircum": "^",
    r"\sim": "~",
    r"\hat": "^",
}
"""What stands for a special character in upright text."""

_TALL = frozenset({"mtable", "mfrac", "munder", "msqrt"})
"""What brackets around it grow with."""

_RIGHT = "text-align:right;text-align:-webkit-right;padding:0.3em 0"
_LEFT = "text-align:left;text-align:-webkit-left;padding:0.3em 0 0.3em 0.28em"
"""Cells before and behind the relation; the second value is for browsers that lay mathematics out as blocks."""

_ENVIRONMENTS = frozenset({"aligned", "pmatrix", "array"})


def mathml(latex: str, *, display: bool = True) -> Element:
    """Return LaTeX of this package's writers as a ``math`` element.

    Parameters
    ----------
    latex : str
        Without dollar signs.
    display : bool
        Whether it stands on lines of its own; long lines of an aligned display are then broken before a sign.

    Returns
    -------
    xml.etree.ElementTree.Element
        Its first child is what is shown, its second the LaTeX.

    Raises
    ------
    ValueError
        For LaTeX that no writer of this package makes.
    """
    math = Element("math", {"display": "block" if display else "inline"})
    semantics = _made("semantics", _row(_Reader(latex).whole()))
    annotation = Element("annotation", {"encoding": "application/x-tex"})
    annotation.text = latex
    semantics.append(annotation)
    math.append(semantics)
    return math


class _Reader:
    """Reads tokens from left to right; every method leaves the place behind what it read."""

    def __init__(self, latex: str) -> None:
        self._tokens = _TOKEN.findall(latex)
        self._at = 0
        self._commands: dict[str, Callable[[], Element]] = {
            r"\frac": lambda: _made("mfrac", self._argument(), self._argument()),
            r"\sqrt": lambda: _made("msqrt", self._argument()),
            r"\operatorname": lambda: _upright(self._text()),
            r"\mathrm": lambda: _upright(self._text()),
            r"\text": lambda: _with_text("mtext", self._text().replace(" ", "\N{NO-BREAK SPACE}")),
            r"\mathbf": self._bold,
            r"\boldsymbol": self._bold,
            r"\underset": self._underset,
            r"\underbrace": self._underbrace,
            r"\left": self._fenced,
            r"\begin": self._environment,
        }

    def whole(self) -> list[Element]:
        """Read everything."""
        nodes = self._until()
        if self._at < len(self._tokens):
            raise self._refused(self._tokens[self._at])
        return nodes

    # -- tokens ----------------------------------------------------------------------------------------------------

    def _peek(self) -> str:
        """Return the next token that is no space; empty at the end."""
        while self._at < len(self._tokens) and self._tokens[self._at].isspace():
            self._at += 1
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, wanted: str = "") -> str:
        token = self._peek()
        if not token or (wanted and token != wanted):
            raise self._refused(token or "the end")
        self._at += 1
        return token

    @staticmethod
    def _refused(token: str) -> ValueError:
        return ValueError(f"LaTeX that no writer makes: {token!r}")

    def _text(self) -> str:
        """Read upright text in braces."""
        self._take("{")
        pieces: list[str] = []
        while (token := self._tokens[self._at] if self._at < len(self._tokens) else "") != "}":
            self._at += 1
            if token in _TEXT_ESCAPES:
                pieces.append(_TEXT_ESCAPES[token])
                self._take("{")
                self._take("}")
            elif token.startswith("\\") and len(token) == 2 and not token[1].isalpha():
                pieces.append(token[1])
            elif token in ("", "{") or token.startswith("\\"):
                raise self._refused(token or "the end")
            else:
                pieces.append(token)
        self._at += 1
        return "".join(pieces)

    # -- rows and atoms --------------------------------------------------------------------------------------------

    def _until(self, *stops: str) -> list[Element]:
        """Read atoms with their scripts up to one of some tokens, which stays."""
        nodes: list[Element] = []
        while (token := self._peek()) and token not in stops and token not in ("}", "&", r"\\", r"\right", r"\end"):
            node = self._scripted(self._atom())
            nodes.append(_formed(node, nodes))
        return nodes

    def _argument(self) -> Element:
        """Read a group in braces, or one atom."""
        if self._peek() != "{":
            return self._atom()
        self._take("{")
        nodes = self._until()
        self._take("}")
        return _row(nodes)

    def _scripted(self, base: Element) -> Element:
        """Read what stands below and above an atom."""
        below = above = None
        while (token := self._peek()) in ("_", "^", "'"):
            self._take()
            if token == "'":
                above = _with_text("mo", "′")
            elif token == "_" and below is None:
                below = self._argument()
            elif token == "^" and above is None:
                above = self._argument()
            else:
                raise self._refused(token)
        if below is None and above is None:
            return base
        if base.tag == "munder" and below is not None and above is None:
            return _made("munder", base, below)
        parts = [part for part in (below, above) if part is not None]
        return _made("msubsup" if len(parts) == 2 else "msub" if above is None else "msup", base, *parts)

    def _atom(self) -> Element:
        token = self._peek()
        if token == "{":
            return self._argument()
        self._take()
        if token in self._commands:
            return self._commands[token]()
        if token in _SPACES:
            return Element("mspace", {"width": _SPACES[token]})
        if token in _FENCES:
            return _with_text("mo", token[-1], stretchy="false", form=_FENCES[token])
        if token in _OPERATORS or token in _PLAIN:
            return _with_text("mo", _OPERATORS.get(token, token))
        return self._name(token)

    def _name(self, token: str) -> Element:
        """Return a number, or a letter, Greek by its command."""
        if token[0].isdigit():
            return _with_text("mn", token)
        if token[0] != "\\":
            return _with_text("mi" if token.isalpha() else "mo", token)
        return _with_text("mi", _greek(token))

    # -- commands --------------------------------------------------------------------------------------------------

    def _bold(self) -> Element:
        inner = self._argument()
        for node in inner.iter():
            node.text = "".join(map(_bold_letter, node.text)) if node.text else node.text
        return inner

    def _underset(self) -> Element:
        below = self._argument()
        return _made("munder", self._argument(), below)

    def _underbrace(self) -> Element:
        return _made("munder", self._argument(), _with_text("mo", "⏟", stretchy="true"))

    def _fenced(self) -> Element:
        opening = self._take()
        inner = self._until()
        self._take(r"\right")
        return _in_fences(opening, inner, self._take())

    def _environment(self) -> Element:
        name = self._text()
        if name not in _ENVIRONMENTS:
            raise self._refused(name)
        if name == "array":
            self._text()  # the columns, all of them centred
        rows = list(self._cells())
        self._take(r"\end")
        if self._text() != name:
            raise self._refused(name)
        if name == "aligned":
            return _aligned(rows)
        table = _made("mtable", *(_made("mtr", *(_made("mtd", _row(cell)) for cell in row)) for row in rows))
        if name == "array":
            return table
        return _in_fences("(", [table], ")")

    def _cells(self) -> Iterator[list[list[Element]]]:
        """Read the rows of a table, each a list of cells."""
        while True:
            row = [self._until()]
            while self._peek() == "&":
                self._take()
                row.append(self._until())
            yield row
            if self._peek() != r"\\":
                return
            self._take()


def _in_fences(opening: str, inner: list[Element], closing: str) -> Element:
    """Return nodes in brackets, which grow with what is tall; grown ones are wider, too."""
    is_tall = any(part.tag in _TALL for node in inner for part in node.iter())
    first, last = (
        _with_text("mo", bracket[-1], stretchy=str(is_tall).lower(), form=_FENCES[bracket])
        for bracket in (opening, closing)
    )
    return _made("mrow", first, *inner, last)


def _aligned(rows: list[list[list[Element]]]) -> Element:
    """Return rows whose relations stand under each other; MathML Core has no attribute for that, style sheets have."""
    table = Element("mtable", {"displaystyle": "true", "columnalign": "right left"})
    for row in (line for whole in rows for line in broken(whole)):
        line = Element("mtr")
        for place, cell in enumerate(row):
            made = _made("mtd", *_led(cell) if place % 2 else cell)
            made.set("style", _LEFT if place % 2 else _RIGHT)
            line.append(made)
        table.append(line)
    return table


def _led(cell: list[Element]) -> list[Element]:
    """Give the operator that a line begins with the space of one between two terms."""
    first = next((node for node in cell if node.tag != "mspace"), None)
    if first is not None and first.tag == "mo" and first.text in _INFIX and len(cell) > 1:
        is_relation = first.text not in _SIGNS
        first.set("form", "infix" if is_relation or cell[0] is not first else "prefix")
    return cell


def _formed(node: Element, before: list[Element]) -> Element:
    """Say of a sign whether it joins two terms or belongs to the one that follows."""
    if node.tag == "mo" and node.text in _SIGNS:
        last = next((other for other in reversed(before) if other.tag != "mspace"), None)
        opens = last is None or (last.tag == "mo" and last.get("form") != "postfix" and last.text != "′")
        node.set("form", "prefix" if opens else "infix")
    return node


def _greek(command: str) -> str:
    if command in _VARIANTS:
        return _VARIANTS[command]
    name = command[1:]
    case = "CAPITAL" if name[:1].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {case} LETTER {name.upper()}")
    except KeyError:
        raise ValueError(f"LaTeX that no writer makes: {command!r}") from None


def _bold_letter(letter: str) -> str:
    """Return the bold letter or digit of mathematics, of which there is one for Latin, Greek and digits."""
    name = unicodedata.name(letter, "")
    kind = "DIGIT" if "DIGIT" in name else "CAPITAL" if "CAPITAL" in name else "SMALL"
    short = name.rsplit(" ", 1)[-1]
    try:
        return unicodedata.lookup(f"MATHEMATICAL BOLD {kind} {short}")
    except KeyError:
        return letter


def _upright(text: str) -> Element:
    """Return a name in upright letters: what a single letter has to say, and a longer name is."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return _with_text("mn", text)
    return _with_text("mi", text, **({"mathvariant": "normal"} if len(text) == 1 else {}))


def _row(nodes: list[Element]) -> Element:
    return nodes[0] if len(nodes) == 1 else _made("mrow", *nodes)


def _made(tag: str, *children: Element) -> Element:
    element = Element(tag)
    element.extend(children)
    return element


def _with_text(tag: str, text: str, **attributes: str) -> Element:
    element = Element(tag, attributes)
    element.text = text
    return element
