"""Several mask refiners as one, each given what the one before has made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mots.detection.measurement import refined
from mots.detection.protocols import DetectionRefiner, MaskRefiner
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

__all__ = ["RefinerChain"]


class RefinerChain:
    """A `DetectionRefiner` of several refiners of either kind, in their order."""

    def __init__(self, refiners: Sequence[MaskRefiner | DetectionRefiner]) -> None:
        self.refiners = list(refiners)

    def refine_detections(self, image: NDArray[np.uint8], detections: Detections) -> Masks:
        """The masks in their order."""
        for refiner in self.refiners:
            detections = replace(detections, masks=refined(refiner, image, detections))
        return detections.masks

    def refine(self, image: NDArray[np.uint8], masks: Masks) -> Masks:
        """The masks in their order, each taken for a sure detection."""
        count = len(masks)
        return self.refine_detections(image, Detections.from_masks(masks, np.ones(count), np.zeros(count)))
