"""Masks and polygons: the pixels inside outlines, and one outline through all parts of an object, as Ultralytics'
segmentation labels need it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mots.encodings.runs import Runs, merged
from mots.optional import opencv

__all__ = ["outline", "runs_of_polygons"]

MOST_CROSSINGS = 20_000_000  # of outlines and columns of pixels; an object of 4K video has some thousands


def runs_of_polygons(polygons: Sequence[NDArray[np.float64]], size: tuple[int, int]) -> Runs:
    """One mask: the pixels whose centres lie inside any of the polygons, each (K, 2) corners x y in pixels.

    Inside is meant by the even-odd rule. What lies outside the frame of (height, width) is cut off. Memory and time go
    with the length of the outlines, not with the frame. Raises ValueError for outlines without measure.
    """
    runs = [runs_inside(polygon, size) for polygon in polygons]
    none = np.zeros(0, np.int64)
    starts, stops = (np.concatenate([none, *(each[k] for each in runs)]) for k in (0, 1))
    return merged(size, starts, stops)


def runs_inside(corners: NDArray[np.float64], size: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first pixels and those after the last ones of the runs inside one polygon, column by column.

    A centre on an edge belongs to the pixels below it and to its left, so that polygons side by side share none.
    """
    height, width = size
    (x1, y1), (x2, y2) = corners.T, np.roll(corners, -1, axis=0).T
    low, high = np.minimum(x1, x2), np.maximum(x1, x2)
    first = np.clip(np.floor(low - 0.5) + 1, 0, width).astype(np.int64)  # columns whose centres an edge crosses
    counts = np.clip(np.floor(high - 0.5) + 1, 0, width).astype(np.int64) - first
    if counts.sum() > MOST_CROSSINGS:
        raise ValueError(f"polygons that cross {counts.sum()} columns of pixels: the limit is {MOST_CROSSINGS}")
    edge = np.repeat(np.arange(len(corners)), counts)
    columns = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    crossing = y1[edge] + (columns + 0.5 - x1[edge]) * (y2 - y1)[edge] / np.where(x1 == x2, 1.0, x2 - x1)[edge]
    rows = np.clip(np.ceil(crossing - 0.5), 0, height).astype(np.int64)
    # A closed outline crosses each column an even number of times: from the first to the second is inside, and so on.
    places = np.sort(columns * height + rows)
    return places[0::2], places[1::2]


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
