"""Two detections of one object: telling them from two objects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .detections import Detections

__all__ = ["singles"]


def singles(detections: Detections, groups: NDArray[np.int64], limit: float) -> NDArray[np.bool_]:
    """(N,) False where a better detection of the same group has a mask of more than `limit` IoU: a double.

    A detector suppresses doubles by their boxes and within a class; what it calls a bus and a truck at once, or sees
    with two boxes, is one object by its mask. `groups` (N,): numbers that confusable classes share.
    """
    if len(detections) < 2 or limit >= 1:
        return np.ones(len(detections), np.bool_)
    masks = detections.masks
    order = np.argsort(-detections.scores, kind="stable")
    return kept(masks.boxes, masks.starts, masks.pixels, masks.areas(), order, groups, limit)


@compiled
def kept(
    boxes: NDArray[np.int32],
    starts: NDArray[np.int64],
    pixels: NDArray[np.uint8],
    areas: NDArray[np.int64],
    order: NDArray[np.int64],
    groups: NDArray[np.int64],
    limit: float,
) -> NDArray[np.bool_]:
    """`singles` of masks in the `order` of their scores. Two areas bound an IoU, so few pairs are counted pixel by
    pixel."""
    keep = np.ones(len(boxes), np.bool_)
    for first in range(len(order)):
        i = order[first]
        if not keep[i]:
            continue
        for second in range(first + 1, len(order)):
            j = order[second]
            if not keep[j] or groups[i] != groups[j]:
                continue
            x1, y1 = max(boxes[i, 0], boxes[j, 0]), max(boxes[i, 1], boxes[j, 1])
            x2, y2 = min(boxes[i, 2], boxes[j, 2]), min(boxes[i, 3], boxes[j, 3])
            small, large = min(areas[i], areas[j]), max(areas[i], areas[j])
            if x1 >= x2 or y1 >= y2 or small <= limit * large:
                continue
            common = common_pixels(boxes, starts, pixels, i, j)
            if common > limit * (areas[i] + areas[j] - common):
                keep[j] = False
    return keep


@compiled
def common_pixels(
    boxes: NDArray[np.int32], starts: NDArray[np.int64], pixels: NDArray[np.uint8], i: int, j: int
) -> int:
    """How many pixels masks i and j share."""
    ax1, ay1, ax2 = np.int64(boxes[i, 0]), np.int64(boxes[i, 1]), np.int64(boxes[i, 2])
    bx1, by1, bx2 = np.int64(boxes[j, 0]), np.int64(boxes[j, 1]), np.int64(boxes[j, 2])
    x1, x2 = max(ax1, bx1), min(ax2, bx2)
    common = 0
    for y in range(max(boxes[i, 1], boxes[j, 1]), min(boxes[i, 3], boxes[j, 3])):
        a = starts[i] + (y - ay1) * (ax2 - ax1) + (x1 - ax1)
        b = starts[j] + (y - by1) * (bx2 - bx1) + (x1 - bx1)
        for k in range(x2 - x1):
            common += pixels[a + k] & pixels[b + k]
    return common
