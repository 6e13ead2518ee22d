"""One self-contained page about results: what was tracked, when, how surely, and where a score was lost."""

from mots.lazy import lazy_package

MODULES = (
    "causes", "collect", "film", "hints", "outlines", "page", "scene_page",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
