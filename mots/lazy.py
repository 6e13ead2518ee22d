"""Packages whose names are imported when they are first used, so that importing them stays cheap."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_package"]


def lazy_package(
    package: str, modules: Iterable[str] = (), names: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package.

    `modules`: its modules, reachable as attributes. `names`: public names to the modules that define them.
    """
    own_modules, own_names = set(modules), dict(names or {})

    def get(name: str) -> Any:
        if name in own_names:
            return getattr(import_module(own_names[name]), name)
        if name in own_modules:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module '{package}' has no attribute '{name}'")

    def names_of() -> list[str]:
        return sorted({*vars(sys.modules[package]), *own_modules, *own_names})

    return get, names_of
