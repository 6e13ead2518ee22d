"""The cost of a stage: what is known of each pair becomes one number in a (R, C) matrix."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .comparison import BOX_IOU, MASK_IOU, Comparison
from .compiled import compiled

__all__ = ["StageWeights", "scattered", "weighted_cost"]

Vector = NDArray[np.float64]


class StageWeights(NamedTuple):
    """How a stage weighs the cues of a pair; the fields of `Stage` of the same names."""

    mask_weight: float
    appearance_weight: float
    appearance_limit: float
    score_weight: float


@compiled
def weighted_cost(
    pairs: Comparison, dissimilarity: Vector, scores: NDArray[np.float32], weights: StageWeights
) -> Vector:
    """(P,) the cost of each pair, weighted by hand; inf: forbidden.

    The similarity of a pair is a weighted mean of mask IoU and box IoU (shared by `mask_weight`), and of that overlap
    and appearance (`appearance_weight`). `dissimilarity`: (P,) of the appearance, from 0, the same object, to 1,
    another one; a pair of `appearance_limit` or more is forbidden. `score_weight` 1 multiplies the similarity by the
    detection's score (score fusion of ByteTrack, Zhang et al., ECCV 2022), 0 leaves scores (N,) out. The cost is 1
    minus the similarity.
    """
    cost = np.full(len(pairs.rows), np.inf)
    for p in range(len(cost)):
        if dissimilarity[p] < weights.appearance_limit:
            mask_iou, box_iou = pairs.cues[p, MASK_IOU], pairs.cues[p, BOX_IOU]
            overlap = weights.mask_weight * mask_iou + (1.0 - weights.mask_weight) * box_iou
            similarity = (1.0 - weights.appearance_weight) * overlap
            similarity += weights.appearance_weight * (1.0 - dissimilarity[p])
            cost[p] = 1.0 - similarity * (1.0 - weights.score_weight * (1.0 - scores[pairs.columns[p]]))
    return cost


@compiled
def scattered(
    pairs: Comparison, cost: Vector, rows: NDArray[np.int64], columns: NDArray[np.int64], sides: tuple[int, int]
) -> NDArray[np.float64]:
    """(R, C) the cost (P,) of the pairs of the tracks `rows` (R,) and the detections `columns` (C,); inf elsewhere.

    `sides`: the numbers of all tracks and of all detections.
    """
    matrix = np.full((len(rows), len(columns)), np.inf)
    row_of, column_of = np.full(sides[0], -1), np.full(sides[1], -1)
    row_of[rows], column_of[columns] = np.arange(len(rows)), np.arange(len(columns))
    for p in range(len(cost)):
        r, c = row_of[pairs.rows[p]], column_of[pairs.columns[p]]
        if r >= 0 and c >= 0:
            matrix[r, c] = cost[p]
    return matrix
