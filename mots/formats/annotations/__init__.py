"""The files of annotation tools and of data sets that they made: JSON, XML, and text of polygons."""

from mots.lazy import lazy_package

MODULES = (
    "coco", "coco_images", "cvat_images", "cvat_xml", "scalabel", "ultralytics_text", "youtube_vis",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
