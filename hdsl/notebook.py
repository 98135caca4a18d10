"""``%%hm`` in a notebook: a cell that is a model.

    %load_ext hdsl

    %%hm party --data voters --fit fit
    y[i] ~ bernoulli(p[i])
    logit(p[i]) = ..

Stage: the outermost, beside the command line. Input: the line and the text of a cell, and the user's variables. Output:
a `Model` among these variables, a fit where data are named, and what the terminal would say, as HTML where there is a
notebook. Invariants: a mistake is shown as a diagnostic, without a traceback, stores nothing, and stops what runs after
it; names are looked up, never evaluated.
"""

from __future__ import annotations

import keyword
import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

from hdsl.diagnostics import Diagnostic, HMError, Severity
from hdsl.markup import element, html
from hdsl.model import Model

__all__ = ["Messages", "load"]

STYLE = """
.hdsl-messages .diagnostic { border-left: 4px solid #868e96; padding: 0 0 0 .8em; margin: .8em 0; }
.hdsl-messages .is-error { border-color: #c0002a; } .hdsl-messages .is-warning { border-color: #b26a00; }
.hdsl-messages p { margin: .3em 0; } .hdsl-messages .note { opacity: .75; }
.hdsl-messages pre { margin: .3em 0; padding: .3em .5em; overflow-x: auto; }
.hdsl-messages mark { background: #ffe28a; color: #1b1f24; border-radius: 2px; }
"""
"""How messages look under a cell, on light and on dark grounds."""


class Shell(Protocol):
    """What is used of IPython's shell."""

    user_ns: dict[str, Any]

    def register_magic_function(
        self, func: Callable[[str, str], None], magic_kind: str, magic_name: str | None
    ) -> None:
        """Register a magic."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """Diagnostics that show themselves: as HTML in a notebook, as text elsewhere."""

    diagnostics: tuple[Diagnostic, ...]

    def __repr__(self) -> str:
        return "\n\n".join(map(str, self.diagnostics))

    def _repr_html_(self) -> str:
        from hdsl.results.page.messages import diagnostics_list

        shown = diagnostics_list(self.diagnostics, with_links=False)
        return html(element("div", element("style", STYLE), shown, class_="hdsl-messages"))


def load(shell: Shell) -> None:
    """Register ``%%hm``."""
    shell.register_magic_function(_Magic(shell).hm, "cell", "hm")


class _Magic:
    """The magic of one shell."""

    def __init__(self, shell: Shell) -> None:
        self._variables = shell.user_ns

    def hm(self, line: str, cell: str) -> None:
        """Compile the cell as a model, and fit it where data are named.

        ``%%hm [NAME] [--data DATA ..] [--fit NAME] [--method METHOD] [--nodes N] [--na drop|error] [--quiet]``

        NAME is the variable that holds the model, ``model`` by default. DATA is the variable of a frame, or a file; or
        one for each level: ``--data i=students school=schools``. The fit is stored as ``fit``, or as ``--fit`` says.
        ``--method``, ``--nodes`` and ``--na`` are as of `hdsl.Model.fit`; ``--quiet`` shows neither model nor fit.
        """
        asked = _read(line)
        self._run(lambda: self._make(asked, cell))

    def _make(self, asked: Namespace, cell: str) -> None:
        model = Model(cell, name=f"<{asked.name}>")
        self._variables[asked.name] = model
        _show_messages(model.diagnostics)
        if not asked.quiet:
            _show(model)
        if asked.data:
            fit = model.fit(self._data(asked.data), asked.method, nodes=asked.nodes, na=asked.na)
            self._variables[asked.fit or "fit"] = fit
            if not asked.quiet:
                _show(fit)

    def _run(self, make: Callable[[], None]) -> None:
        """Show the diagnostics of a mistake, and stop."""
        try:
            make()
        except HMError as error:
            _show_messages(error.diagnostics)
            n_errors = sum(d.severity is Severity.ERROR for d in error.diagnostics)
            _refuse(f"{n_errors} mistake{'' if n_errors == 1 else 's'}, shown above")

    def _data(self, words: Sequence[str]) -> Any:
        """Return data as `Model.fit` takes them."""
        if len(words) == 1 and "=" not in words[0]:
            return self._value(words[0])
        tables: dict[str, Any] = {}
        for word in words:
            index, equals, name = word.partition("=")
            if not equals or not index or not name or index in tables:
                _refuse(f"of several tables each needs a level of its own: `index=name`, not {word!r}")
            tables[index] = self._value(name)
        return tables

    def _value(self, name: str) -> Any:
        if name in self._variables:
            return self._variables[name]
        if not Path(name).exists():
            _refuse(f"no variable and no file is called {name!r}")
        return name


class _Parser(ArgumentParser):
    """A parser that refuses as magics do, instead of leaving the program."""

    def error(self, message: str) -> NoReturn:
        _refuse(message)


def _read(line: str) -> Namespace:
    """Return what stands behind ``%%hm``."""
    parser = _Parser(prog="%%hm", add_help=False, allow_abbrev=False)
    parser.add_argument("name", nargs="?", default="model")
    parser.add_argument("--data", nargs="+", default=[])
    parser.add_argument("--fit")
    parser.add_argument("--method", type=str.lower)
    parser.add_argument("--nodes", type=int)
    parser.add_argument("--na", choices=("drop", "error"), default="drop")
    parser.add_argument("--quiet", action="store_true")
    try:
        asked = parser.parse_args(shlex.split(line))
    except ValueError as error:
        _refuse(f"{error}: {line}")
    for name in filter(None, (asked.name, asked.fit)):
        if not name.isidentifier() or keyword.iskeyword(name):
            _refuse(f"{name!r} is no name of a variable")
    if not asked.data and any(value is not None for value in (asked.fit, asked.method, asked.nodes)):
        _refuse("--fit, --method and --nodes are of a fit: they need --data")
    return asked


def _refuse(message: str) -> NoReturn:
    from IPython.core.error import UsageError

    raise UsageError(f"%%hm: {message}")


def _show_messages(diagnostics: Iterable[Diagnostic]) -> None:
    found = tuple(diagnostics)
    if found:
        _show(Messages(diagnostics=found))


def _show(value: object) -> None:
    from IPython.display import display

    display(value)
