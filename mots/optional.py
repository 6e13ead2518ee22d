"""Packages that only some installations have."""

from __future__ import annotations

import importlib
from typing import Any

from mots.errors import MissingDependency

__all__ = ["missing", "opencv", "optional_import"]

NAMES = {"cv2": "OpenCV"}


def optional_import(module: str, purpose: str, *, extra: str = "", package: str = "", otherwise: str = "") -> Any:
    """The module of this name. Raises MissingDependency where it is not installed.

    `purpose`: what needs it, as in "drawing". `extra`: the extra of this project that brings it; `package`: the
    package that does, where none brings it. `otherwise`: how to work without it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise missing(NAMES.get(module, module), purpose, extra=extra, package=package, otherwise=otherwise) from error


def missing(name: str, purpose: str, *, extra: str = "", package: str = "", otherwise: str = "") -> MissingDependency:
    """The error of a missing package; arguments as in `optional_import`."""
    install = f"pip install '.[{extra}]' in the project's folder" if extra else f"pip install {package or name}"
    return MissingDependency(f"{purpose} needs {name}: {install}" + (f", or {otherwise}" if otherwise else ""))


def opencv(purpose: str, otherwise: str = "") -> Any:
    """The module cv2. Raises MissingDependency. No extra names an OpenCV: its distributions overwrite each other."""
    return optional_import("cv2", purpose, package="opencv-python-headless", otherwise=otherwise)
