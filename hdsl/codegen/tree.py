"""The statement tree of emitted source, and how it prints.

Statements are Python's own syntax trees. A template is Python text of this package, parsed and then filled: names in it
are replaced by nodes, so nothing that a user wrote is ever pasted into text that is parsed. User symbols occur in
`Comment` and docstrings only, printed by `plain`.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

__all__ = [
    "Comment",
    "Filling",
    "Function",
    "Record",
    "Statement",
    "Suite",
    "code",
    "expression",
    "plain",
    "show",
    "starred",
    "tuple_of",
    "unpack",
]

WIDTH = 110
SHORT = 12
"""Longest item that shares its line with others when a call or tuple is broken."""

Filling: TypeAlias = str | int | float | ast.expr


@dataclass(frozen=True, slots=True)
class Comment:
    """A line of comment."""

    text: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function: name, arguments, docstring, body."""

    name: str
    arguments: str
    doc: str
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A named tuple: name, docstring, fields with their annotation and comment."""

    name: str
    doc: str
    fields: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Suite:
    """A loop or a condition: its head, ``for rows in d.blocks:``, and its body."""

    head: str
    body: tuple[Statement, ...]


Statement: TypeAlias = "Comment | Function | Record | Suite | ast.stmt"


def plain(text: str) -> str:
    """Return `text` on one line of printable ASCII that cannot end a comment or a docstring."""
    printable = "".join(char if char.isascii() and char.isprintable() else ascii(char)[1:-1] for char in text)
    return printable.replace("\\", "/").replace('"', "'")


class _Fill(ast.NodeTransformer):
    """Replace names (and attributes) of a template."""

    def __init__(self, names: dict[str, Filling]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Replace a name by an identifier, a number or an expression."""
        match self.names.get(node.id):
            case None:
                return node
            case str() as name:
                if not name.isidentifier():
                    raise ValueError(name)
                return ast.Name(name, node.ctx)
            case ast.expr() as filled:
                return filled
            case number:
                return ast.Constant(number)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """Replace the name after a dot by an identifier."""
        self.generic_visit(node)
        name = self.names.get(node.attr)
        return ast.Attribute(node.value, name, node.ctx) if isinstance(name, str) else node


@lru_cache(maxsize=512)
def _parsed(template: str) -> str:
    """Return the template with its common indentation taken off."""
    return textwrap.dedent(template).strip()


def code(template: str, **names: Filling) -> list[Statement]:
    """Return the statements of a template, names replaced."""
    return list(_Fill(names).visit(ast.parse(_parsed(template))).body)


def expression(template: str, **names: Filling) -> ast.expr:
    """Return the expression of a template, names replaced."""
    tree = _Fill(names).visit(ast.parse(_parsed(template), mode="eval"))
    return tree.body  # type: ignore[no-any-return]


def tuple_of(items: Sequence[ast.expr | str]) -> ast.expr:
    """Return a tuple of expressions or names."""
    return ast.Tuple([expression(item) if isinstance(item, str) else item for item in items], ast.Load())


def starred(item: ast.expr | str) -> ast.expr:
    """Return ``*item``, for a tuple or a call."""
    return ast.Starred(expression(item) if isinstance(item, str) else item, ast.Load())


def unpack(names: Sequence[str], value: ast.expr | str) -> ast.stmt:
    """Return ``a, b = value``; a single name takes the only item of the value."""
    targets: list[ast.expr] = [ast.Name(name, ast.Store()) for name in names]
    target = ast.Tuple(targets, ast.Store()) if len(targets) > 1 else ast.List(targets, ast.Store())
    return ast.Assign([target], expression(value) if isinstance(value, str) else value, lineno=0)


def show(statements: Sequence[Statement], indent: int = 0) -> str:
    """Return the source of statements."""
    pad = " " * indent
    return "".join(f"{pad}{line}".rstrip() + "\n" for item in statements for line in _lines(item, WIDTH - indent))


