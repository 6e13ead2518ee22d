"""Pictures of results."""

from mots.lazy import lazy_package

MODULES = (
    "annotator", "captions", "kernels", "palette", "render", "saved_results", "window",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
