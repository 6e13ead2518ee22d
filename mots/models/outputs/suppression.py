"""Non-maximum suppression of boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mots.trackers.compiled import compiled

__all__ = ["suppressed"]


@compiled
def suppressed(boxes: NDArray[np.float32], classes: NDArray[np.int64], limit: float, most: int) -> NDArray[np.int64]:
    """(K,) rows of boxes (N, 4), best first, whose IoU with no kept box of their class is above `limit`."""
    count, share = len(boxes), np.float32(limit)
    gone = np.zeros(count, np.bool_)
    chosen = np.empty(min(count, most), np.int64)
    kept = 0
    for i in range(count):
        if gone[i] or kept >= most:
            continue
        chosen[kept] = i
        kept += 1
        area = (boxes[i, 2] - boxes[i, 0]) * (boxes[i, 3] - boxes[i, 1])
        for j in range(i + 1, count):
            if gone[j] or classes[j] != classes[i]:
                continue
            width = max(min(boxes[i, 2], boxes[j, 2]) - max(boxes[i, 0], boxes[j, 0]), np.float32(0))
            height = max(min(boxes[i, 3], boxes[j, 3]) - max(boxes[i, 1], boxes[j, 1]), np.float32(0))
            other = (boxes[j, 2] - boxes[j, 0]) * (boxes[j, 3] - boxes[j, 1])
            common = width * height
            gone[j] = common > share * (area + other - common)
    return chosen[:kept]
