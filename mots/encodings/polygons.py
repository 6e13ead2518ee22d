"""Masks as polygons: one outline through all parts of an object, as Ultralytics' segmentation labels need it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mots.optional import opencv
from mots.trackers.masks import Masks

__all__ = ["mask_of_polygons", "outline"]


def mask_of_polygons(polygons: Sequence[NDArray[np.float64]], size: tuple[int, int]) -> Masks:
    """One mask: the pixels whose centres lie inside any of the polygons, each (K, 2) corners x y in pixels.

    Inside is meant by the even-odd rule. What lies outside the frame of (height, width) is cut off.
    """
    if not polygons:
        return Masks.from_crops(size, [(0, 0)], [np.zeros((0, 0), np.bool_)])
    corners = np.concatenate(polygons)
    low = np.clip(np.floor(corners.min(axis=0)), 0, [size[1], size[0]]).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)), low, [size[1], size[0]]).astype(int)
    picture = np.zeros((high[1] - low[1], high[0] - low[0]), np.bool_)
    for polygon in polygons:
        picture |= filled(polygon - low, (picture.shape[0], picture.shape[1]))
    return Masks.from_crops(size, [(int(low[0]), int(low[1]))], [picture])


def filled(corners: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W) the pixels whose centres lie inside a polygon of corners (K, 2) x y, by the even-odd rule."""
    x, y = np.arange(size[1]) + 0.5, np.arange(size[0]) + 0.5
    picture = np.zeros(size, np.bool_)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        rows = np.flatnonzero((y1 <= y) != (y2 <= y))  # of pixels, those that the edge crosses
        crossing = x1 + (y[rows] - y1) * (x2 - x1) / (y2 - y1) if len(rows) else np.zeros(0)
        picture[rows] ^= x[None, :] > crossing[:, None]
    return picture


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
