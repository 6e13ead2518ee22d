"""What benchmarks prescribe: classes, splits, layouts, the rules of the official kits, submission."""

from mots.lazy import lazy_package

MODULES = (
    "layouts", "registry", "repair", "rules", "submission", "validation",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
