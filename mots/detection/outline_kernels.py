"""Compiled steps of the refinement of masks: what numpy and OpenCV would do in many passes over the same pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mots.trackers.compiled import compiled

__all__ = ["guide_and_mask", "lines", "refined_pixels", "with_products"]

Picture = NDArray[np.float32]


@compiled
def guide_and_mask(grey: NDArray[np.uint8], crop: NDArray[np.uint8], left: int, top: int) -> Picture:
    """(h, w, 2): grey levels (h, w) as numbers from 0 to 1, and a mask moved by half a pixel to the right and down.

    `crop`: the mask, which begins at column `left` and row `top`. Each pixel of the mask becomes the mean of itself and
    its neighbours to the left, above, and above left; beyond the edge a pixel's neighbour is itself.
    """
    height, width = grey.shape
    own = np.zeros((height, width), np.uint8)
    own[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
    both = np.empty((height, width, 2), np.float32)
    for y in range(height):
        above = max(y - 1, 0)
        for x in range(width):
            before = max(x - 1, 0)
            total = own[y, x] + own[y, before] + own[above, x] + own[above, before]
            both[y, x, 0] = np.float32(grey[y, x]) / np.float32(255)
            both[y, x, 1] = np.float32(total) * np.float32(0.25)
    return both


@compiled
def with_products(both: Picture) -> Picture:
    """(h, w, 4): guide and mask (h, w, 2), then the guide squared, and the guide times the mask."""
    height, width, _ = both.shape
    four = np.empty((height, width, 4), np.float32)
    for y in range(height):
        for x in range(width):
            guide, mask = both[y, x, 0], both[y, x, 1]
            four[y, x, 0], four[y, x, 1], four[y, x, 2], four[y, x, 3] = guide, mask, guide * guide, mask * guide
    return four


@compiled
def lines(moments: Picture, regularisation: np.float32) -> Picture:
    """(h, w, 2) slope and intercept by which a window's mask follows from its guide: equations 5 and 6 of He et al.

    `moments`: (h, w, 4) the windows' means of guide, mask, guide squared and guide times mask.
    """
    height, width, _ = moments.shape
    line = np.empty((height, width, 2), np.float32)
    for y in range(height):
        for x in range(width):
            light, cover = moments[y, x, 0], moments[y, x, 1]
            variance = moments[y, x, 2] - light * light
            slope = (moments[y, x, 3] - light * cover) / (variance + regularisation)
            line[y, x, 0], line[y, x, 1] = slope, cover - slope * light
    return line


@compiled
def refined_pixels(
    line: Picture, both: Picture, threshold: np.float32, min_piece: float
) -> tuple[tuple[int, int, int, int], NDArray[np.uint8]]:
    """The tight box of the refined mask inside its (h, w) region, and its pixels there, row by row.

    `line`: (h, w, 2) the mean slopes and intercepts; `both`: (h, w, 2) guide and mask. A pixel belongs to the object
    where slope * guide + intercept is at least `threshold` (equation 8). Pieces (pixels that touch by their sides) of
    fewer pixels than the share `min_piece` of the largest one are dropped.
    """
    height, width, _ = both.shape
    inside = np.empty(width + 1, np.uint8)
    inside[width] = 0
    # Runs of pixels row by row, joined where they touch those of the row above.
    first_of_row = np.zeros(height + 1, np.int64)
    room = 64
    begins, ends, parents = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    count = 0
    for y in range(height):
        first_of_row[y] = count
        for x in range(width):
            inside[x] = line[y, x, 0] * both[y, x, 0] + line[y, x, 1] >= threshold
        last = np.uint8(0)
        for x in range(width + 1):
            if inside[x] == last:
                continue
            last = inside[x]
            if last:
                if count == room:
                    room *= 2
                    begins, ends, parents = grown(begins, room), grown(ends, room), grown(parents, room)
                begins[count] = x
            else:
                ends[count], parents[count] = x, count
                count += 1
        if y:
            joined(first_of_row[y - 1], first_of_row[y], count, begins, ends, parents)
    first_of_row[height] = count
    areas = np.zeros(count, np.int64)
    for k in range(count):
        areas[root(parents, k)] += ends[k] - begins[k]
    least = min_piece * areas.max() if count else 0.0
    x1, y1, x2, y2 = width, height, 0, 0
    for y in range(height):
        for k in range(first_of_row[y], first_of_row[y + 1]):
            if areas[root(parents, k)] >= least:
                x1, x2 = min(x1, begins[k]), max(x2, ends[k])
                y1, y2 = min(y1, y), y + 1
    if x2 <= x1:
        return (0, 0, 0, 0), np.zeros(0, np.uint8)
    pixels = np.zeros((y2 - y1) * (x2 - x1), np.uint8)
    for y in range(y1, y2):
        for k in range(first_of_row[y], first_of_row[y + 1]):
            if areas[root(parents, k)] >= least:
                row = (y - y1) * (x2 - x1) - x1
                pixels[row + begins[k] : row + ends[k]] = 1
    return (x1, y1, x2, y2), pixels


@compiled
def grown(values: NDArray[np.int64], room: int) -> NDArray[np.int64]:
    """The values in an array with more room."""
    larger = np.empty(room, np.int64)
    larger[: len(values)] = values
    return larger


@compiled
def joined(
    above: int, row: int, count: int, begins: NDArray[np.int64], ends: NDArray[np.int64], parents: NDArray[np.int64]
) -> None:
    """Join the runs from `row` to `count` with those from `above` to `row` that they touch; both are in order."""
    k, m = above, row
    while k < row and m < count:
        if begins[k] < ends[m] and begins[m] < ends[k]:
            one, two = root(parents, k), root(parents, m)
            parents[max(one, two)] = min(one, two)
        if ends[k] < ends[m]:
            k += 1
        else:
            m += 1


@compiled
def root(parents: NDArray[np.int64], k: int) -> int:
    """The first run of the piece to which run k belongs."""
    while parents[k] != k:
        parents[k] = parents[parents[k]]
        k = parents[k]
    return k
