"""One file a format, reading and writing a `LabelTable`. Other tools' ids and class numbers stay in here."""

from mots.lazy import lazy_package

MODULES = (
    "annotations", "convert", "davis_png", "faults", "fitting", "kitti_step", "label_table", "mot_boxes", "mots_png",
    "mots_text", "panoptic", "parquet", "pictures", "places",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
