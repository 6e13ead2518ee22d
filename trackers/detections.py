"""One frame's detections as aligned arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .masks import MaskArrays, Masks

__all__ = ["Detections"]


@dataclass(frozen=True, eq=False)
class Detections:
    """N detections of one frame; they have no identity.

    `boxes`: (N, 4) float32 x1 y1 x2 y2 in pixels. `masks`: N masks at the frame's size. `scores`: (N,) float32 in
    [0, 1]. `classes`: (N,) int64 ids of `mots.classes`. `embeddings`: (N, D) float32 of unit length, D = 0 where there
    are none.
    """

    boxes: NDArray[np.float32]
    masks: Masks
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]
    embeddings: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.boxes)

    def __repr__(self) -> str:
        height, width = self.size
        return f"Detections({len(self)} in {height} x {width}, embeddings of {self.embeddings.shape[1]})"

    def __getitem__(self, index: NDArray[np.generic] | Sequence[int]) -> Detections:
        """The same as `take`."""
        return self.take(index)

    @staticmethod
    def empty(size: tuple[int, int], dimension: int = 0) -> Detections:
        """No detections in a frame of (height, width), with embeddings of `dimension` numbers."""
        return Detections(
            np.zeros((0, 4), np.float32),
            Masks.empty(size),
            np.zeros(0, np.float32),
            np.zeros(0, np.int64),
            np.zeros((0, dimension), np.float32),
        )

    @staticmethod
    def from_masks(
        masks: Masks,
        scores: NDArray[np.generic],
        classes: NDArray[np.generic],
        boxes: NDArray[np.generic] | None = None,
        embeddings: NDArray[np.generic] | None = None,
    ) -> Detections:
        """Detections of these N masks.

        `scores`, `classes`: (N,). `boxes`: (N, 4); without them, the masks' own. `embeddings`: (N, D); without them,
        D = 0.
        """
        return Detections(
            np.asarray(masks.boxes if boxes is None else boxes, np.float32).reshape(-1, 4),
            masks,
            np.asarray(scores, np.float32),
            np.asarray(classes, np.int64),
            np.zeros((len(masks), 0), np.float32) if embeddings is None else np.asarray(embeddings, np.float32),
        )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frame."""
        return self.masks.size

    def take(self, index: NDArray[np.generic] | Sequence[int]) -> Detections:
        """The detections at an integer or bool index (K,), in its order."""
        index = np.asarray(index)
        if index.size == 0:
            return Detections.empty(self.size, self.embeddings.shape[1])
        return Detections(
            self.boxes[index],
            self.masks.take(index),
            self.scores[index],
            self.classes[index],
            self.embeddings[index],
        )

    def check(self) -> None:
        """Raise a ValueError that names the field and the first bad row.

        Fields must have one length; boxes must be finite with x1 <= x2 and y1 <= y2; scores must lie in [0, 1];
        embeddings must be finite; masks must be whole crops inside the frame.
        """
        n = len(self.boxes)
        for name, length in (
            ("masks", len(self.masks)),
            ("scores", len(self.scores)),
            ("classes", len(self.classes)),
            ("embeddings", len(self.embeddings)),
        ):
            if length != n:
                raise ValueError(f"detections: {n} boxes but {length} {name}")
        if is_valid(Fields(self.boxes, self.scores, self.classes, self.embeddings), self.masks.arrays, *self.size):
            return
        height, width = self.size
        corners, spans = self.masks.boxes, self.masks.boxes[:, 2:] - self.masks.boxes[:, :2]
        ends = self.masks.starts + spans[:, 0].astype(np.int64) * spans[:, 1]
        for name, wanted, wrong in (
            ("boxes", "finite numbers", ~np.isfinite(self.boxes).all(axis=1)),
            ("boxes", "x1 <= x2 and y1 <= y2", (self.boxes[:, 2:] < self.boxes[:, :2]).any(axis=1)),
            ("scores", "a number from 0 to 1", ~((self.scores >= 0) & (self.scores <= 1))),
            ("classes", "an id of 0 or more", self.classes < 0),
            ("embeddings", "finite numbers", ~np.isfinite(self.embeddings).all(axis=1)),
            (
                "masks",
                f"a crop inside the {height} x {width} frame",
                (corners[:, :2] < 0).any(axis=1)
                | (spans < 0).any(axis=1)
                | (corners[:, 2] > width)
                | (corners[:, 3] > height)
                | (self.masks.starts < 0)
                | (ends > self.masks.pixels.size),
            ),
        ):
            if wrong.any():
                row = int(np.flatnonzero(wrong)[0])
                values = getattr(self, name)
                value = values.boxes[row] if name == "masks" else values[row]
                raise ValueError(f"detections.{name}[{row}] is {value}: wanted {wanted}")


class Fields(NamedTuple):
    """The arrays of detections but their masks, for compiled functions."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]
    embeddings: NDArray[np.float32]


@compiled
def is_valid(fields: Fields, masks: MaskArrays, height: int, width: int) -> bool:
    """Whether `Detections.check` passes, in one pass over the arrays."""
    for i in range(len(fields.boxes)):
        x1, y1, x2, y2 = fields.boxes[i]
        if not (np.isfinite(x1) and np.isfinite(y1) and np.isfinite(x2) and np.isfinite(y2) and x1 <= x2 and y1 <= y2):
            return False
        if not (0 <= fields.scores[i] <= 1) or fields.classes[i] < 0:
            return False
        total = np.float32(0.0)
        for d in range(fields.embeddings.shape[1]):
            total += fields.embeddings[i, d] * np.float32(0.0)  # 0 unless a number is not finite
        if total != 0:
            return False
        left, top, right, bottom = masks.boxes[i]
        if left < 0 or top < 0 or right > width or bottom > height or right < left or bottom < top:
            return False
        if masks.starts[i] < 0:
            return False
        if masks.starts[i] + np.int64(right - left) * np.int64(bottom - top) > len(masks.pixels):
            return False
    return True
