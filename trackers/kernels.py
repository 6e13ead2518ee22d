"""Counting common pixels of masks, compiled by numba: the inner loops of `masks.py`, and nothing else.

Each function takes masks as `Masks` keeps them: `boxes` (N, 4) int32, `starts` (N,) int64, `pixels` (P,) uint8.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled

__all__ = ["areas", "disjoint", "gathered", "intersections"]


@compiled
def intersections(
    boxes_a: NDArray[np.int32],
    starts_a: NDArray[np.int64],
    pixels_a: NDArray[np.uint8],
    boxes_b: NDArray[np.int32],
    starts_b: NDArray[np.int64],
    pixels_b: NDArray[np.uint8],
) -> NDArray[np.int64]:
    """(N, M) common pixels; pairs whose boxes do not meet cost four comparisons."""
    counts = np.zeros((len(boxes_a), len(boxes_b)), np.int64)
    for i in range(len(boxes_a)):
        ax1, ay1, ax2, ay2 = boxes_a[i]
        for j in range(len(boxes_b)):
            bx1, by1, bx2, by2 = boxes_b[j]
            x1, y1 = max(ax1, bx1), max(ay1, by1)
            x2, y2 = min(ax2, bx2), min(ay2, by2)
            if x1 >= x2 or y1 >= y2:
                continue
            common = 0
            width = np.int64(x2 - x1)
            for y in range(y1, y2):
                a = starts_a[i] + np.int64(y - ay1) * (ax2 - ax1) + (x1 - ax1)
                b = starts_b[j] + np.int64(y - by1) * (bx2 - bx1) + (x1 - bx1)
                row = 0
                for k in range(width):
                    row += pixels_a[a + k] & pixels_b[b + k]
                common += row
            counts[i, j] = common
    return counts


@compiled
def areas(boxes: NDArray[np.int32], starts: NDArray[np.int64], pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(N,) pixels of each mask."""
    sums = np.zeros(len(boxes), np.int64)
    for i in range(len(boxes)):
        length = np.int64(boxes[i, 2] - boxes[i, 0]) * np.int64(boxes[i, 3] - boxes[i, 1])
        sums[i] = pixels[starts[i] : starts[i] + length].sum()
    return sums


@compiled
def gathered(
    starts: NDArray[np.int64], lengths: NDArray[np.int64], pixels: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The pieces pixels[starts[i] : starts[i] + lengths[i]] one after another, and where each begins."""
    begins = np.cumsum(lengths) - lengths
    own = np.empty(lengths.sum(), np.uint8)
    for i in range(len(starts)):
        own[begins[i] : begins[i] + lengths[i]] = pixels[starts[i] : starts[i] + lengths[i]]
    return own, begins


@compiled
def disjoint(
    boxes: NDArray[np.int32],
    starts: NDArray[np.int64],
    pixels: NDArray[np.uint8],
    order: NDArray[np.int64],
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """New pixels in which an earlier mask in `order` keeps what it shares with a later one, and (N,) pixels lost."""
    pixels = pixels.copy()
    lost = np.zeros(len(boxes), np.int64)
    for first in range(len(order)):
        i = order[first]
        ax1, ay1, ax2, ay2 = boxes[i]
        for second in range(first + 1, len(order)):
            j = order[second]
            bx1, by1, bx2, by2 = boxes[j]
            x1, y1 = max(ax1, bx1), max(ay1, by1)
            x2, y2 = min(ax2, bx2), min(ay2, by2)
            if x1 >= x2 or y1 >= y2:
                continue
            for y in range(y1, y2):
                a = starts[i] + np.int64(y - ay1) * (ax2 - ax1) + (x1 - ax1)
                b = starts[j] + np.int64(y - by1) * (bx2 - bx1) + (x1 - bx1)
                for k in range(x2 - x1):
                    if pixels[a + k] and pixels[b + k]:
                        pixels[b + k] = 0
                        lost[j] += 1
    return pixels, lost
