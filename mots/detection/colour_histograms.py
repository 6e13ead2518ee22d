"""Appearance without a network: colours inside the mask, stripe by stripe from head to foot.

Each mask is cut into horizontal stripes of equal height. A stripe is described by two histograms of its pixels: how
light they are, and which colour they have (the two chroma numbers of YCbCr, together). The square roots of the shares
make the cosine of two descriptions the Bhattacharyya coefficient of the histograms.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mots.models.reid import ReID, ReIDSettings
from mots.trackers.compiled import compiled
from mots.trackers.detections import Detections

__all__ = ["DIMENSION", "Appearance", "embed"]

COLOURS, OFF = "colours", "off"  # what `ReIDSettings.weights` says in place of a network
STRIPES = 6
LIGHT = 8  # bins of lightness
CHROMA = 8  # bins of each chroma number,
REACH = 64.0  # which lie mostly within this of grey
DIMENSION = STRIPES * (LIGHT + CHROMA * CHROMA)


class Appearance:
    """Embeds detections by their colours, and by a ReID network where the settings name one.

    Joined, each part has the length sqrt(its share), so that cosines are means of the parts' cosines.
    """

    def __init__(self, settings: ReIDSettings) -> None:
        self.colour_share = settings.colour_share
        self.network = None if settings.weights in (COLOURS, OFF) else ReID(settings)
        self.off = settings.weights == OFF

    def embedded(self, image: NDArray[np.uint8], detections: Detections) -> Detections:
        """The detections with embeddings of an image (H, W, 3) uint8 RGB."""
        if self.off:
            return detections
        embeddings = embed(image, detections)
        if self.network is not None:
            features = self.network.embed(image, detections)
            share = np.float32(self.colour_share)
            embeddings = np.concatenate([np.sqrt(share) * embeddings, np.sqrt(1 - share) * features], axis=1)
        return replace(detections, embeddings=embeddings)


def embed(image: NDArray[np.uint8], detections: Detections) -> NDArray[np.float32]:
    """(N, DIMENSION) float32 embeddings of unit length of the detections in an image (H, W, 3) uint8 RGB.

    A mask without pixels has an embedding of zeros, which is unlike everything.
    """
    masks = detections.masks
    shares = histograms(np.ascontiguousarray(image), masks.boxes, masks.starts, masks.pixels)
    roots = np.sqrt(shares)
    lengths = np.linalg.norm(roots, axis=1, keepdims=True)
    return np.asarray(roots / np.maximum(lengths, 1e-12), np.float32)


@compiled
def histograms(
    image: NDArray[np.uint8], boxes: NDArray[np.int32], starts: NDArray[np.int64], pixels: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """(N, DIMENSION) weighted pixel counts: each pixel is shared among the neighbouring bins of its colour."""
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
                # ITU-R BT.601's chroma numbers, 0 for grey.
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
