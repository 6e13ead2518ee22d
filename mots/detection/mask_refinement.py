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

from mots.detection.outline_kernels import guide_and_mask, lines, refined_pixels, with_products
from mots.optional import opencv
from mots.trackers.masks import Masks

__all__ = ["EdgeRefiner", "OutlineSettings"]

# Windows of at least twice this radius (pixels) are computed at half the resolution, and so on: it only saves time.
FULL_RADIUS = 4


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
        boxes = np.zeros((len(masks), 4), np.int32)
        parts: list[NDArray[np.uint8]] = []
        areas = masks.areas()
        for i in range(len(masks)):
            boxes[i], pixels = self.refined(image, masks, i, int(areas[i]))
            parts.append(pixels)
        lengths = np.array([pixels.size for pixels in parts], np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]) if parts else np.zeros(0, np.int64)
        return Masks(masks.size, boxes, np.concatenate(parts) if parts else np.zeros(0, np.uint8), starts)

    def refined(
        self, image: NDArray[np.uint8], masks: Masks, i: int, area: int
    ) -> tuple[tuple[int, int, int, int], NDArray[np.uint8]]:
        """The tight box of mask i after refinement, and its pixels, row by row."""
        settings, cv2 = self.settings, self.cv2
        height, width = masks.size
        radius = int(np.clip(round(settings.radius * area**0.5), 1, settings.max_radius))
        x1, y1, x2, y2 = masks.boxes[i].tolist()
        margin = 2 * radius + 1  # the reach of the filter
        left, top = max(x1 - margin, 0), max(y1 - margin, 0)
        right, bottom = min(x2 + margin, width), min(y2 + margin, height)
        crop = masks.crop(i).view(np.uint8)
        grey = cv2.cvtColor(np.ascontiguousarray(image[top:bottom, left:right]), cv2.COLOR_RGB2GRAY)
        both = guide_and_mask(grey, crop, x1 - left, y1 - top)
        line = self.mean_lines(both, radius)
        (u1, v1, u2, v2), pixels = refined_pixels(line, both, np.float32(settings.threshold), settings.min_piece)
        if len(pixels) == 0:
            return (x1, y1, x2, y2), np.ascontiguousarray(crop).ravel()
        return (left + u1, top + v1, left + u2, top + v2), pixels

    def mean_lines(self, both: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
        """(h, w, 2) by which the filtered mask follows from the guide: equations 5, 6 and 8 of the paper.

        `both`: (h, w, 2) guide and mask. Windows of a large radius are computed in a reduced image (He, Sun: Fast
        Guided Filter, arXiv:1505.00996).
        """
        cv2 = self.cv2
        factor = max(radius // FULL_RADIUS, 1)
        size = (both.shape[1], both.shape[0])
        if factor > 1:
            small = (max(round(size[0] / factor), 1), max(round(size[1] / factor), 1))
            both = cv2.resize(both, small, interpolation=cv2.INTER_AREA)
        side = 2 * max(radius // factor, 1) + 1
        moments = cv2.blur(with_products(both), (side, side))
        line = cv2.blur(lines(moments, np.float32(self.settings.contrast**2)), (side, side))
        if factor > 1:
            line = cv2.resize(line, size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(line, np.float32)
