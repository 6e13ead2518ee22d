"""Duplicates: a second detection of one object, found by mask IoU."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .detections import Detections
from .kernels import areas, common_pixels
from .masks import MaskArrays

__all__ = ["without_duplicates"]


def without_duplicates(detections: Detections, groups: NDArray[np.int64], limit: float) -> NDArray[np.bool_]:
    """(N,) False where a detection of higher score and of the same group has a mask IoU above `limit`.

    A detector suppresses duplicates by boxes and within a class. An object that it reports as a bus and as a truck, or
    with two boxes, is one object by its mask. `groups` (N,): numbers that confusable classes share.
    """
    if len(detections) < 2 or limit >= 1:
        return np.ones(len(detections), np.bool_)
    return best_of_each(detections.masks.arrays, detections.scores, groups, limit)


@compiled
def best_of_each(
    masks: MaskArrays, scores: NDArray[np.float32], groups: NDArray[np.int64], limit: float
) -> NDArray[np.bool_]:
    """`without_duplicates` on arrays. Two areas bound an IoU, so few pairs are counted pixel by pixel."""
    order = np.argsort(-scores, kind="mergesort")  # stable
    sizes = areas(masks)
    keep = np.ones(len(order), np.bool_)
    for first in range(len(order)):
        i = order[first]
        if not keep[i]:
            continue
        for second in range(first + 1, len(order)):
            j = order[second]
            if not keep[j] or groups[i] != groups[j]:
                continue
            small, large = min(sizes[i], sizes[j]), max(sizes[i], sizes[j])
            apart = masks.boxes[i, 0] >= masks.boxes[j, 2] or masks.boxes[j, 0] >= masks.boxes[i, 2]
            if apart or small <= limit * large:  # most pairs end here, without a call
                continue
            common = common_pixels(masks, i, 0, 0, masks, j)
            if common > limit * (sizes[i] + sizes[j] - common):
                keep[j] = False
    return keep
