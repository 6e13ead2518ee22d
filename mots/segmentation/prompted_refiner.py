"""Uncertain and half hidden masks refined by prompt: a segmenter is asked for the object, others stay as they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mots.segmentation.cutting import GrabCut, Segmenter, agree
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

__all__ = ["PromptSettings", "PromptedRefiner", "segmenter_named"]


@dataclass(frozen=True)
class PromptSettings:
    """Which masks are asked for: a segmenter takes ten to a thousand times as long as a tracker."""

    sure_score: float = 0.6  # masks of detections below this score,
    overlapped: float = 0.15  # and those of whose box another one's box covers at least this share
    least_score: float = 0.25  # but none of detections below this score: few of them are objects
    least_iou: float = 0.6  # an answer that agrees less with the mask is not taken
    least_area: int = 200  # pixels of a mask; the edges of smaller ones are known as well as they can be
    most: int = 20  # masks of one frame, the least certain ones first


class PromptedRefiner:
    """A `DetectionRefiner` by a segmenter. An answer is only taken where it agrees with the mask that was there."""

    def __init__(self, segmenter: Segmenter, settings: PromptSettings | None = None) -> None:
        self.segmenter, self.settings = segmenter, settings or PromptSettings()
        self.asked = 0  # masks so far

    def refine_detections(self, image: NDArray[np.uint8], detections: Detections) -> Masks:
        """The masks of N detections in their order."""
        masks = detections.masks
        chosen = self.chosen(detections)
        if len(chosen) == 0:
            return masks
        corners = [(int(x1), int(y1)) for x1, y1, _, _ in masks.boxes.tolist()]
        crops = [masks.crop(i) for i in range(len(masks))]
        for i in chosen.tolist():
            found = self.answer(image, detections, i)
            if found is not None:
                corners[i], crops[i] = (0, 0), found
        return Masks.from_crops(masks.size, corners, crops)

    def answer(self, image: NDArray[np.uint8], detections: Detections, i: int) -> NDArray[np.bool_] | None:
        """(H, W) the segmenter's mask of detection i; None where it does not agree with the one that is there."""
        self.asked += 1
        mask = detections.masks.image(i)
        # Surer masks in front of it are not its own.
        others = np.zeros_like(mask)
        for j in np.flatnonzero(detections.scores > detections.scores[i]).tolist():
            x1, y1, x2, y2 = detections.masks.boxes[j].tolist()
            others[y1:y2, x1:x2] |= detections.masks.crop(j)
        others &= ~mask
        found = self.segmenter.cut(image, mask.astype(np.float32), others)
        return found if agree(found, mask, self.settings.least_iou) else None

    def chosen(self, detections: Detections) -> NDArray[np.int64]:
        """(K,) the rows of the masks that are asked for, the lowest scores first."""
        settings, scores = self.settings, detections.scores
        boxes = detections.boxes.astype(np.float64)
        low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
        high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
        common = np.maximum(high - low, 0).prod(axis=2)
        np.fill_diagonal(common, 0.0)
        common[:, scores < settings.least_score] = 0.0
        areas = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1.0)
        hidden = (common / areas[:, None]).max(axis=1, initial=0.0) >= settings.overlapped
        wanted = (scores < settings.sure_score) | hidden
        wanted &= (scores >= settings.least_score) & (detections.masks.areas() >= settings.least_area)
        rows = np.flatnonzero(wanted)
        return np.asarray(rows[np.argsort(scores[rows], kind="stable")][: settings.most], np.int64)

    def refine(self, image: NDArray[np.uint8], masks: Masks) -> Masks:
        """The masks in their order, each taken for a sure detection."""
        count = len(masks)
        return self.refine_detections(image, Detections.from_masks(masks, np.ones(count), np.zeros(count)))


def segmenter_named(name: str, device: str = "auto") -> Segmenter:
    """GrabCut, or the network of these weights: a path, or a name such as mobile_sam.pt; `sam` is sam_b.pt."""
    if name == "grabcut":
        return GrabCut()
    from mots.models.sam import Sam

    return Sam("sam_b.pt" if name == "sam" else name, device)
