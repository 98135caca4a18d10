"""One BLAS thread during a fit.

With any other load on the machine, threads of OpenBLAS wait for each other for longer than they save. NumPy and SciPy
wheels carry an OpenBLAS each, with a pool each. Where no such library is found nothing is done.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["one_thread"]

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


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the body with one BLAS thread, and set back what was there."""
    pools = [pool for package, module in LIBRARIES if module in sys.modules and (pool := _pool(package)) is not None]
    before = [getter() for getter, _ in pools]
    changed = [(setter, count) for (_, setter), count in zip(pools, before, strict=True) if count != 1]
    for setter, _ in changed:
        setter(1)
    try:
        yield
    finally:
        for setter, count in changed:
            setter(count)
