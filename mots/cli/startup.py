"""A quick start for commands that only read, compare and write files."""

from __future__ import annotations

import gc
import sys

__all__ = ["quick_start"]


def quick_start() -> None:
    """Save what such a command's process would spend on start-up and on garbage collection."""
    gc.disable()  # these commands make no large cycles, and collecting takes a twentieth of the run
    load_numba_without_scipy()


def load_numba_without_scipy() -> None:
    """Load numba's array functions as if scipy were not installed.

    They look for scipy's BLAS, and loading that takes longer than scoring a benchmark. No compiled code of the engine
    multiplies matrices; only this process goes without.
    """
    name = "scipy.linalg.cython_blas"
    if name not in sys.modules:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's mark for "cannot be imported"
        try:
            import numba.np.arraymath  # noqa: F401
        finally:
            del sys.modules[name]
