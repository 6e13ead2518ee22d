"""What the outputs of Ultralytics' segmentation networks mean: boxes, scores, and masks at the image's resolution."""

from mots.lazy import lazy_package

__getattr__, __dir__ = lazy_package(__name__, ("device_masks", "mask_upsampling", "predictions", "suppression"))
