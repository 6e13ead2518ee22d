"""Scores of results against truth, from arrays. Nothing here reads files."""

from mots.lazy import lazy_package

MODULES = (
    "assignment", "clear", "events", "hota", "identity", "sequence", "stability", "stq", "vos",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
