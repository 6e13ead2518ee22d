"""A rendered toy world with exact truth, and the demo."""

from mots.lazy import lazy_package

MODULES = (
    "demo", "sprites", "world",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
