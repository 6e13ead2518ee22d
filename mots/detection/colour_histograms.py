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
DIMENSION = STRIPES * (LIGHT + CHROMA * CHROMA)


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
    """(N, DIMENSION) weighted pixel counts: each pixel is shared among the neighbouring bins of its colour."""
    boxes, starts, pixels = masks.boxes, masks.starts, masks.pixels
    width = LIGHT + CHROMA * CHROMA
    counts = np.zeros((len(boxes), STRIPES * width))
    for i in range(len(boxes)):
        x1, y1, x2, y2 = boxes[i]
        tall, wide = y2 - y1, x2 - x1
        for y in range(tall):
            base = (y * STRIPES // tall) * width
            row = starts[i] + np.int64(y) * wide
            for x in range(wide):
                if not pixels[row + x]:
                    continue
                r = float(image[y1 + y, x1 + x, 0])
                g = float(image[y1 + y, x1 + x, 1])
                b = float(image[y1 + y, x1 + x, 2])
                light = 0.299 * r + 0.587 * g + 0.114 * b
                place = min(max(light / 256.0 * LIGHT - 0.5, 0.0), LIGHT - 1.0)
                low = min(int(place), LIGHT - 2)
                counts[i, base + low] += 1.0 - (place - low)
                counts[i, base + low + 1] += place - low
                # Chroma numbers of ITU-R BT.601, 0 for grey.
                u = min(max((0.564 * (b - light) / REACH + 1.0) * 0.5 * CHROMA - 0.5, 0.0), CHROMA - 1.0)
                v = min(max((0.713 * (r - light) / REACH + 1.0) * 0.5 * CHROMA - 0.5, 0.0), CHROMA - 1.0)
                lu, lv = min(int(u), CHROMA - 2), min(int(v), CHROMA - 2)
                fu, fv = u - lu, v - lv
                chroma = base + LIGHT + lu * CHROMA + lv
                counts[i, chroma] += (1.0 - fu) * (1.0 - fv)
                counts[i, chroma + 1] += (1.0 - fu) * fv
                counts[i, chroma + CHROMA] += fu * (1.0 - fv)
                counts[i, chroma + CHROMA + 1] += fu * fv
    return counts
