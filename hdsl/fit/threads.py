"""One BLAS thread during a fit, or as many as the user asks for.

With any other load on the machine, threads of OpenBLAS wait for each other for longer than they save. NumPy and SciPy
wheels carry an OpenBLAS each, with a pool each. Where no such library is found nothing is done.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from importlib.util import find_spec
from operator import index
from pathlib import Path
from threading import Lock

__all__ = ["one_thread", "threads"]

Pool = tuple[Callable[[], int], Callable[[int], None]]

LIBRARIES = (("numpy", "numpy"), ("scipy", "scipy.linalg"))
"""A package that carries an OpenBLAS, and the module that has it loaded once it is imported."""


@lru_cache(maxsize=4)
def _pool(package: str) -> Pool | None:
    """Return the functions that read and set the number of threads of a package's OpenBLAS."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    for folder in (root.parent / f"{package}.libs", root / ".dylibs", root.parent / f"{package}.dylibs"):
        for path in sorted(folder.glob("*openblas*")) if folder.is_dir() else ():
            found = _functions(path)
            if found is not None:
                return found
    return None


def _functions(path: Path) -> Pool | None:
    try:
        library = ctypes.CDLL(str(path))
    except OSError:
        return None
    for suffix in ("64_", ""):
        for prefix in ("scipy_openblas", "openblas"):
            getter = getattr(library, f"{prefix}_get_num_threads{suffix}", None)
            setter = getattr(library, f"{prefix}_set_num_threads{suffix}", None)
            if getter is not None and setter is not None:
                return getter, setter
    return None


_wanted: ContextVar[int] = ContextVar("threads", default=1)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let fits in the body use more threads of the BLAS.

    Worth it on a machine that does nothing else, for dense factors of crossed designs of thousands of columns. What a
    fit computes when it is read, standard errors of variances among it, uses them if it is read in the body.

    Parameters
    ----------
    count : int
        1 or more.

    Raises
    ------
    ValueError
        For what is not a whole number, or is less than one.

    Examples
    --------
    >>> import hdsl
    >>> with hdsl.threads(2):
    ...     pass  # fit = model.fit(data)
    """
    try:
        wanted = index(count)
    except TypeError:
        wanted = 0
    if wanted < 1:
        raise ValueError(f"{count} is no number of threads: write 1 or more")
    token = _wanted.set(wanted)
    try:
        yield
    finally:
        _wanted.reset(token)


_lock = Lock()
_wishes: dict[object, int] = {}
"""How many threads each of the fits that are running wants."""

_before: dict[str, int] = {}
"""How many threads a package had before the first of them."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the body with one BLAS thread, or as many as `threads` says, and set back what was there.

    The number belongs to the process: of several fits that run at once the one with the least threads has its way,
    and the last one to end sets back.
    """
    own = object()
    try:
        with _lock:
            _wishes[own] = _wanted.get()
            _set_threads()
        yield
    finally:
        with _lock:
            _wishes.pop(own, None)
            _set_threads()


def _set_threads() -> None:
    """Give every OpenBLAS what the running fits want, or what it had before them."""
    for package, module in LIBRARIES:
        pool = _pool(package) if module in sys.modules else None
        if pool is None:
            continue
        getter, setter = pool
        now = getter()
        if _wishes:
            _before.setdefault(package, now)
            target = min(_wishes.values())
        else:
            target = _before.pop(package, now)
        if target != now:
            setter(target)
