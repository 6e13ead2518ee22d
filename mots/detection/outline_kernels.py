"""Compiled steps of the refinement of masks: what numpy and OpenCV would do in many passes over the same pixels.

All sums over windows are running sums of whole numbers, which are exact and the same on every machine. Two of them
share a 64-bit number: the first is its upper half, the second, which may be negative, its lower half.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mots.trackers.compiled import compiled
from mots.trackers.masks import MaskArrays

__all__ = ["LARGEST_RADIUS", "GuidedFilter", "refined_masks"]

Numbers = NDArray[np.int64]
Halves = NDArray[np.int32]
LOWER, UPPER = (0, 1) if sys.byteorder == "little" else (1, 0)  # the halves of a 64-bit number, in memory
LARGEST_RADIUS = 90  # in a larger window the squares of 255 grey levels could add up to more than 2^31
LEVELS = 4  # a pixel of a mask that is moved by half a pixel is a mean of four


class GuidedFilter(NamedTuple):
    """What all masks of a frame share: `contrast`, a change of brightness (0 to 1) that counts as an edge, whose square
    is the paper's epsilon; `threshold`, the least value of a pixel of the object in the filtered mask; `min_piece`:
    pieces smaller than this share of the largest one are dropped."""

    contrast: float
    threshold: float
    min_piece: float


class Window(NamedTuple):
    """One mask's window and its limits: `radius` in pixels; `scale`, by which slopes and intercepts are multiplied
    before they are cut to whole numbers, so that a window's sum of them stays below 2^30."""

    radius: int
    scale: np.float32
    regularisation: np.float32
    threshold: np.float32


class Region(NamedTuple):
    """Rows from `top` to `bottom` and columns from `left` to `right`, half-open."""

    left: int
    top: int
    right: int
    bottom: int


@compiled
def refined_masks(
    grey: NDArray[np.uint8], masks: MaskArrays, radii: NDArray[np.int64], guided: GuidedFilter
) -> MaskArrays:
    """The masks as the picture (H, W) shows them, each with a window of its own radius (N,) in pixels, 1 to
    LARGEST_RADIUS. A mask that would lose all its pixels stays as it is."""
    height, width = grey.shape
    # A mask is 0 to 1, so its covariance with the guide is at most half the guide's deviation d: no slope, which is
    # covariance / (d^2 + contrast^2), is steeper than this.
    steepest = 0.25 / guided.contrast
    regularisation, threshold = np.float32(guided.contrast * guided.contrast), np.float32(guided.threshold)
    boxes, starts = masks.boxes.copy(), np.zeros(len(radii), np.int64)
    room = 0
    for i in range(len(radii)):
        x1, y1, x2, y2 = masks.boxes[i]
        room += (np.int64(x2 - x1) + 2 * radii[i] + 2) * (np.int64(y2 - y1) + 2 * radii[i] + 2)
    pixels = np.empty(room, np.uint8)
    count = 0
    for i in range(len(radii)):
        x1, y1, x2, y2 = masks.boxes[i]
        tall, wide = y2 - y1, x2 - x1
        starts[i] = count
        if wide <= 0 or tall <= 0:
            continue
        crop = masks.pixels[masks.starts[i] : masks.starts[i] + np.int64(tall) * wide].reshape(tall, wide)
        radius = radii[i]
        scale = np.float32(2.0**30 / ((2 * radius + 1) ** 2 * (1.0 + steepest)))
        window = Window(radius, scale, regularisation, threshold)
        margin = 2 * radius + 1
        left, top = max(x1 - margin, 0), max(y1 - margin, 0)
        around = grey[top : min(y2 + margin, height), left : min(x2 + margin, width)]
        (u1, v1, u2, v2), inside = refined_pixels(around, crop, x1 - left, y1 - top, window, guided.min_piece)
        if len(inside):
            boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3] = left + u1, top + v1, left + u2, top + v2
        else:
            inside = crop.copy().ravel()
        pixels[count : count + len(inside)] = inside
        count += len(inside)
    return MaskArrays(boxes, starts, pixels[:count].copy())


