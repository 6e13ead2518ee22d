"""How unlike each track and each detection are: mask overlap, box overlap and gates in one (T, N) cost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .masks import Masks

__all__ = ["box_iou", "combined_cost", "overlap_cost"]


def box_iou(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N, M) IoU of boxes (N, 4) and (M, 4) x1 y1 x2 y2; 0 for two boxes without area."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    width = np.minimum(a[:, None, 2], b[None, :, 2]) - np.maximum(a[:, None, 0], b[None, :, 0])
    height = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1])
    common = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    area_a = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])
    area_b = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    union = area_a[:, None] + area_b[None, :] - common
    result: NDArray[np.float64] = common / np.where(union > 0, union, 1.0)
    return result


def overlap_cost(
    track_boxes: NDArray[np.floating],
    track_masks: Masks,
    boxes: NDArray[np.floating],
    masks: Masks,
    mask_weight: float,
) -> NDArray[np.float64]:
    """(T, N) from 0 (the same place) to 1 (no overlap): the mean of mask IoU and box IoU, taken from 1.

    `mask_weight` is the masks' share of the mean; at 0 no mask is compared. A pair in which either has no mask pixels
    (a mask can move out of the frame whole) counts by its boxes alone.
    """
    by_box = box_iou(track_boxes, boxes)
    if mask_weight == 0:
        return 1.0 - by_box
    by_mask = track_masks.iou(masks)
    bare = (track_masks.boxes[:, 2] == 0)[:, None] | (masks.boxes[:, 2] == 0)[None, :]
    return 1.0 - np.where(bare, by_box, mask_weight * by_mask + (1.0 - mask_weight) * by_box)


def combined_cost(
    overlap: NDArray[np.float64],
    scores: NDArray[np.floating],
    score_weight: float,
    forbidden: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """(T, N) cost of a stage: unlikeness grown where the detection's score (N,) is low, infinite where forbidden.

    `score_weight` 0 leaves scores out; 1 multiplies the likeness by the score (ByteTrack's score fusion).
    """
    likeness = (1.0 - overlap) * (1.0 - score_weight * (1.0 - np.asarray(scores, np.float64)))[None, :]
    return np.where(forbidden, np.inf, 1.0 - likeness)
