"""Appearance without a network: colour histograms inside the mask, stripe by stripe from top to bottom.

Each mask is cut into horizontal stripes of equal height. A stripe is described by two histograms of its pixels: of
lightness, and of chroma (the two chroma numbers of YCbCr together). The embedding holds the square roots of the shares,
so that the cosine of two embeddings is the Bhattacharyya coefficient of their histograms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mots.trackers.compiled import compiled
from mots.trackers.detections import Detections
from mots.trackers.masks import MaskArrays

__all__ = ["DIMENSION", "ColourHistograms", "embed"]

# These numbers define the embedding and are fixed: embeddings that were saved with others could not be compared.
STRIPES = 6
LIGHT = 8  # bins of lightness
CHROMA = 8  # bins of each chroma number
REACH = 64.0  # chroma numbers of this distance from grey and beyond share the outermost bins
SAMPLE = 6_000  # pixels of a mask's box; in a larger one only every second, third, ... row is counted,
LEAST_ROWS = 8  # but this many in each stripe
DIMENSION = STRIPES * (LIGHT + CHROMA * CHROMA)

# Whole numbers in place of fractions: lightness in steps of 1 / FINE grey levels, places in steps of 1 / WHOLE bins.
FINE = np.int32(1 << 10)
STEPS = np.int32(12)
WHOLE = np.int32(1 << 12)
RED, GREEN, BLUE = np.int32(306), np.int32(601), np.int32(117)  # 0.299, 0.587 and 0.114 of FINE; together FINE
LEVEL = np.int32(256 * (1 << 10) // (1 << 12))  # so many steps of lightness times LIGHT make one step of a place
SHIFT = np.int32(13)
# 0.564 and 0.713 bins' widths for each chroma number, for a product that is shifted by SHIFT
BLUE_CHROMA, RED_CHROMA = (
    np.int32(round(share * CHROMA / (2 * REACH) * WHOLE / FINE * (1 << SHIFT))) for share in (0.564, 0.713)
)


class ColourHistograms:
    """An embedder by colours alone."""

    dimension = DIMENSION

    def embed(self, image: NDArray[np.uint8], detections: Detections) -> NDArray[np.float32]:
        """See `embed`."""
        return embed(image, detections)


def embed(image: NDArray[np.uint8], detections: Detections) -> NDArray[np.float32]:
    """(N, DIMENSION) float32 embeddings of unit length of the detections in an image (H, W, 3) uint8 RGB.

    A mask without pixels has an embedding of zeros, whose distance to every other is 1.
    """
    counts = histograms(np.ascontiguousarray(image), detections.masks.arrays)
    roots = np.sqrt(counts)
    lengths = np.linalg.norm(roots, axis=1, keepdims=True)
    return np.asarray(roots / np.maximum(lengths, 1e-12), np.float32)


@compiled
def histograms(image: NDArray[np.uint8], masks: MaskArrays) -> NDArray[np.float64]:
    """(N, DIMENSION) weighted pixel counts, of some rows of large masks: each pixel is shared among the neighbouring
    bins of its colour.

    Places between bins are whole numbers, a bin's width being 2^STEPS, so the sums are exact in any order.
    """
    boxes, starts, pixels = masks.boxes, masks.starts, masks.pixels
    width = LIGHT + CHROMA * CHROMA
    one, half, last_light, last_chroma = WHOLE, WHOLE // 2, (LIGHT - 1) * WHOLE, (CHROMA - 1) * WHOLE
    centre = CHROMA * WHOLE // 2 - half  # the place of grey
    counts = np.zeros((len(boxes), STRIPES * width))
    for i in range(len(boxes)):
        x1, y1, x2, y2 = boxes[i]
        tall, wide = y2 - y1, x2 - x1
        # Odd and even rows apart, so that fewer additions wait for the one before.
        sums, count = np.zeros((2, STRIPES * width), np.int64), 0
        step = max(min(np.int64(tall) * wide // SAMPLE, np.int64(tall) // (STRIPES * LEAST_ROWS)), 1)
        for y in range(0, tall, step):
            base = (y * STRIPES // tall) * width
            begin = starts[i] + np.int64(y) * wide
            inside, colours, own = pixels[begin : begin + wide], image[y1 + y, x1:x2], sums[count % 2]
            count += 1
            for x in range(wide):
                if not inside[x]:
                    continue
                r, g, b = np.int32(colours[x, 0]), np.int32(colours[x, 1]), np.int32(colours[x, 2])
                light = r * RED + g * GREEN + b * BLUE
                place = min(max(light * LIGHT // LEVEL - half, np.int32(0)), last_light)
                low = min(place >> STEPS, np.int32(LIGHT - 2))
                above = place - (low << STEPS)
                own[base + low] += one - above
                own[base + low + 1] += above
                # Chroma numbers of ITU-R BT.601, 0 for grey.
                u = min(max(((b * FINE - light) * BLUE_CHROMA >> SHIFT) + centre, np.int32(0)), last_chroma)
                v = min(max(((r * FINE - light) * RED_CHROMA >> SHIFT) + centre, np.int32(0)), last_chroma)
                lu, lv = min(u >> STEPS, np.int32(CHROMA - 2)), min(v >> STEPS, np.int32(CHROMA - 2))
                fu, fv = u - (lu << STEPS), v - (lv << STEPS)
                both = (fu * fv) >> STEPS
                chroma = base + LIGHT + lu * CHROMA + lv
                own[chroma] += one - fu - fv + both
                own[chroma + 1] += fv - both
                own[chroma + CHROMA] += fu - both
                own[chroma + CHROMA + 1] += both
        for k in range(STRIPES * width):
            counts[i, k] = (sums[0, k] + sums[1, k]) / WHOLE
    return counts
