"""From prototypes and coefficients to masks at the image's resolution, each inside its own box only.

A mask's logits are linear in the prototypes, and bilinear upsampling is a matrix for each axis with a few entries in
each row, so a mask is upsampled along x in the few rows of its prototypes, and then along y.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mots.trackers.compiled import compiled
from mots.trackers.kernels import tight_box
from mots.trackers.masks import MaskArrays, Masks

__all__ = ["Taps", "Upsampling", "masks_in_boxes", "placed", "trimmed_masks", "upsampling", "whole_boxes"]


def placed(size: tuple[int, int], inputs: tuple[int, int]) -> tuple[int, int, int, int]:
    """Height and width of the scaled image inside the input, and the rows and columns of padding before it."""
    gain = min(inputs[0] / size[0], inputs[1] / size[1])
    height, width = max(round(size[0] * gain), 1), max(round(size[1] * gain), 1)
    return height, width, round((inputs[0] - height) / 2 - 0.1), round((inputs[1] - width) / 2 - 0.1)


class Taps(NamedTuple):
    """An interpolation along one axis: sample k is the sum of `weights[k]` (K, T) times the source's samples from
    `first[k]` (K,) on."""

    first: NDArray[np.int64]
    weights: NDArray[np.float32]


class Upsampling(NamedTuple):
    """From prototypes to the image, along y and along x."""

    rows: Taps
    columns: Taps


@functools.lru_cache(maxsize=8)
def upsampling(prototypes: tuple[int, int], size: tuple[int, int]) -> Upsampling:
    """Bilinear upsampling from prototypes (mh, mw) of a letterboxed input to an image of (height, width).

    As Ultralytics' `retina_masks` does it: the prototypes are first upsampled by 1, 2 or 4, so that the padding can be
    cut off on whole pixels; the rest is scaled to the image.
    """
    high, wide = prototypes
    gain = min(4 * high / size[0], 4 * wide / size[1])
    padding = (4 * high - max(round(size[0] * gain), 1)) | (4 * wide - max(round(size[1] * gain), 1))
    factor = 4 // math.gcd(4, padding | padding // 2)
    enlarged = (factor * high, factor * wide)
    height, width, top, left = placed(size, enlarged)
    rows = bilinear(size[0], height) @ bilinear(enlarged[0], high)[top : top + height]
    columns = bilinear(size[1], width) @ bilinear(enlarged[1], wide)[left : left + width]
    return Upsampling(taps_of(rows), taps_of(columns))


def bilinear(target: int, source: int) -> NDArray[np.float32]:
    """(target, source) matrix that interpolates `source` samples at `target` places; pixels are areas, not points."""
    place = np.maximum((np.arange(target, dtype=np.float64) + 0.5) * source / target - 0.5, 0)
    low = np.minimum(place.astype(np.int64), source - 1)
    weight = place - low
    matrix = np.zeros((target, source), np.float32)
    matrix[np.arange(target), low] += (1 - weight).astype(np.float32)
    matrix[np.arange(target), np.minimum(low + 1, source - 1)] += weight.astype(np.float32)
    return matrix


def taps_of(matrix: NDArray[np.float32]) -> Taps:
    """An interpolation matrix (K, S) as its entries that are not 0."""
    filled = matrix != 0
    first = filled.argmax(axis=1)
    last = matrix.shape[1] - filled[:, ::-1].argmax(axis=1)
    count = int((last - first).max())
    first = np.minimum(first, matrix.shape[1] - count).clip(0)
    return Taps(first, np.take_along_axis(matrix, first[:, None] + np.arange(count), axis=1))


def masks_in_boxes(
    size: tuple[int, int],
    coefficients: NDArray[np.float32],
    prototypes: NDArray[np.float32],
    boxes: NDArray[np.float32],
    across: Upsampling,
) -> Masks:
    """Masks in a frame of (height, width), each inside its box (N, 4): where the logit is above 0.

    `coefficients`: (N, nm). `prototypes`: (nm, mh, mw).
    """
    whole = whole_boxes(boxes, size)
    planes, factors = np.ascontiguousarray(prototypes), np.ascontiguousarray(coefficients)
    return trimmed_masks(size, filled_boxes(factors, planes, across, whole))


def whole_boxes(boxes: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.int32]:
    """(N, 4) the pixels whose mask is computed: those of boxes (N, 4), within a frame of (height, width)."""
    height, width = size
    return np.asarray(np.clip(np.ceil(boxes), 0, [width, height, width, height]), np.int32)


def trimmed_masks(size: tuple[int, int], masks: MaskArrays) -> Masks:
    """Masks in a frame of (height, width), given in boxes with margins."""
    found = trimmed(masks)
    return Masks(size, found.boxes, found.pixels, found.starts)


@compiled
def filled_boxes(
    coefficients: NDArray[np.float32], prototypes: NDArray[np.float32], across: Upsampling, boxes: NDArray[np.int32]
) -> MaskArrays:
    """The masks inside whole boxes (N, 4) of the image."""
    count = len(boxes)
    starts = np.zeros(count, np.int64)
    length = np.int64(0)
    for k in range(count):
        x1, y1, x2, y2 = boxes[k]
        starts[k] = length
        length += np.int64(max(x2 - x1, 0)) * max(y2 - y1, 0)
    pixels = np.empty(length, np.uint8)
    for k in range(count):
        x1, y1, x2, y2 = boxes[k]
        if x2 > x1 and y2 > y1:
            crop = pixels[starts[k] : starts[k] + np.int64(x2 - x1) * (y2 - y1)].reshape(y2 - y1, x2 - x1)
            fill_box(coefficients[k], prototypes, across, x1, y1, crop)
    return MaskArrays(boxes, starts, pixels)


@compiled
def trimmed(masks: MaskArrays) -> MaskArrays:
    """Each mask in its own tight box; those without pixels have a box of zeros."""
    count = len(masks.boxes)
    boxes, starts = np.zeros((count, 4), np.int32), np.zeros(count, np.int64)
    pixels = np.empty(len(masks.pixels), np.uint8)
    length = np.int64(0)
    for k in range(count):
        x1, y1, x2, y2 = masks.boxes[k]
        starts[k] = length
        if x2 <= x1 or y2 <= y1:
            continue
        begin = masks.starts[k]
        crop = masks.pixels[begin : begin + np.int64(x2 - x1) * (y2 - y1)].reshape(y2 - y1, x2 - x1)
        u1, v1, u2, v2 = tight_box(crop.view(np.bool_))
        if u2 <= u1:
            continue
        boxes[k, 0], boxes[k, 1], boxes[k, 2], boxes[k, 3] = x1 + u1, y1 + v1, x1 + u2, y1 + v2
        for y in range(v1, v2):
            pixels[length : length + u2 - u1] = crop[y, u1:u2]
            length += u2 - u1
    return MaskArrays(boxes, starts, pixels[:length].copy())


@compiled
def fill_box(
    coefficients: NDArray[np.float32], prototypes: NDArray[np.float32], across: Upsampling,
    x1: int, y1: int, crop: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Fill the crop (h, w) of one mask, whose top left pixel is x1, y1 of the image: 1 where the logit is above 0."""
    rows, columns = across
    y2, x2 = y1 + crop.shape[0], x1 + crop.shape[1]
    tall, wide = rows.weights.shape[1], columns.weights.shape[1]
    top, bottom = rows.first[y1], rows.first[y2 - 1] + tall
    left, right = columns.first[x1], columns.first[x2 - 1] + wide
    region = np.zeros((bottom - top, right - left), np.float32)
    for m in range(len(coefficients)):
        # A plane of its own, so that the loop has no index that could be negative.
        factor, plane = coefficients[m], prototypes[m, top:bottom, left:right]
        for y in range(bottom - top):
            for x in range(right - left):
                region[y, x] += factor * plane[y, x]
    stretched = np.zeros((bottom - top, x2 - x1), np.float32)
    for y in range(bottom - top):
        for x in range(x2 - x1):
            begin = columns.first[x1 + x] - left
            total = np.float32(0.0)
            for t in range(wide):
                total += columns.weights[x1 + x, t] * region[y, begin + t]
            stretched[y, x] = total
    line = np.empty(x2 - x1, np.float32)
    for y in range(y2 - y1):
        line[:] = np.float32(0.0)
        begin = rows.first[y1 + y] - top
        for t in range(tall):
            weight = rows.weights[y1 + y, t]
            for x in range(x2 - x1):
                line[x] += weight * stretched[begin + t, x]
        for x in range(x2 - x1):
            crop[y, x] = line[x] > 0
