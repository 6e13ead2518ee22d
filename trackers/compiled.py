"""numba's `njit` with a type: a compiled function keeps the signature that it was written with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

__all__ = ["compiled"]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """The function compiled on its first call, cached on disk for the next process, and run without Python's lock."""
    return cast(Function, numba.njit(cache=True, nogil=True)(function))
