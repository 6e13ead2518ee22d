"""Networks and their weights: the only code that imports torch, ultralytics and torchreid, and only to load one."""

from mots.lazy import lazy_package

MODULES = (
    "checkpoints", "exporting", "mask_upsampling", "reid", "runtimes", "torchvision_operators", "ultralytics_results",
    "weights", "yolov8_seg",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
