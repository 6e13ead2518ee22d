"""Masks refined by the image: outlines that follow its edges, without the bias of the network's training.

Ultralytics' YOLO learns from polygons whose corners are truncated to whole pixels and whose border is drawn as a part
of the object (`polygon2mask`: `int32`, `cv2.fillPoly`), at a quarter of the input's resolution. So its masks lie half a
pixel too far to the top left, are slightly too large, and miss edges finer than four pixels. Each mask is moved back by
half a pixel, smoothed along the image's edges by a guided filter (He, Sun, Tang: Guided Image Filtering, IEEE TPAMI
35(6), 2013), and cut slightly above one half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mots.detection.outline_kernels import LARGEST_RADIUS, GuidedFilter, refined_masks
from mots.optional import opencv
from mots.trackers.masks import Masks

__all__ = ["EdgeRefiner", "OutlineSettings"]

LEAST_CONTRAST = 1e-3  # a quarter of a grey level: below it, a plain picture has no slope


@dataclass(frozen=True)
class OutlineSettings:
    """Whether and how masks are refined. The defaults were chosen on MOTS20-02 and -05; KITTI's frames agree."""

    enabled: bool = True
    radius: float = 0.08  # of the filter's window, in object sizes (the square root of the mask's area)
    max_radius: int = 8  # upper limit of the radius, in pixels
    contrast: float = 0.03  # a change of brightness (0 to 1) that counts as an edge
    threshold: float = 0.55  # a pixel of the filtered mask of at least this value belongs to the object
    min_piece: float = 0.03  # pieces smaller than this share of the largest one are dropped


class EdgeRefiner:
    """Refines masks by the edges of the image. Raises MissingDependency where OpenCV is not installed."""

    def __init__(self, settings: OutlineSettings | None = None) -> None:
        self.settings = settings or OutlineSettings()
        self.cv2 = opencv("refining masks", otherwise="set outline.enabled = false")

    def refine(self, image: NDArray[np.uint8], masks: Masks) -> Masks:
        """The masks, in their order, as the image (H, W, 3) uint8 RGB shows them.

        A mask that would lose all its pixels stays as it is.
        """
        settings = self.settings
        grey = self.cv2.cvtColor(image, self.cv2.COLOR_RGB2GRAY)
        largest = min(settings.max_radius, LARGEST_RADIUS)
        radii = np.clip(np.rint(settings.radius * np.sqrt(masks.areas())), 1, largest).astype(np.int64)
        contrast = max(settings.contrast, LEAST_CONTRAST)
        guided = GuidedFilter(contrast, settings.threshold, settings.min_piece)
        boxes, starts, pixels = refined_masks(grey, masks.arrays, radii, guided)
        return Masks(masks.size, boxes, pixels, starts)
