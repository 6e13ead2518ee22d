"""Networks and their weights: the only code that imports torch, ultralytics and torchreid, and only to load one."""

from mots.lazy import lazy_package

MODULES = (
    "checkpoints", "exporting", "mask_rcnn", "outputs", "raft", "reid", "runtimes", "sam", "semantic",
    "torchvision_operators", "ultralytics_results", "ultralytics_setup", "weights", "yolov8_seg",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