@compiled
def refined_pixels(
    grey: NDArray[np.uint8], crop: NDArray[np.uint8], left: int, top: int, window: Window, min_piece: float
) -> tuple[tuple[int, int, int, int], NDArray[np.uint8]]:
    """The tight box of the refined mask inside its (h, w) surroundings, and its pixels there, row by row.

    `grey`: (h, w) the picture there, with a margin of twice the radius around the mask, or up to the frame's edge.
    `crop`: the mask, which begins at column `left` and row `top`.
    """
    height, width = grey.shape
    # Farther away than the radius no window touches the mask: slope and intercept are 0.
    reach = window.radius + 1
    region = Region(
        max(left - reach, 0),
        max(top - reach, 0),
        min(left + crop.shape[1] + reach, width),
        min(top + crop.shape[0] + reach, height),
    )
    firsts, seconds = packed(grey, crop, left, top)
    line = lines(firsts, seconds, window, region)
    (x1, y1, x2, y2), pixels = largest_pieces(decided(line, grey, window, region), min_piece)
    return (region.left + x1, region.top + y1, region.left + x2, region.top + y2), pixels


@compiled
def packed(grey: NDArray[np.uint8], crop: NDArray[np.uint8], left: int, top: int) -> tuple[Numbers, Numbers]:
    """(h, w) guide and mask, and (h, w) guide squared and guide times mask, each two numbers in one.

    The guide has 255 levels, the mask four, as it is moved by half a pixel to the right and down: each pixel becomes
    the sum of itself and its neighbours to the left, above, and above left; beyond the edge a pixel's neighbour is
    itself.
    """
    height, width = grey.shape
    own = np.zeros((height + 1, width + 1), np.uint8)  # with the neighbours beyond the edge
    own[top + 1 : top + 1 + crop.shape[0], left + 1 : left + 1 + crop.shape[1]] = crop
    own[0] = own[1]
    for y in range(height + 1):
        own[y, 0] = own[y, 1]
    firsts, seconds = np.empty((height, width), np.int64), np.empty((height, width), np.int64)
    for y in range(height):
        # Rows of their own, so that the loop has no index that could be negative.
        above, above_right, below, below_right = own[y], own[y, 1:], own[y + 1], own[y + 1, 1:]
        guide, first, second = grey[y], firsts[y], seconds[y]
        for x in range(width):
            light = np.int32(guide[x])
            level = np.int32(above[x] + above_right[x] + below[x] + below_right[x])
            first[x] = (np.int64(light) << 32) + np.int64(level)
            second[x] = (np.int64(light * light) << 32) + np.int64(light * level)
    return firsts, seconds


@compiled
def lines(firsts: Numbers, seconds: Numbers, window: Window, region: Region) -> Numbers:
    """(h, w) slope and intercept by which a window's mask follows from its guide (equations 5 and 6 of He et al.),
    times the scale, two in one; 0 outside the region."""
    height, width = firsts.shape
    radius, span = window.radius, region.right - region.left
    cut_off = region.left < radius or region.right + radius > width  # by the picture's edge: windows reach beyond it
    line = np.zeros((height, width), np.int64)
    sums_one, sums_two = column_sums(firsts, radius, region.top), column_sums(seconds, radius, region.top)
    ones, twos = np.empty(span, np.int64), np.empty(span, np.int64)
    for y in range(region.top, region.bottom):
        if y > region.top:
            new, old = mirrored(y + radius, height), mirrored(y - radius - 1, height)
            moved_down(sums_one[radius : radius + width], firsts[new], firsts[old])
            moved_down(sums_two[radius : radius + width], seconds[new], seconds[old])
        if cut_off:
            mirror_margins(sums_one, radius)
            mirror_margins(sums_two, radius)
        row_sums(sums_one[region.left :], radius, ones)
        row_sums(sums_two[region.left :], radius, twos)
        line_of_row(
            ones.view(np.int32), twos.view(np.int32), window,
            line[y, region.left : region.right].view(np.int32),
        )  # fmt: skip
    return line


