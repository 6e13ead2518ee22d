"""How unlike each track and each detection are: mask overlap, box overlap, appearance and gates in one (T, N) cost.

`compare` looks at every pair of a frame once; `stage_cost` weighs what it saw for one stage of association.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .masks import Masks

__all__ = ["Comparison", "compare", "stage_cost"]

Matrix = NDArray[np.float64]

# A person behind a car is seen from the waist up, and the box's centre leaps by a quarter of its height. So boxes that
# hold one another, this share of the smaller one inside the larger, are near wherever their centres lie,
HELD = 0.8
PART = 0.2  # if their IoU is at least this: a part, and not a small one behind


@dataclass(frozen=True, eq=False)
class Comparison:
    """What is alike in each pair of T tracks and N detections, (T, N) each.

    `near`: bool, whether the pair is of one group of classes, and inside the gate or of boxes that hold one another;
    the rest is 0 where it is not. `by_box`: IoU of the predicted box and the detected one. `by_mask`: IoU of the moved
    mask and the detected one; of a pair in which either has no pixels (a mask can move out of the frame whole) the
    boxes'. `distance`: cosine distance of the embeddings, the mean of that to the track's average and to its nearest
    view.
    """

    near: NDArray[np.bool_]
    by_box: Matrix
    by_mask: Matrix
    distance: Matrix


def compare(
    boxes: Matrix,
    masks: Masks,
    offsets: Matrix,
    spreads: Matrix,
    groups: NDArray[np.int64],
    averages: NDArray[np.float32],
    views: NDArray[np.float32],
    detected_boxes: NDArray[np.floating],
    detected_masks: Masks,
    detected_groups: NDArray[np.int64],
    embeddings: NDArray[np.float32],
    gate: float,
) -> Comparison:
    """Compare T tracks with N detections.

    Tracks: `boxes` (T, 4) predicted; `masks`, last seen, and `offsets` (T, 2) x y by which they have moved since;
    `spreads` (T, 2) variances of the predicted centres, the detection's noise counted; `groups` (T,); `averages` (T, D)
    and `views` (T, K, D) of the gallery. `gate`: squared Mahalanobis distance of the centres beyond which a pair is not
    near.
    """
    limit = 4 * (masks.size[0] + masks.size[1])  # beyond any frame; more would wrap round in int32
    return Comparison(
        *compare_pairs(
            boxes, masks.boxes, masks.starts, masks.pixels,
            np.rint(np.clip(offsets, -limit, limit)).astype(np.int64), spreads, groups, averages, views,
            np.asarray(detected_boxes, np.float64), detected_masks.boxes, detected_masks.starts, detected_masks.pixels,
            detected_groups, np.ascontiguousarray(embeddings), gate, masks.size[0], masks.size[1],
        )
    )  # fmt: skip


@compiled
def compare_pairs(
    boxes: Matrix,
    mask_boxes: NDArray[np.int32],
    starts: NDArray[np.int64],
    pixels: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    spreads: Matrix,
    groups: NDArray[np.int64],
    averages: NDArray[np.float32],
    views: NDArray[np.float32],
    detected_boxes: Matrix,
    detected_mask_boxes: NDArray[np.int32],
    detected_starts: NDArray[np.int64],
    detected_pixels: NDArray[np.uint8],
    detected_groups: NDArray[np.int64],
    embeddings: NDArray[np.float32],
    gate: float,
    height: int,
    width: int,
) -> tuple[NDArray[np.bool_], Matrix, Matrix, Matrix]:
    """The fields of `Comparison`."""
    tracks, found = len(boxes), len(detected_boxes)
    near = np.zeros((tracks, found), np.bool_)
    by_box = np.zeros((tracks, found))
    by_mask = np.zeros((tracks, found))
    distance = np.zeros((tracks, found))
    dimension = embeddings.shape[1]
    areas = np.zeros(found, np.int64)
    for j in range(found):
        x1, y1, x2, y2 = detected_mask_boxes[j]
        length = np.int64(x2 - x1) * np.int64(y2 - y1)
        areas[j] = detected_pixels[detected_starts[j] : detected_starts[j] + length].sum()
    for i in range(tracks):
        centre_x, centre_y = (boxes[i, 0] + boxes[i, 2]) / 2, (boxes[i, 1] + boxes[i, 3]) / 2
        own_area = -1  # of the moved mask inside the frame: counted when it is first needed
        # The moved mask's box, and what the frame leaves of it.
        ax1, ay1 = mask_boxes[i, 0] + offsets[i, 0], mask_boxes[i, 1] + offsets[i, 1]
        ax2, ay2 = mask_boxes[i, 2] + offsets[i, 0], mask_boxes[i, 3] + offsets[i, 1]
        stride = ax2 - ax1
        cx1, cy1, cx2, cy2 = max(ax1, 0), max(ay1, 0), min(ax2, width), min(ay2, height)
        for j in range(found):
            if groups[i] != detected_groups[j]:
                continue
            away_x = (detected_boxes[j, 0] + detected_boxes[j, 2]) / 2 - centre_x
            away_y = (detected_boxes[j, 1] + detected_boxes[j, 3]) / 2 - centre_y
            outside = away_x * away_x / spreads[i, 0] + away_y * away_y / spreads[i, 1] > gate
            wide = min(boxes[i, 2], detected_boxes[j, 2]) - max(boxes[i, 0], detected_boxes[j, 0])
            tall = min(boxes[i, 3], detected_boxes[j, 3]) - max(boxes[i, 1], detected_boxes[j, 1])
            if wide > 0 and tall > 0:
                own = (boxes[i, 2] - boxes[i, 0]) * (boxes[i, 3] - boxes[i, 1])
                other = (detected_boxes[j, 2] - detected_boxes[j, 0]) * (detected_boxes[j, 3] - detected_boxes[j, 1])
                common_box = wide * tall
                iou = common_box / (own + other - common_box)
                if outside and (common_box < HELD * min(own, other) or iou < PART):
                    continue
                by_box[i, j] = iou
            elif outside:
                continue
            near[i, j] = True
            if own_area < 0:
                own_area = 0
                for y in range(cy1, cy2):
                    row = starts[i] + (y - ay1) * stride + (cx1 - ax1)
                    for k in range(cx2 - cx1):
                        own_area += pixels[row + k]
            if own_area == 0 or areas[j] == 0:
                by_mask[i, j] = by_box[i, j]
            else:
                bx1, by1 = np.int64(detected_mask_boxes[j, 0]), np.int64(detected_mask_boxes[j, 1])
                bx2, by2 = np.int64(detected_mask_boxes[j, 2]), np.int64(detected_mask_boxes[j, 3])
                x1, y1, x2, y2 = max(cx1, bx1), max(cy1, by1), min(cx2, bx2), min(cy2, by2)
                common = 0
                for y in range(y1, y2):
                    a = starts[i] + (y - ay1) * stride + (x1 - ax1)
                    b = detected_starts[j] + (y - by1) * (bx2 - bx1) + (x1 - bx1)
                    row = 0
                    for k in range(x2 - x1):
                        row += pixels[a + k] & detected_pixels[b + k]
                    common += row
                by_mask[i, j] = common / (own_area + areas[j] - common)
            if dimension:
                to_average = np.float32(0.0)
                for d in range(dimension):
                    to_average += averages[i, d] * embeddings[j, d]
                nearest = np.float32(-1.0)
                for v in range(views.shape[1]):
                    likeness = np.float32(0.0)
                    for d in range(dimension):
                        likeness += views[i, v, d] * embeddings[j, d]
                    nearest = max(nearest, likeness)
                distance[i, j] = 1.0 - 0.5 * (to_average + nearest)
    return near, by_box, by_mask, distance


@compiled
def stage_cost(
    near: NDArray[np.bool_],
    by_box: Matrix,
    by_mask: Matrix,
    unlike: Matrix,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    scores: NDArray[np.float32],
    mask_weight: float,
    appearance_weight: float,
    appearance_limit: float,
    score_weight: float,
) -> Matrix:
    """(R, C) the cost of each pair of the tracks `rows` and the detections `columns` in one stage; inf: forbidden.

    The likeness is a mean of three: mask IoU, box IoU (together the overlap, shared by `mask_weight`) and appearance
    (`appearance_weight`); `unlike` (T, N) is appearance from 0, as the same, to 1, as another, and from
    `appearance_limit` on a pair is forbidden. `score_weight` 0 leaves scores (N,) out; 1 multiplies the likeness by the
    detection's score (ByteTrack's score fusion). The cost is 1 less the likeness.
    """
    cost = np.full((len(rows), len(columns)), np.inf)
    for r in range(len(rows)):
        i = rows[r]
        for c in range(len(columns)):
            j = columns[c]
            if near[i, j] and unlike[i, j] < appearance_limit:
                overlap = mask_weight * by_mask[i, j] + (1.0 - mask_weight) * by_box[i, j]
                likeness = (1.0 - appearance_weight) * overlap + appearance_weight * (1.0 - unlike[i, j])
                cost[r, c] = 1.0 - likeness * (1.0 - score_weight * (1.0 - scores[j]))
    return cost
