"""One frame's detections as aligned arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .masks import MaskArrays, Masks, as_array, binary

__all__ = ["LARGEST_CLASS", "Detections", "far_outside"]

LARGEST_CLASS = 2**31 - 1


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
        masks: Masks | Any,
        scores: Any,
        classes: Any,
        boxes: Any = None,
        embeddings: Any = None,
    ) -> Detections:
        """Detections of these N masks.

        `masks`: `Masks`, or (N, H, W) images of 0 and 1. `scores`, `classes`: (N,) or (N, 1). `boxes`: (N, 4) pixels;
        without them, the masks' own. `embeddings`: (N, D); without them, D = 0. Lists and tensors are taken too. Raises
        ValueError that names an argument of another shape, or whose numbers mean something else: classes that are no
        whole numbers, boxes as shares of the frame.
        """
        masks = masks if isinstance(masks, Masks) else Masks.from_images(binary(masks, "masks", 3))
        n = len(masks)
        corners = np.asarray(masks.boxes, np.float32) if boxes is None else rows_of(boxes, "boxes", n, 4)
        if boxes is not None and n and corners.max() <= 1 and corners.min() >= 0 and masks.boxes.max() > 1:
            raise ValueError("boxes lie between 0 and 1, as shares of the frame: wanted x1 y1 x2 y2 in pixels")
        found = Detections(
            corners.astype(np.float32),
            masks,
            column_of(scores, "scores", n).astype(np.float32),
            whole_numbers(column_of(classes, "classes", n), "classes"),
            np.zeros((n, 0), np.float32) if embeddings is None else rows_of(embeddings, "embeddings", n, None),
        )
        found.check()
        return found

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
        """Raise a ValueError that names the field and the first bad row, or the shape found and the shape wanted.

        Fields must be arrays of one length; boxes must be finite with x1 <= x2 and y1 <= y2, touch the frame and reach
        at most its size beyond it; scores must lie in [0, 1]; classes must be ids from 0 to 2147483647; embeddings must
        be finite; masks must be whole crops inside the frame.
        """
        if not isinstance(self.masks, Masks):
            raise ValueError(f"detections.masks is a {type(self.masks).__name__}: wanted Masks (see Masks.from_images)")
        for name, wanted, width, kinds in SHAPES:
            values = getattr(self, name)
            if not isinstance(values, np.ndarray):
                raise ValueError(f"detections.{name} is a {type(values).__name__}: wanted an array {wanted}")
            if values.ndim != width or (name == "boxes" and values.shape[1] != 4):
                raise ValueError(f"detections.{name} has the shape {values.shape}: wanted {wanted}")
            if values.dtype.kind not in kinds:
                raise ValueError(f"detections.{name} holds {values.dtype}: wanted {wanted} of numbers")
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
            (
                "boxes",
                f"pixels that touch the {height} x {width} frame and reach at most its size beyond it",
                far_outside(self.boxes, self.size),
            ),
            ("scores", "a number from 0 to 1", ~((self.scores >= 0) & (self.scores <= 1))),
            (
                "classes",
                f"an id from 0 to {LARGEST_CLASS}",
                (self.classes < 0) | (self.classes > LARGEST_CLASS),
            ),
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


def far_outside(boxes: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(N,) which boxes (N, 4) do not touch the frame of (height, width), or reach more than its size beyond it."""
    frame = np.array([size[1], size[0]], np.float64)
    low = (boxes[:, :2] > frame) | (boxes[:, :2] < -frame)
    return np.asarray((low | (boxes[:, 2:] < 0) | (boxes[:, 2:] > 2 * frame)).any(axis=1))


# Fields, the shape of each, its dimensions, and numpy's letters of the numbers that it may hold.
SHAPES = (
    ("boxes", "(N, 4)", 2, "fiu"),
    ("scores", "(N,)", 1, "fiu"),
    ("classes", "(N,)", 1, "iu"),
    ("embeddings", "(N, D)", 2, "fiu"),
)


def column_of(values: Any, name: str, n: int) -> NDArray[Any]:
    """(N,) of values with the shape (N,) or (N, 1). Raises ValueError."""
    array = as_array(values, name)
    array = array[:, 0] if array.shape == (n, 1) else array
    if array.shape != (n,) and not (n == 0 and array.size == 0):
        raise ValueError(f"{name} has the shape {array.shape}: wanted ({n},), one for each mask")
    if array.size and array.dtype.kind not in "fiu":
        raise ValueError(f"{name} holds {array.dtype}: wanted numbers")
    return array.reshape(n)


def rows_of(values: Any, name: str, n: int, columns: int | None) -> NDArray[np.float32]:
    """(N, columns) float32. Raises ValueError for another shape."""
    array = as_array(values, name)
    if n == 0 and array.size == 0:
        return np.zeros((0, columns or (array.shape[1] if array.ndim == 2 else 0)), np.float32)
    if array.ndim != 2 or len(array) != n or (columns is not None and array.shape[1] != columns):
        raise ValueError(f"{name} has the shape {array.shape}: wanted ({n}, {'D' if columns is None else columns})")
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name} holds {array.dtype}: wanted numbers")
    return np.asarray(array, np.float32)


def whole_numbers(values: NDArray[Any], name: str) -> NDArray[np.int64]:
    """Numbers as int64. Raises ValueError for one that is not whole."""
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.rint(values)).all()):
        raise ValueError(f"{name} holds numbers that are not whole: wanted ids of mots.classes")
    return values.astype(np.int64)


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
        if x1 > width or y1 > height or x2 < 0 or y2 < 0:
            return False
        if x1 < -width or y1 < -height or x2 > 2 * width or y2 > 2 * height:
            return False
        if not (0 <= fields.scores[i] <= 1) or not (0 <= fields.classes[i] <= LARGEST_CLASS):
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
