"""Two embedders as one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mots.detection.protocols import Embedder
from mots.trackers.detections import Detections

__all__ = ["JoinedEmbedder"]


class JoinedEmbedder:
    """Joins the embeddings of two embedders; `share` is the first one's part of the cosine, from 0 to 1.

    Each part has the length sqrt(its share), so that the cosine of two joined embeddings is the weighted mean of the
    parts' cosines.
    """

    def __init__(self, first: Embedder, second: Embedder, share: float) -> None:
        self.first, self.second, self.share = first, second, share
        self.dimension = first.dimension + second.dimension

    def embed(self, image: NDArray[np.uint8], detections: Detections) -> NDArray[np.float32]:
        """(N, D) float32 of unit length for the detections in an image (H, W, 3) uint8 RGB."""
        share = np.float32(self.share)
        one, two = self.first.embed(image, detections), self.second.embed(image, detections)
        return np.concatenate([np.sqrt(share) * one, np.sqrt(1 - share) * two], axis=1)
