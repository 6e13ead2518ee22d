"""Appearance without a network and without colours: the texture inside the mask and the shape of its edges.

Shadow, glare and a camera's exposure change colours more than they change where edges lie and how neighbouring pixels
compare. Two kinds of histograms are taken of the pixels inside the mask: uniform local binary patterns in horizontal
stripes (Ojala, Pietikainen, Maenpaa: Multiresolution Gray-Scale and Rotation Invariant Texture Classification with
Local Binary Patterns, IEEE TPAMI 24(7), 2002), and oriented gradients in a grid of cells (Dalal, Triggs: Histograms of
Oriented Gradients for Human Detection, CVPR 2005). The embedding holds the square roots of the shares, so that the
cosine of two embeddings is the mean of the Bhattacharyya coefficients of both kinds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mots.trackers.compiled import compiled
from mots.trackers.detections import Detections
from mots.trackers.masks import MaskArrays

__all__ = ["DIMENSION", "Textures"]

# These numbers define the embedding and are fixed: embeddings that were saved with others could not be compared.
STRIPES = 3  # of binary patterns, from top to bottom
PATTERNS = 59  # the 58 patterns of 8 neighbours with at most two changes around the circle, and all others
CONTRAST = 4.0  # grey levels by which a neighbour must be lighter: less is the sensor's noise
ROWS, COLUMNS = 6, 3  # cells of the oriented gradients
ANGLES = 8  # bins of an edge's direction, from 0 to 180 degrees
DIMENSION = STRIPES * PATTERNS + ROWS * COLUMNS * ANGLES


def uniform_numbers() -> NDArray[np.int64]:
    """(256,) the bin of each pattern."""
    numbers = np.full(256, PATTERNS - 1, np.int64)
    used = 0
    for pattern in range(256):
        turned = (pattern >> 1) | ((pattern & 1) << 7)
        if bin(pattern ^ turned).count("1") <= 2:
            numbers[pattern] = used
            used += 1
    return numbers


UNIFORM = uniform_numbers()
# Right, then counter-clockwise: rows and columns of the 8 neighbours.
AROUND = np.array([(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)], np.int64)


class Textures:
    """An embedder by texture and edges alone."""

    dimension = DIMENSION

    def embed(self, image: NDArray[np.uint8], detections: Detections) -> NDArray[np.float32]:
        """(N, DIMENSION) float32 embeddings of unit length of the detections in an image (H, W, 3) uint8 RGB.

        A mask without pixels has an embedding of zeros, whose distance to every other is 1.
        """
        patterns, gradients = histograms(np.ascontiguousarray(image), detections.masks.arrays, UNIFORM, AROUND)
        roots = []
        for counts in (patterns, gradients):
            own = np.sqrt(counts)
            roots.append(own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-12))
        joined = np.concatenate(roots, axis=1)
        return np.asarray(joined / np.maximum(np.linalg.norm(joined, axis=1, keepdims=True), 1e-12), np.float32)


@compiled
def histograms(
    image: NDArray[np.uint8], masks: MaskArrays, uniform: NDArray[np.int64], around: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, STRIPES * PATTERNS) counts of binary patterns, and (N, ROWS * COLUMNS * ANGLES) lengths of gradients.

    Pixels on the image's border have no neighbours on one side and are left out. A gradient's length is shared among
    the two angles next to its own.
    """
    boxes, starts, pixels = masks.boxes, masks.starts, masks.pixels
    height, width = image.shape[0], image.shape[1]
    patterns = np.zeros((len(boxes), STRIPES * PATTERNS))
    gradients = np.zeros((len(boxes), ROWS * COLUMNS * ANGLES))
    for i in range(len(boxes)):
        x1, y1, x2, y2 = boxes[i]
        tall, wide = y2 - y1, x2 - x1
        left, top = max(x1 - 1, 0), max(y1 - 1, 0)
        right, bottom = min(x2 + 1, width), min(y2 + 1, height)
        grey = np.empty((bottom - top, right - left))
        for y in range(bottom - top):
            for x in range(right - left):
                r = float(image[top + y, left + x, 0])
                g = float(image[top + y, left + x, 1])
                b = float(image[top + y, left + x, 2])
                grey[y, x] = 0.299 * r + 0.587 * g + 0.114 * b
        for y in range(max(1 - y1, 0), min(tall, height - 1 - y1)):
            row = starts[i] + np.int64(y) * wide
            stripe = (y * STRIPES // tall) * PATTERNS
            for x in range(max(1 - x1, 0), min(wide, width - 1 - x1)):
                if not pixels[row + x]:
                    continue
                v, u = y + y1 - top, x + x1 - left
                pattern = 0
                for k in range(8):
                    if grey[v + around[k, 0], u + around[k, 1]] > grey[v, u] + CONTRAST:
                        pattern |= 1 << k
                patterns[i, stripe + uniform[pattern]] += 1.0
                across, along = grey[v, u + 1] - grey[v, u - 1], grey[v + 1, u] - grey[v - 1, u]
                length = np.sqrt(across * across + along * along)
                if length <= CONTRAST:
                    continue
                place = (np.arctan2(along, across) / np.pi * ANGLES) % ANGLES
                low = int(place) % ANGLES
                share = place - int(place)
                cell = ((y * ROWS // tall) * COLUMNS + x * COLUMNS // wide) * ANGLES
                gradients[i, cell + low] += (1.0 - share) * length
                gradients[i, cell + (low + 1) % ANGLES] += share * length
    return patterns, gradients
