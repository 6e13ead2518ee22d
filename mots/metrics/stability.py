"""Temporal stability of masks: how much an object's outline flickers from frame to frame (DAVIS).

Perazzi et al.: A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation, CVPR 2016, section 5: the
outline becomes points, each described by its shape context (Belongie, Malik, Puzicha, IEEE TPAMI 24(4), 2002), and the
points of two frames are matched in their order by dynamic time warping; T is the mean cost of a matched pair, 0 for
outlines of one shape wherever they lie. The paper leaves the numbers of points and bins open; they are given below, so
values compare with each other and not with those of other programs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mots.optional import opencv
from mots.trackers.compiled import compiled

__all__ = ["POINTS", "instability", "shape_contexts"]

POINTS = 64  # of an outline
RADII = np.array([0.125, 0.25, 0.5, 1.0, 2.0])  # upper ends of the bins of distance, in mean distances of the points
ANGLES = 12


def instability(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> float:
    """T of two masks (H, W) of one object in neighbouring frames, from 0 to 1; nan where one of them is empty.

    Raises MissingDependency without OpenCV.
    """
    one, two = shape_contexts(before), shape_contexts(after)
    if one is None or two is None:
        return float("nan")
    difference = one[:, None] - two[None]
    summed = one[:, None] + two[None]
    costs = 0.5 * np.where(summed > 0, difference**2 / np.maximum(summed, 1e-12), 0.0).sum(axis=2)  # chi squared
    # Outlines are closed: the walk begins at the pair that fits best.
    first, second = np.unravel_index(int(costs.argmin()), costs.shape)
    turned = np.roll(np.roll(costs, -int(first), axis=0), -int(second), axis=1)
    return float(warped(np.ascontiguousarray(turned)))


def shape_contexts(mask: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """(POINTS, radii * angles) shares of the other points in each bin around each point of a mask's longest outline;
    None for an empty mask."""
    cv2 = opencv("measuring stability")
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return None
    longest = max(outlines, key=len)[:, 0].astype(np.float64)
    closed = np.concatenate([longest, longest[:1]])
    steps = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    places = np.linspace(0, steps[-1], POINTS, endpoint=False)
    points = np.stack([np.interp(places, steps, closed[:, k]) for k in (0, 1)], axis=1)
    away = points[None] - points[:, None]
    distance = np.hypot(away[..., 0], away[..., 1])
    others = ~np.eye(POINTS, dtype=np.bool_)
    usual = max(float(distance[others].mean()), 1e-12)
    ring = np.minimum(np.searchsorted(RADII, distance / usual), len(RADII) - 1)
    sector = ((np.arctan2(away[..., 1], away[..., 0]) / (2 * np.pi) * ANGLES) % ANGLES).astype(int) % ANGLES
    contexts = np.zeros((POINTS, len(RADII) * ANGLES))
    for k in range(POINTS):
        np.add.at(contexts[k], (ring[k] * ANGLES + sector[k])[others[k]], 1.0)
    return contexts / (POINTS - 1)


@compiled
def warped(costs: NDArray[np.float64]) -> float:
    """The mean cost of a pair on the cheapest walk through costs (N, M) from the first pair to the last."""
    rows, columns = costs.shape
    total = np.empty((rows, columns))
    length = np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            best, steps = 0.0, 0.0
            if i > 0 or j > 0:
                best = np.inf
                if i > 0 and j > 0:
                    best, steps = total[i - 1, j - 1], length[i - 1, j - 1]
                if i > 0 and total[i - 1, j] < best:
                    best, steps = total[i - 1, j], length[i - 1, j]
                if j > 0 and total[i, j - 1] < best:
                    best, steps = total[i, j - 1], length[i, j - 1]
            total[i, j] = best + costs[i, j]
            length[i, j] = steps + 1.0
    return float(total[rows - 1, columns - 1] / length[rows - 1, columns - 1])
