"""Counts of a scene: crossings, visits, flows, traffic, players; of results, and live."""

from mots.lazy import lazy_package

MODULES = (
    "counts", "doubts", "files", "flows", "live", "plots", "sports", "traffic",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
