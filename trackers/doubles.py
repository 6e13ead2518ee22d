"""Two detections of one object: telling them from two objects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .detections import Detections

__all__ = ["singles"]


def singles(detections: Detections, groups: NDArray[np.int64], limit: float) -> NDArray[np.bool_]:
    """(N,) False where a better detection of the same group has a mask of more than `limit` IoU: a double.

    A detector suppresses doubles by their boxes and within a class; what it calls a bus and a truck at once, or sees
    with two boxes, is one object by its mask. `groups` (N,): numbers that confusable classes share.
    """
    n = len(detections)
    keep = np.ones(n, np.bool_)
    if n < 2 or limit >= 1:
        return keep
    order = np.argsort(-detections.scores, kind="stable")
    alike = (detections.masks.iou(detections.masks) > limit) & (groups[:, None] == groups[None, :])
    np.fill_diagonal(alike, False)
    if not alike.any():
        return keep
    for i in order.tolist():
        if keep[i]:
            keep[alike[i] & keep] = False
    return keep
