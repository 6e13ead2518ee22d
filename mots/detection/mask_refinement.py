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
        corners: list[tuple[int, int]] = []
        crops: list[NDArray[np.bool_]] = []
        areas = masks.areas()
        for i in range(len(masks)):
            corner, crop = self.refined_crop(image, masks, i, int(areas[i]))
            corners.append(corner)
            crops.append(crop)
        return Masks.from_crops(masks.size, corners, crops)

    def refined_crop(
        self, image: NDArray[np.uint8], masks: Masks, i: int, area: int
    ) -> tuple[tuple[int, int], NDArray[np.bool_]]:
        """The x y of a crop's first pixel, and mask i in it."""
        settings, cv2 = self.settings, self.cv2
        height, width = masks.size
        radius = int(np.clip(round(settings.radius * area**0.5), 1, settings.max_radius))
        x1, y1, x2, y2 = masks.boxes[i].tolist()
        margin = 2 * radius + 1  # the reach of the filter
        left, top = max(x1 - margin, 0), max(y1 - margin, 0)
        right, bottom = min(x2 + margin, width), min(y2 + margin, height)
        mask = np.zeros((bottom - top, right - left), np.float32)
        mask[y1 - top : y2 - top, x1 - left : x2 - left] = masks.crop(i)
        # Half a pixel to the right and down: each pixel becomes the mean of itself and those before it.
        mask = cv2.blur(mask, (2, 2), anchor=(1, 1), borderType=cv2.BORDER_REPLICATE)
        grey = cv2.cvtColor(np.ascontiguousarray(image[top:bottom, left:right]), cv2.COLOR_RGB2GRAY)
        soft = self.guided(grey.astype(np.float32) / 255, mask, radius)
        inside = self.without_small_pieces(soft >= settings.threshold)
        if not inside.any():
            return (x1, y1), masks.crop(i)
        return (left, top), inside

    def without_small_pieces(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(h, w) without the small pieces that a bright line or a reflection beside an object leaves."""
        count, pieces, stats, _ = self.cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=4)
        if count <= 2:  # the background, and one piece
            return mask
        areas = stats[:, self.cv2.CC_STAT_AREA]
        large = areas >= self.settings.min_piece * areas[1:].max()
        large[0] = False
        return np.asarray(large[pieces])

    def guided(self, guide: NDArray[np.float32], mask: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
        """(h, w) the mask filtered along the guide's edges: equations 5, 6 and 8 of the paper.

        Windows of a large radius are computed in a reduced image (He, Sun: Fast Guided Filter, arXiv:1505.00996).
        """
        cv2 = self.cv2
        factor = max(radius // FULL_RADIUS, 1)
        size = (mask.shape[1], mask.shape[0])
        both = cv2.merge([guide, mask])
        if factor > 1:
            small = (max(round(size[0] / factor), 1), max(round(size[1] / factor), 1))
            both = cv2.resize(both, small, interpolation=cv2.INTER_AREA)
        side = 2 * max(radius // factor, 1) + 1
        window = (side, side)
        # Means of guide, mask, guide squared and guide times mask.
        moments = cv2.blur(cv2.merge([both, both * both[:, :, :1]]), window)
        light, cover = moments[:, :, 0], moments[:, :, 1]
        slope = (moments[:, :, 3] - light * cover) / (moments[:, :, 2] - light * light + self.settings.contrast**2)
        line = cv2.blur(cv2.merge([slope, cover - slope * light]), window)
        if factor > 1:
            line = cv2.resize(line, size, interpolation=cv2.INTER_LINEAR)
        return np.asarray(line[:, :, 0] * guide + line[:, :, 1], np.float32)
