"""Masks as polygons: one outline through all parts of an object, as Ultralytics' segmentation labels need it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mots.optional import opencv

__all__ = ["outline"]


def outline(crop: NDArray[np.bool_], corner: NDArray[np.integer]) -> NDArray[np.float64] | None:
    """(K, 2) x y of the polygon of a mask, in pixels from the frame's upper left corner; None where it has too few.

    `crop`: (h, w) of the mask, its upper left pixel at `corner` (2,) x y. Points are centres of border pixels. Separate
    parts and holes are connected by bridges of zero width: filled by the even-odd rule, borders included, the polygon
    is the mask and its bridges. Raises MissingDependency where OpenCV is not installed.
    """
    cv2 = opencv("tracing the outlines of masks")
    contours, _ = cv2.findContours(np.pad(crop.astype(np.uint8), 1), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    pieces = sorted((piece[:, 0] for piece in contours if len(piece) >= 3), key=len, reverse=True)
    if not pieces:
        return None
    path = pieces.pop(0)
    while pieces:  # the nearest piece first, so that bridges are short
        nearest = [nearest_points(path, piece) for piece in pieces]
        k = min(range(len(pieces)), key=lambda k: nearest[k][0])
        _, i, j = nearest[k]
        turned = np.roll(pieces.pop(k), -j, axis=0)
        path = np.concatenate([path[: i + 1], turned, turned[:1], path[i:]])
    points: NDArray[np.float64] = path - 1 + np.asarray(corner) + 0.5
    return points


def nearest_points(path: NDArray[np.int32], piece: NDArray[np.int32]) -> tuple[int, int, int]:
    """The squared distance of the nearest points of two outlines, and their indices."""
    distances = ((path[:, None].astype(np.int64) - piece[None]) ** 2).sum(axis=2)
    i, j = np.unravel_index(int(distances.argmin()), distances.shape)
    return int(distances[i, j]), int(i), int(j)
