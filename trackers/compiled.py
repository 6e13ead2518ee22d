"""numba's `njit` with a type: a compiled function keeps the signature that it was written with."""

from __future__ import annotations

import os
import stat
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

__all__ = ["CacheWarning", "compiled"]

Function = TypeVar("Function", bound=Callable[..., Any])


class CacheWarning(UserWarning):
    """Compiled functions are kept in a temporary folder, or not kept at all, so that processes start slowly."""


class Cache:
    """Where compiled functions are kept: where numba does, else in a temporary folder, else nowhere."""

    kept = True

    @classmethod
    def retreat(cls) -> None:
        """Take the next place, and warn."""
        folder = None if numba.config.CACHE_DIR else private_folder()
        if folder is None:
            cls.kept = False
            message = "no place for compiled functions can be written: each process compiles them again"
        else:
            numba.config.CACHE_DIR = str(folder)
            message = f"compiled functions are kept in {folder}, as no other place can be written"
        warnings.warn(CacheWarning(f"{message}; NUMBA_CACHE_DIR names a place"), stacklevel=4)


def private_folder() -> Path | None:
    """A temporary folder that only this user can write: what is read from it is executed. None where there is none."""
    try:
        user = os.getuid() if hasattr(os, "getuid") else 0
        folder = Path(tempfile.gettempdir()) / f"mots-engine-compiled-{user}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        mine = stat.S_ISDIR(found.st_mode) and (os.name == "nt" or (found.st_uid == user and not found.st_mode & 0o022))
        return folder if mine and os.access(folder, os.W_OK) else None
    except OSError:
        return None


def compiled(function: Function) -> Function:
    """The function compiled on its first call, cached on disk for the next process, and run without Python's lock.

    A division by zero gives what it gives in NumPy: to check for it would keep loops from being vectorised.
    """
    while Cache.kept:
        try:
            return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
        except RuntimeError:  # numba finds no place that can be written
            Cache.retreat()
    return cast(Function, numba.njit(nogil=True, error_model="numpy")(function))
