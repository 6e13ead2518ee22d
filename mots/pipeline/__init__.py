"""One source to results: measure, identify, label, record."""

from mots.lazy import lazy_package

MODULES = (
    "ahead", "batches", "interrupts", "line_files", "options", "parts", "pipeline", "progress", "record", "results",
    "steps", "stream", "streams", "tracked_frame",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
