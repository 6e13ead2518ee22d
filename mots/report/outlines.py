"""Masks as few points, for drawing in a browser."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.optional import opencv
from mots.trackers.masks import Masks

__all__ = ["outlines"]

TOLERANCE = 0.7  # pixels of the page's picture by which an outline may be off
LEAST_AREA = 4.0  # of a part in such pixels: smaller ones are not drawn


def outlines(masks: Masks, scale: float) -> list[list[list[int]]]:
    """For each mask its outer outlines as flat lists x, y, x, y in pixels of a picture that is `scale` times as large.

    Raises MissingDependency where OpenCV is not installed.
    """
    cv2 = opencv("drawing outlines")
    return [outline(cv2, masks.crop(i), masks.boxes[i], scale) for i in range(len(masks))]


def outline(cv2: Any, crop: NDArray[np.bool_], box: NDArray[np.int32], scale: float) -> list[list[int]]:
    """The outlines of one mask."""
    if not crop.size:
        return []
    contours, _ = cv2.findContours(crop.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    parts = []
    for contour in contours:
        points = ((contour[:, 0] + box[:2] + 0.5) * scale).astype(np.float32)
        points = cv2.approxPolyDP(points[:, None], TOLERANCE, True)[:, 0]
        if len(points) >= 3 and cv2.contourArea(points) >= LEAST_AREA:
            parts.append(np.rint(points).astype(int).ravel().tolist())
    return parts
