"""Masks at rest: run lengths, COCO's RLE, polygons."""

from mots.lazy import lazy_package

MODULES = (
    "coco_rle", "polygons", "rle", "run_kernels", "runs",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
