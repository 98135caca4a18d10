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
from pathlib import Path

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
        For fewer than one.

    Examples
    --------
    >>> import hdsl
    >>> with hdsl.threads(2):
    ...     pass  # fit = model.fit(data)
    """
    if count < 1:
        raise ValueError(f"{count} threads are too few: write 1 or more")
    token = _wanted.set(int(count))
    try:
        yield
    finally:
        _wanted.reset(token)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the body with one BLAS thread, or as many as `threads` says, and set back what was there."""
    wanted = _wanted.get()
    pools = [pool for package, module in LIBRARIES if module in sys.modules and (pool := _pool(package)) is not None]
    before = [getter() for getter, _ in pools]
    changed = [(setter, count) for (_, setter), count in zip(pools, before, strict=True) if count != wanted]
    for setter, _ in changed:
        setter(wanted)
    try:
        yield
    finally:
        for setter, count in changed:
            setter(count)
