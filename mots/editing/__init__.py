"""Corrections of results by hand: tracks joined, split, deleted, renamed, of another class; and which may need it."""

from mots.lazy import lazy_package

MODULES = (
    "apply", "edits", "suggest",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
