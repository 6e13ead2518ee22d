"""Data sets for fine-tuning, from a benchmark's truth."""

from mots.lazy import lazy_package

MODULES = (
    "reid_dataset", "training_frames", "yolo_dataset",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
