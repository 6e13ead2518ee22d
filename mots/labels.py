"""What is known of one frame's objects: truth and results alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

__all__ = ["FrameLabels", "labelled"]

# What is contested is a larger part of who is in front: of two masks that meet, the one in front lies there whole, and
# the one behind is seldom covered by it for the most part. On MOTS20-02 and -05 this tells who is in front better than
# the score, the area or the foot point alone.
CONTESTED = 0.5


@dataclass(frozen=True, eq=False)
class FrameLabels:
    """N objects of one frame, each with an identity; no two masks share a pixel.

    `frame`: its number in the source's own numbering. `time`: seconds from the source's start. `ids`: (N,) int64,
    positive, each once. `classes`: (N,) int64 ids of `mots.classes`. `scores`: (N,) float32, 1 in truth.
    `masks`: N masks. `ignore`: regions that are not scored (truth only).
    """

    frame: int
    time: float
    ids: NDArray[np.int64]
    classes: NDArray[np.int64]
    scores: NDArray[np.float32]
    masks: Masks
    ignore: Masks

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frame."""
        return self.masks.size

    @staticmethod
    def empty(frame: int, time: float, size: tuple[int, int]) -> FrameLabels:
        """A frame without objects."""
        none = np.zeros(0, np.int64)
        return FrameLabels(frame, time, none, none, np.zeros(0, np.float32), Masks.empty(size), Masks.empty(size))

    def take(self, index: NDArray[np.generic] | Sequence[int]) -> FrameLabels:
        """The objects at an integer or bool index (K,); the ignore regions stay."""
        index = np.asarray(index, np.intp) if len(index) == 0 else np.asarray(index)
        return replace(
            self,
            ids=self.ids[index],
            classes=self.classes[index],
            scores=self.scores[index],
            masks=self.masks.take(index),
        )


def labelled(
    detections: Detections,
    ids: NDArray[np.int64],
    classes: NDArray[np.int64],
    frame: int,
    time: float,
) -> tuple[FrameLabels, int]:
    """The detections that have an id (not 0), with masks made disjoint, and how many pixels changed hands for that.

    `ids`: (N,) one per detection. `classes`: (K,) the classes of the K detections with an id, in their order. A pixel
    of several masks goes to the one of the highest score, to which `CONTESTED` times the share of it that others claim
    is added. A mask that keeps less than half of its pixels is dropped: what is left of it is seldom an object's
    outline.
    """
    rows = np.flatnonzero(ids)
    chosen = detections.masks.take(rows)
    areas = chosen.areas()
    others = chosen.intersections(chosen).sum(axis=1) - areas  # pixels that others claim, for each of those once
    contested = np.minimum(others / np.maximum(areas, 1), 1.0)
    masks, lost = chosen.disjoint(detections.scores[rows] + CONTESTED * contested)
    labels = FrameLabels(frame, time, ids[rows], classes, detections.scores[rows], masks, Masks.empty(detections.size))
    return labels.take(np.flatnonzero((masks.boxes[:, 2] > 0) & (2 * lost <= areas))), int(lost.sum())
