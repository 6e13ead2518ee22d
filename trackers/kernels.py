"""Compiled loops over the pixels of masks, and the overlap of boxes: each of them stands here once.

The functions take masks as `MaskArrays`, the arrays of `Masks` as a named tuple.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .masks import MaskArrays

__all__ = [
    "areas",
    "box_intersection",
    "box_ious",
    "common_pixels",
    "disjoint",
    "hidden_behind",
    "intersections",
    "picked",
    "tight_box",
    "visible_area",
]


@compiled
def common_pixels(a: MaskArrays, i: int, dx: int, dy: int, b: MaskArrays, j: int) -> int:
    """Pixels that mask i of `a`, moved by (dx, dy), shares with mask j of `b`."""
    ax1, ay1 = np.int64(a.boxes[i, 0]) + dx, np.int64(a.boxes[i, 1]) + dy
    ax2, ay2 = np.int64(a.boxes[i, 2]) + dx, np.int64(a.boxes[i, 3]) + dy
    bx1, by1 = np.int64(b.boxes[j, 0]), np.int64(b.boxes[j, 1])
    bx2, by2 = np.int64(b.boxes[j, 2]), np.int64(b.boxes[j, 3])
    x1, x2 = max(ax1, bx1), min(ax2, bx2)
    if x1 >= x2:
        return 0
    common = 0
    width = x2 - x1
    for y in range(max(ay1, by1), min(ay2, by2)):
        left = a.starts[i] + (y - ay1) * (ax2 - ax1) + (x1 - ax1)
        right = b.starts[j] + (y - by1) * (bx2 - bx1) + (x1 - bx1)
        # Rows of their own, which have no index that could be negative: four times as fast.
        own, other = a.pixels[left : left + width], b.pixels[right : right + width]
        row = np.int32(0)
        for k in range(width):
            row += np.int32(own[k] & other[k])
        common += int(row)
    return common


@compiled
def visible_area(masks: MaskArrays, i: int, dx: int, dy: int, height: int, width: int) -> int:
    """Pixels of mask i, moved by (dx, dy), inside a frame of height x width."""
    x1, y1 = np.int64(masks.boxes[i, 0]) + dx, np.int64(masks.boxes[i, 1]) + dy
    x2, y2 = np.int64(masks.boxes[i, 2]) + dx, np.int64(masks.boxes[i, 3]) + dy
    left, right = max(x1, np.int64(0)), min(x2, np.int64(width))
    top, bottom = max(y1, np.int64(0)), min(y2, np.int64(height))
    if right - left == x2 - x1 and bottom - top == y2 - y1:  # all of it
        begin = masks.starts[i]
        return int(masks.pixels[begin : begin + (x2 - x1) * (y2 - y1)].sum())
    area = 0
    for y in range(top, bottom):
        row = masks.starts[i] + (y - y1) * (x2 - x1) + (left - x1)
        area += int(masks.pixels[row : row + max(right - left, np.int64(0))].sum())
    return area


@compiled
def intersections(a: MaskArrays, b: MaskArrays) -> NDArray[np.int64]:
    """(N, M) common pixels of each mask of `a` with each of `b`; disjoint boxes cost four comparisons."""
    counts = np.zeros((len(a.boxes), len(b.boxes)), np.int64)
    for i in range(len(a.boxes)):
        ax1, ay1, ax2, ay2 = a.boxes[i]
        for j in range(len(b.boxes)):
            bx1, by1, bx2, by2 = b.boxes[j]
            if ax1 < bx2 and bx1 < ax2 and ay1 < by2 and by1 < ay2:
                counts[i, j] = common_pixels(a, i, 0, 0, b, j)
    return counts


@compiled
def areas(masks: MaskArrays) -> NDArray[np.int64]:
    """(N,) pixels of each mask."""
    sums = np.zeros(len(masks.boxes), np.int64)
    for i in range(len(masks.boxes)):
        x1, y1, x2, y2 = masks.boxes[i]
        length = np.int64(x2 - x1) * np.int64(y2 - y1)
        sums[i] = masks.pixels[masks.starts[i] : masks.starts[i] + length].sum()
    return sums


@compiled
def picked(first: MaskArrays, second: MaskArrays, order: NDArray[np.int64]) -> MaskArrays:
    """Masks of two sets one after another: `order` (K,) counts through the first set and then through the second."""
    boxes, starts = np.empty((len(order), 4), np.int32), np.empty(len(order), np.int64)
    length = np.int64(0)
    for k in range(len(order)):
        i = order[k]
        if i < len(first.boxes):
            boxes[k] = first.boxes[i]
        else:
            boxes[k] = second.boxes[i - len(first.boxes)]
        starts[k] = length
        length += np.int64(boxes[k, 2] - boxes[k, 0]) * np.int64(boxes[k, 3] - boxes[k, 1])
    pixels = np.empty(length, np.uint8)
    for k in range(len(order)):
        i = order[k]
        begin, end = starts[k], starts[k + 1] if k + 1 < len(order) else length
        if i < len(first.boxes):
            place = first.starts[i]
            pixels[begin:end] = first.pixels[place : place + end - begin]
        else:
            place = second.starts[i - len(first.boxes)]
            pixels[begin:end] = second.pixels[place : place + end - begin]
    return MaskArrays(boxes, starts, pixels)


@compiled
def disjoint(masks: MaskArrays, order: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """New pixels in which the earlier mask in `order` keeps what it shares with a later one; (N,) pixels lost."""
    boxes, starts = masks.boxes, masks.starts
    pixels = masks.pixels.copy()
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
                own, other = pixels[a : a + x2 - x1], pixels[b : b + x2 - x1]
                row = np.int32(0)
                for k in range(x2 - x1):
                    both = own[k] & other[k]
                    other[k] ^= both
                    row += np.int32(both)
                lost[j] += row
    return pixels, lost


@compiled
def tight_box(image: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """x1 y1 x2 y2, half-open, around the true pixels of (H, W); zeros when there are none."""
    height, width = image.shape
    x1, x2, y1, y2 = width, 0, height, 0
    for y in range(height):
        row = image[y]
        first = 0
        while first < width and not row[first]:
            first += 1
        if first == width:
            continue
        last = width - 1
        while not row[last]:
            last -= 1
        x1, x2 = min(x1, first), max(x2, last + 1)
        y1, y2 = min(y1, y), y + 1
    return (x1, y1, x2, y2) if x2 > 0 else (0, 0, 0, 0)


@compiled
def box_intersection(a: NDArray[np.floating], i: int, b: NDArray[np.floating], j: int) -> float:
    """The common area of box i of `a` (N, 4) and box j of `b` (M, 4), x1 y1 x2 y2; 0 where they do not meet."""
    wide = np.float64(min(a[i, 2], b[j, 2]) - max(a[i, 0], b[j, 0]))
    tall = np.float64(min(a[i, 3], b[j, 3]) - max(a[i, 1], b[j, 1]))
    return wide * tall if wide > 0 and tall > 0 else 0.0


@compiled
def box_ious(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(A, B) IoU of boxes (A, 4) and (B, 4)."""
    iou = np.zeros((len(a), len(b)))
    for i in range(len(a)):
        for j in range(len(b)):
            common = box_intersection(a, i, b, j)
            one = (a[i, 2] - a[i, 0]) * (a[i, 3] - a[i, 1])
            two = (b[j, 2] - b[j, 0]) * (b[j, 3] - b[j, 1])
            iou[i, j] = common / max(one + two - common, 1e-9)
    return iou


@compiled
def hidden_behind(
    boxes: NDArray[np.float64], lost: NDArray[np.bool_], others: NDArray[np.bool_], coverage: float
) -> NDArray[np.bool_]:
    """(T,) which of the boxes (T, 4) that are `lost` one of the `others` covers by more than this share, from in front.

    On the ground, what stands nearer to the camera has the lower lower edge; so it hides, and is not hidden.
    """
    hidden = np.zeros(len(boxes), np.bool_)
    for i in range(len(boxes)):
        if not lost[i]:
            continue
        area = max((boxes[i, 2] - boxes[i, 0]) * (boxes[i, 3] - boxes[i, 1]), 1.0)
        for j in range(len(boxes)):
            if others[j] and boxes[j, 3] > boxes[i, 3] and box_intersection(boxes, i, boxes, j) > coverage * area:
                hidden[i] = True
                break
    return hidden
