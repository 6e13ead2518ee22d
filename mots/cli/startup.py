"""A quick start for commands that only read, compare and write files."""

from __future__ import annotations

import gc
import sys

__all__ = ["quick_start"]


def quick_start() -> None:
    """Save what such a command's own process would spend on starting up and on looking for garbage."""
    gc.disable()  # nothing here makes cycles that matter; looking for them takes a twentieth of the run
    load_numba_without_scipy()


def load_numba_without_scipy() -> None:
    """Load numba's array functions as if scipy were not there.

    They look for scipy's BLAS, and loading that takes longer than scoring a benchmark. Nothing of ours multiplies
    matrices in compiled code; only this command's own process goes without.
    """
    name = "scipy.linalg.cython_blas"
    if name not in sys.modules:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's way to say: cannot be imported
        try:
            import numba.np.arraymath  # noqa: F401
        finally:
            del sys.modules[name]
