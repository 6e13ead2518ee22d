"""What users iterate over: one frame's labels with what they were made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mots.detection.measurement import FrameMeasurement
from mots.labels import FrameLabels
from mots.trackers.explanation import Candidate
from mots.trackers.masks import Masks

__all__ = ["TrackedFrame"]


@dataclass(frozen=True, eq=False)
class TrackedFrame:
    """One frame after tracking.

    `labels`: its N objects. `measurement`: what the tracker was told: image, detections, camera motion. `predicted`:
    (N,) bool, whether a mask was moved into a gap after the fact and no detection shows it (offline only). `started`,
    `ended`: ids that are reported for the first time, and ids whose tracks the tracker removed, in this frame.
    `alive`: tracks that are confirmed or lost after this frame. `moved_pixels`: pixels that several masks claimed.
    `confidence`: (N,) how clear each identity is, from 0, a guess between two, to 1 (see `Tracker.confidence`); 0 for
    predicted masks and for detections that refinement added. `candidates`: by id, the tracks that its detection was
    compared with, where the pipeline explains.
    """

    labels: FrameLabels
    measurement: FrameMeasurement
    predicted: NDArray[np.bool_]
    started: NDArray[np.int64]
    ended: NDArray[np.int64]
    alive: int
    moved_pixels: int
    confidence: NDArray[np.float64]
    candidates: Mapping[int, Sequence[Candidate]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"TrackedFrame(frame {self.frame} at {self.time:.3f} s, {len(self)} objects)"

    def __getitem__(self, index: NDArray[np.generic] | Sequence[int]) -> TrackedFrame:
        """The same as `take`."""
        return self.take(index)

    @property
    def frame(self) -> int:
        """The frame's number in the source's own numbering."""
        return self.labels.frame

    @property
    def time(self) -> float:
        """Seconds from the source's start."""
        return self.labels.time

    @property
    def ids(self) -> NDArray[np.int64]:
        """(N,) positive, unique."""
        return self.labels.ids

    @property
    def classes(self) -> NDArray[np.int64]:
        """(N,) ids of `mots.classes`."""
        return self.labels.classes

    @property
    def scores(self) -> NDArray[np.float32]:
        """(N,) in 0 to 1; 0 for predicted masks."""
        return self.labels.scores

    @property
    def masks(self) -> Masks:
        """N masks that share no pixel."""
        return self.labels.masks

    @property
    def ignore(self) -> Masks:
        """No masks: results have no ignore regions."""
        return self.labels.ignore

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frame."""
        return self.labels.size

    @property
    def image(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB; (0, 0, 3) where saved detections were tracked without their frames."""
        return self.measurement.image

    def take(self, index: NDArray[np.generic] | Sequence[int]) -> TrackedFrame:
        """The objects at an integer or bool index (K,)."""
        index = np.asarray(index, np.intp) if len(index) == 0 else np.asarray(index)
        labels, predicted, confidence = self.labels.take(index), self.predicted[index], self.confidence[index]
        return replace(self, labels=labels, predicted=predicted, confidence=confidence)
