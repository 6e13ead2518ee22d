"""Masks without crumbs, holes and frayed edges: morphology, mask by mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.optional import opencv
from mots.trackers.masks import Masks

__all__ = ["CleanSettings", "MaskCleaner"]


@dataclass(frozen=True)
class CleanSettings:
    """What is removed and filled. Lengths are in object sizes (the square root of the mask's area)."""

    opening: float = 0.01  # parts thinner than twice this are removed,
    closing: float = 0.03  # gaps thinner than twice this are filled
    hole: float = 0.02  # holes of at most this share of the mask's area are filled
    piece: float = 0.1  # pieces of less than this share of the largest one are removed; 1 keeps the largest one only


class MaskCleaner:
    """A `MaskRefiner` that needs no image. Raises MissingDependency where OpenCV is not installed."""

    def __init__(self, settings: CleanSettings | None = None) -> None:
        self.settings = settings or CleanSettings()
        self.cv2 = opencv("cleaning masks")

    def refine(self, image: NDArray[np.uint8], masks: Masks) -> Masks:
        """The masks in their order; one that would lose all its pixels stays as it is. The image is not used."""
        return self.clean(masks)

    def clean(self, masks: Masks) -> Masks:
        """See `refine`."""
        corners: list[tuple[int, int]] = []
        crops: list[NDArray[np.bool_]] = []
        height, width = masks.size
        for i in range(len(masks)):
            x1, y1, x2, y2 = masks.boxes[i].tolist()
            reach = self.reach(int(masks.crop(i).sum()))
            left, top = max(x1 - reach, 0), max(y1 - reach, 0)
            right, bottom = min(x2 + reach, width), min(y2 + reach, height)
            region = np.zeros((max(bottom - top, 0), max(right - left, 0)), np.uint8)
            region[y1 - top : y2 - top, x1 - left : x2 - left] = masks.crop(i)
            found = self.cleaned(region)
            corners.append((left, top))
            crops.append(found if found.any() else region.astype(np.bool_))
        return Masks.from_crops(masks.size, corners, crops)

    def reach(self, area: int) -> int:
        """By how many pixels a mask of this area can grow."""
        return round(float(self.settings.closing * area**0.5)) + 1

    def cleaned(self, region: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """A mask (h, w) of 0 and 1 after all steps: closing, holes, opening, pieces."""
        cv2, settings = self.cv2, self.settings
        area = int(region.sum())
        if area == 0:
            return region.astype(np.bool_)
        for share, step in ((settings.closing, cv2.MORPH_CLOSE), (settings.opening, cv2.MORPH_OPEN)):
            radius = round(share * area**0.5)
            if step == cv2.MORPH_OPEN and settings.hole > 0:
                region = without_holes(cv2, region, settings.hole * area)
            if radius > 0:
                window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
                # The border repeats: an object that the frame's edge cuts is not eaten from there.
                padded = cv2.copyMakeBorder(region, radius, radius, radius, radius, cv2.BORDER_REPLICATE)
                region = cv2.morphologyEx(padded, step, window)[radius:-radius, radius:-radius]
        return without_crumbs(cv2, region, settings.piece)


def without_holes(cv2: Any, region: NDArray[np.uint8], most: float) -> NDArray[np.uint8]:
    """The mask with holes of at most so many pixels filled; what touches the region's border is no hole."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(1 - region, connectivity=4)
    height, width = region.shape
    filled = region.copy()
    for piece in range(1, count):
        x, y, w, h, area = stats[piece].tolist()
        if area <= most and x > 0 and y > 0 and x + w < width and y + h < height:
            filled[pieces == piece] = 1
    return filled


def without_crumbs(cv2: Any, region: NDArray[np.uint8], share: float) -> NDArray[np.bool_]:
    """The mask without pieces of less than this share of its largest one."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(np.ascontiguousarray(region), connectivity=8)
    if count <= 2:
        return np.asarray(region, np.bool_)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return np.isin(pieces, 1 + np.flatnonzero(areas >= share * areas.max()))
