"""The cost of a stage: mask IoU, box IoU, appearance and score of each pair in one (T, N) matrix."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .comparison import Comparison
from .compiled import compiled

__all__ = ["StageWeights", "stage_cost"]

Matrix = NDArray[np.float64]


class StageWeights(NamedTuple):
    """How a stage weighs the cues of a pair; the fields of `Stage` of the same names."""

    mask_weight: float
    appearance_weight: float
    appearance_limit: float
    score_weight: float


@compiled
def stage_cost(
    pairs: Comparison,
    dissimilarity: Matrix,
    scores: NDArray[np.float32],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    weights: StageWeights,
) -> Matrix:
    """(R, C) the cost of each pair of the tracks `rows` (R,) and the detections `columns` (C,); inf: forbidden.

    The similarity of a pair is a weighted mean of mask IoU and box IoU (shared by `mask_weight`), and of that overlap
    and appearance (`appearance_weight`). `dissimilarity`: (T, N) of the appearance, from 0, the same object, to 1,
    another one; a pair of `appearance_limit` or more is forbidden. `score_weight` 1 multiplies the similarity by the
    detection's score (score fusion of ByteTrack, Zhang et al., ECCV 2022), 0 leaves scores (N,) out. The cost is 1
    minus the similarity.
    """
    cost = np.full((len(rows), len(columns)), np.inf)
    for r in range(len(rows)):
        i = rows[r]
        for c in range(len(columns)):
            j = columns[c]
            if pairs.in_gate[i, j] and dissimilarity[i, j] < weights.appearance_limit:
                overlap = weights.mask_weight * pairs.mask_iou[i, j] + (1.0 - weights.mask_weight) * pairs.box_iou[i, j]
                similarity = (1.0 - weights.appearance_weight) * overlap
                similarity += weights.appearance_weight * (1.0 - dissimilarity[i, j])
                cost[r, c] = 1.0 - similarity * (1.0 - weights.score_weight * (1.0 - scores[j]))
    return cost
