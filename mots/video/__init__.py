"""Frames in (files, folders, streams, arrays), video out."""

from mots.lazy import lazy_package

MODULES = (
    "animation", "arrays", "frame", "image_files", "images", "live", "opening", "packets", "selection",
    "video_file", "writer",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