@compiled
def line_of_row(ones: Halves, twos: Halves, window: Window, line: Halves) -> None:
    """Slope and intercept of each window of a row, from the sums of its numbers; all as halves (2w,)."""
    side = 2 * window.radius + 1
    count = np.float32(side * side)
    full, levels = np.float32(255), np.float32(LEVELS)
    of_light, of_cover = np.float32(1) / (count * full), np.float32(1) / (count * levels)
    of_square, of_product = of_light / full, of_light / levels
    regularisation, scale = window.regularisation, window.scale
    for x in range(len(line) // 2):
        light, cover = np.float32(ones[2 * x + UPPER]) * of_light, np.float32(ones[2 * x + LOWER]) * of_cover
        variance = np.float32(twos[2 * x + UPPER]) * of_square - light * light
        covariance = np.float32(twos[2 * x + LOWER]) * of_product - light * cover
        slope = covariance / (variance + regularisation)
        intercept = np.int32((cover - slope * light) * scale)
        line[2 * x + LOWER] = intercept
        line[2 * x + UPPER] = np.int32(slope * scale) + (intercept >> 31)  # 1 less where the lower half is negative


@compiled
def decided(line: Numbers, grey: NDArray[np.uint8], window: Window, region: Region) -> NDArray[np.uint8]:
    """The refined mask inside the region: where mean slope * guide + mean intercept is at least the threshold
    (equation 8)."""
    height, width = grey.shape
    radius, span = window.radius, region.right - region.left
    cut_off = region.left < radius or region.right + radius > width  # by the picture's edge: windows reach beyond it
    side = 2 * radius + 1
    limit = np.float32(side * side) * np.float32(255) * window.scale * window.threshold
    inside = np.empty((region.bottom - region.top, span), np.uint8)
    sums, totals = column_sums(line, radius, region.top), np.empty(span, np.int64)
    for y in range(region.top, region.bottom):
        if y > region.top:
            new, old = mirrored(y + radius, height), mirrored(y - radius - 1, height)
            moved_down(sums[radius : radius + width], line[new], line[old])
        if cut_off:
            mirror_margins(sums, radius)
        row_sums(sums[region.left :], radius, totals)
        guide, row = grey[y, region.left : region.right], inside[y - region.top]
        for x in range(span):
            intercept = np.int32(totals[x])
            slope = np.int32((totals[x] - np.int64(intercept)) >> 32)
            row[x] = np.float32(slope) * np.float32(guide[x]) + np.float32(255) * np.float32(intercept) >= limit
    return inside


# Sums over windows; beyond the edge the picture is mirrored, without its outermost line


@compiled
def mirrored(i: int, length: int) -> int:
    """The line of a picture that stands for line i, which may lie beyond its edge."""
    if length == 1:
        return 0
    while i < 0 or i >= length:
        i = -i if i < 0 else 2 * (length - 1) - i
    return i


@compiled
def column_sums(values: Numbers, radius: int, row: int) -> Numbers:
    """(w + 2 * radius) the sums of each column of values (h, w) over a window of rows, with room for the margins."""
    height, width = values.shape
    sums = np.zeros(width + 2 * radius, np.int64)
    for k in range(row - radius, row + radius + 1):
        line = values[mirrored(k, height)]
        for x in range(width):
            sums[radius + x] += line[x]
    return sums


@compiled
def moved_down(sums: Numbers, new: Numbers, old: Numbers) -> None:
    """The columns' sums (w,) one row further down: a new row comes in and an old one leaves."""
    for x in range(len(sums)):
        sums[x] += new[x] - old[x]


@compiled
def mirror_margins(sums: Numbers, radius: int) -> None:
    """Fill the margins of the columns' sums (w + 2 * radius)."""
    width = len(sums) - 2 * radius
    for k in range(radius):
        sums[radius - 1 - k] = sums[radius + mirrored(-1 - k, width)]
        sums[radius + width + k] = sums[radius + mirrored(width + k, width)]


@compiled
def row_sums(sums: Numbers, radius: int, windows: Numbers) -> None:
    """The sums (w,) of windows of 2 * radius + 1 columns; the first window begins at the first of `sums`."""
    ahead = sums[2 * radius + 1 :]
    total = np.int64(0)
    for x in range(2 * radius + 1):
        total += sums[x]
    windows[0] = total
    for x in range(len(windows) - 1):
        total += ahead[x] - sums[x]
        windows[x + 1] = total


# Pieces


@compiled
def largest_pieces(inside: NDArray[np.uint8], min_piece: float) -> tuple[tuple[int, int, int, int], NDArray[np.uint8]]:
    """The tight box of a mask (h, w) without its small pieces, and its pixels there, row by row.

    Pieces (pixels that touch by their sides) of fewer pixels than the share `min_piece` of the largest one are dropped.
    """
    height, width = inside.shape
    # Runs of pixels row by row, joined where they touch those of the row above.
    first_of_row = np.zeros(height + 1, np.int64)
    room = 64
    begins, ends, parents = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    count = 0
    for y in range(height):
        first_of_row[y] = count
        row = inside[y]
        last = np.uint8(0)
        for x in range(width):
            if row[x] == last:
                continue
            last = row[x]
            if last:
                if count == room:
                    room *= 2
                    begins, ends, parents = grown(begins, room), grown(ends, room), grown(parents, room)
                begins[count] = x
            else:
                ends[count], parents[count] = x, count
                count += 1
        if last:
            ends[count], parents[count] = width, count
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
                row_start = (y - y1) * (x2 - x1) - x1
                pixels[row_start + begins[k] : row_start + ends[k]] = 1
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
