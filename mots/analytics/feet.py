"""Where objects touch the ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mots.trackers.masks import Masks

__all__ = ["foot_points"]

FOOT_SHARE = 0.05  # of the mask's height: its lowest rows


def foot_points(masks: Masks) -> NDArray[np.float64]:
    """(N, 2) x y where each object touches the ground: the middle of the mask's lowest rows, and its lower edge.

    Zeros for a mask without pixels.
    """
    points = np.zeros((len(masks), 2))
    for i, (x1, y1, _, y2) in enumerate(masks.boxes.tolist()):
        if y2 > y1:
            rows = max(round((y2 - y1) * FOOT_SHARE), 1)
            columns = np.flatnonzero(masks.crop(i)[-rows:].any(axis=0))
            points[i] = x1 + (columns[0] + columns[-1] + 1) / 2, y2
    return points
