"""What follows from results: tables, lines and zones that are counted, distances and speeds on the ground."""

from mots.lazy import lazy_package

MODULES = (
    "counting", "feet", "ground", "lines", "paths", "scene", "tables", "zones",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
