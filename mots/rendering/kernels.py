"""Compiled drawing of masks: colour over the pixels, an outline, and hatching."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mots.trackers.compiled import compiled
from mots.trackers.masks import MaskArrays

__all__ = ["draw_masks"]

STRIPE = 10  # pixels from one stripe of hatching to the next


@compiled
def draw_masks(
    picture: NDArray[np.uint8],
    masks: MaskArrays,
    colours: NDArray[np.uint8],
    hatched: NDArray[np.bool_],
    opacity: float,
    line: int,
) -> None:
    """Draw N masks into a picture (H, W, 3), each in its colour (N, 3) with `opacity`, its border of `line` pixels at
    full strength. A hatched mask (N,) is drawn in stripes."""
    height, width = picture.shape[:2]
    share = np.int64(round(opacity * 256))
    for i in range(len(masks.boxes)):
        x1, y1, x2, y2 = masks.boxes[i]
        start, wide, high = masks.starts[i], np.int64(x2 - x1), np.int64(y2 - y1)
        for y in range(high):
            for x in range(wide):
                here = start + y * wide + x
                if not masks.pixels[here]:
                    continue
                border = False
                for step in range(1, line + 1):
                    # The picture's own edge is no border: the object goes on beyond it.
                    left = (x - step < 0 or not masks.pixels[here - step]) and x1 + x - step >= 0
                    right = (x + step >= wide or not masks.pixels[here + step]) and x1 + x + step < width
                    above = (y - step < 0 or not masks.pixels[here - step * wide]) and y1 + y - step >= 0
                    below = (y + step >= high or not masks.pixels[here + step * wide]) and y1 + y + step < height
                    if left or right or above or below:
                        border = True
                        break
                weight = share
                if border:
                    weight = np.int64(256)
                elif hatched[i] and (x1 + x + y1 + y) % STRIPE >= STRIPE // 2:
                    continue
                for c in range(3):
                    value = np.int64(picture[y1 + y, x1 + x, c])
                    picture[y1 + y, x1 + x, c] = (value * (256 - weight) + np.int64(colours[i, c]) * weight) >> 8
