"""Video object segmentation: masks that are given for some frames are carried through the others."""

from mots.lazy import lazy_package

__getattr__, __dir__ = lazy_package(
    __name__,
    (
        "carrying",
        "clean",
        "cleaning",
        "cutting",
        "flow",
        "mask_smoothing",
        "prompted_refiner",
        "prompts",
        "refiner_chain",
        "results",
        "segment",
        "semantic_maps",
    ),
)