def _lines(item: Statement, width: int) -> list[str]:
    match item:
        case Comment(text=text):
            return [f"# {line}" for line in textwrap.wrap(plain(text), width - 2)] or ["#"]
        case Function():
            head = f"def {item.name}({item.arguments}):"
            return ["", "", head, *_docstring(item.doc), *show(item.body, 4).splitlines()]
        case Suite():
            return [item.head, *show(item.body, 4).splitlines()]
        case Record():
            fields = [f"    {name}: {kind}  # {plain(comment)}" for name, kind, comment in item.fields]
            return ["", "", f"class {item.name}(NamedTuple):", f'    """{plain(item.doc)}"""', "", *fields]
        case _:
            return _statement(item, width)


def _docstring(doc: str) -> list[str]:
    """Return the lines of a docstring: a summary, and more after a line end."""
    summary, *more = doc.split("\n")
    lines = [line for text in more for line in textwrap.wrap(plain(text), WIDTH - 4)]
    if not lines:
        return [f'    """{plain(summary)}"""']
    return [f'    """{plain(summary)}', "", *(f"    {line}" for line in lines), '    """']


def _statement(node: ast.stmt, width: int) -> list[str]:
    """Print a statement; the value of a long one is broken at its calls and tuples."""
    text = ast.unparse(node)
    match node:
        case ast.Assign(targets=[ast.Tuple() as names], value=value) if _is_long(text, names, width):
            *opening, last = _broken(names, width // 2)
            return [*opening, f"{last} = {ast.unparse(value)}"]
        case ast.Assign(targets=targets, value=value) if len(text) > width:
            head = f"{' = '.join(ast.unparse(target) for target in targets)} = "
        case ast.Return(value=ast.expr() as value) if len(text) > width:
            head = "return "
        case ast.Expr(value=value) if len(text) > width:
            head = ""
        case _:
            return text.splitlines()
    first, *rest = _broken(value, width - len(head))
    return [head + first, *rest]


def _is_long(text: str, names: ast.expr, width: int) -> bool:
    """Whether a statement does not fit because of the names on its left."""
    return len(text) > width and len(ast.unparse(names)) > width // 2


def _broken(node: ast.expr, width: int) -> list[str]:
    """Return the lines of an expression: on one line, or the items of a call or tuple indented."""
    text = ast.unparse(node)
    if len(text) <= width:
        return [text]
    match node:
        case ast.Call(func=function, args=args, keywords=keywords):
            head, items = ast.unparse(function), [*args, *(keyword.value for keyword in keywords)]
            names = [""] * len(args) + [f"{keyword.arg}=" for keyword in keywords]
        case ast.Tuple(elts=items) | ast.List(elts=items):
            head, names = "", [""] * len(items)
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            return ["(", *(f"    {line}" for line in _summands(node)), ")"]
        case _:
            return [text]
    opening, closing = "[]" if isinstance(node, ast.List) else "()"
    texts = [ast.unparse(item) for item in items]
    if all(len(item) <= SHORT for item in texts):
        lines = _filled(texts, WIDTH - 12)
    else:
        lines = []
        for name, item in zip(names, items, strict=True):
            first, *rest = _broken(item, WIDTH - 16)
            lines += [name + first, *rest]
            lines[-1] += ","
    return [head + opening, *(f"    {line}" for line in lines), closing]


def _summands(node: ast.expr) -> list[str]:
    """Return the terms of a sum, a line each, with their signs."""
    match node:
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            sign = "+" if isinstance(op, ast.Add) else "-"
            term = ast.unparse(right)
            if isinstance(right, ast.BinOp) and isinstance(right.op, ast.Add | ast.Sub):
                term = f"({term})"
            return [*_summands(left), f"{sign} {term}"]
        case _:
            return [ast.unparse(node)]


def _filled(texts: Sequence[str], width: int) -> list[str]:
    """Return short items, as many on a line as there is room for."""
    lines = [""]
    for text in texts:
        if len(lines[-1]) + len(text) + 2 > width:
            lines.append("")
        lines[-1] += f" {text}," if lines[-1] else f"{text},"
    return lines
