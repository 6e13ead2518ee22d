"""The masks of one frame as tight crops: IoU, coverage, moving, making disjoint, and conversion.

A mask is stored as the pixels inside its own tight box and the box's corner, so the masks of a frame cost the objects'
area and not N times the image, and moving a mask moves a corner. Pixels are counted by numba (`kernels.py`), which is
imported on first use. The conversions to COCO's RLE and to polygons call `mots.encodings` when they are used; the core
itself imports nothing of the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["MaskArrays", "Masks", "as_array", "binary"]


class MaskArrays(NamedTuple):
    """`boxes`: (N, 4) int32 tight boxes. `starts`: (N,) int64, where each crop begins in `pixels`: (P,) uint8."""

    boxes: NDArray[np.int32]
    starts: NDArray[np.int64]
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Masks:
    """N masks of one frame.

    `size`: (height, width) of the frame. `boxes`: (N, 4) int32 x1 y1 x2 y2, half-open and tight, inside the frame; a
    mask without pixels has the box 0 0 0 0. `pixels`: (P,) uint8 of 0 and 1, crops one after another, each row by row.
    `starts`: (N,) int64, where each crop begins in `pixels`; several `Masks` may share one `pixels`.
    """

    size: tuple[int, int]
    boxes: NDArray[np.int32]
    pixels: NDArray[np.uint8]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.boxes)

    def __repr__(self) -> str:
        return f"Masks({len(self)} in {self.size[0]} x {self.size[1]})"

    def __getitem__(self, index: NDArray[np.generic] | Sequence[int]) -> Masks:
        """The same as `take`."""
        return self.take(index)

    # Making

    @staticmethod
    def empty(size: tuple[int, int]) -> Masks:
        """No masks, in a frame of this size."""
        return Masks(size, np.zeros((0, 4), np.int32), np.zeros(0, np.uint8), np.zeros(0, np.int64))

    @staticmethod
    def from_crops(
        size: tuple[int, int],
        corners: Sequence[tuple[int, int]] | NDArray[np.integer],
        crops: Sequence[NDArray[np.generic]],
    ) -> Masks:
        """Masks from N (h, w) crops, true where the object is, with the x y of each crop's top left pixel.

        Crops may have empty margins and extend beyond the frame; what lies outside is cut off. Raises ValueError where
        the numbers of corners and crops differ, and for crops that are not of two values (see `binary`).
        """
        from .kernels import tight_box

        height, width = size
        boxes = np.zeros((len(crops), 4), np.int32)
        starts = np.zeros(len(crops), np.int64)
        parts: list[NDArray[np.uint8]] = []
        length = 0
        for i, ((x, y), crop) in enumerate(zip(corners, crops, strict=True)):
            x, y = int(x), int(y)
            left, top = max(-x, 0), max(-y, 0)
            crop = binary(crop, f"crop {i}", 2)
            inside = crop[top : max(height - y, 0), left : max(width - x, 0)]
            x1, y1, x2, y2 = tight_box(inside)
            starts[i] = length
            if x2 > x1:
                boxes[i] = x + left + x1, y + top + y1, x + left + x2, y + top + y2
                part = inside[y1:y2, x1:x2].astype(np.uint8).ravel()
                parts.append(part)
                length += part.size
        pixels = np.concatenate(parts) if parts else np.zeros(0, np.uint8)
        return Masks(size, boxes, pixels, starts)

    @staticmethod
    def from_images(images: NDArray[np.generic]) -> Masks:
        """Masks from (N, H, W) images, true where the object is. Crops need less memory (`from_crops`).

        Raises ValueError for another shape, and for images that are not of two values (see `binary`).
        """
        images = binary(images, "images", 3)
        n, height, width = images.shape
        return Masks.from_crops((height, width), [(0, 0)] * n, list(images))

    @staticmethod
    def from_coco_rle(encodings: Sequence[Mapping[str, Any]]) -> Masks:
        """Masks from COCO's RLE: N dictionaries of `size` [height, width] and `counts`, compressed or a list.

        Raises ValueError where sizes differ or an encoding does not decode, and for no encodings (no frame size).
        """
        from mots.encodings import coco_rle

        return coco_rle.masks_of_encodings(encodings)

    @staticmethod
    def concatenate(size: tuple[int, int], parts: Iterable[Masks]) -> Masks:
        """The masks of all parts in their order, in one frame of `size`. Raises ValueError for another frame size."""
        parts = list(parts)
        for part in parts:
            if part.size != size:
                raise ValueError(f"masks of a {part.size[0]} x {part.size[1]} frame in one of {size[0]} x {size[1]}")
        if len(parts) == 0:
            return Masks.empty(size)
        # Masks may share the `pixels` of many more: copy only their own.
        parts = [part if part.pixels.size <= 2 * int(part.lengths().sum()) else part.compact() for part in parts]
        lengths = np.array([part.pixels.size for part in parts], np.int64)
        offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        return Masks(
            size,
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.pixels for part in parts]),
            np.concatenate([part.starts + offset for part, offset in zip(parts, offsets, strict=True)]),
        )

    @staticmethod
    def picked(first: Masks, second: Masks, order: NDArray[np.int64]) -> Masks:
        """Masks of two sets in one frame size, with `pixels` of their own: `order` (K,) counts through the first set,
        then through the second."""
        from . import kernels

        boxes, starts, pixels = kernels.picked(first.arrays, second.arrays, order)
        return Masks(first.size, boxes, pixels, starts)

    # Reading

    @property
    def arrays(self) -> MaskArrays:
        """The three arrays as a named tuple, for compiled functions."""
        return MaskArrays(self.boxes, self.starts, self.pixels)

    def crop(self, i: int) -> NDArray[np.bool_]:
        """(h, w) bool: mask i inside its box, a view."""
        x1, y1, x2, y2 = self.boxes[i].tolist()
        start = int(self.starts[i])
        flat = self.pixels[start : start + (y2 - y1) * (x2 - x1)]
        return flat.reshape(y2 - y1, x2 - x1).view(np.bool_)

    def image(self, i: int) -> NDArray[np.bool_]:
        """(H, W) bool: mask i in the whole frame."""
        image = np.zeros(self.size, np.bool_)
        x1, y1, x2, y2 = self.boxes[i]
        image[y1:y2, x1:x2] = self.crop(i)
        return image

    def to_images(self) -> NDArray[np.bool_]:
        """(N, H, W) bool: every mask in the whole frame; N times the frame's memory."""
        images = np.zeros((len(self), *self.size), np.bool_)
        for i in range(len(self)):
            x1, y1, x2, y2 = self.boxes[i]
            images[i, y1:y2, x1:x2] = self.crop(i)
        return images

    def to_coco_rle(self) -> list[dict[str, Any]]:
        """COCO's compressed RLE of each mask: `{"size": [height, width], "counts": text}`, as pycocotools reads it."""
        from mots.encodings import coco_rle

        return coco_rle.encodings_of(self)

    def polygons(self) -> list[NDArray[np.float64] | None]:
        """For each mask the (K, 2) x y of one polygon through all its parts, in pixels; None for fewer than 3 points.

        Raises MissingDependency where OpenCV is not installed.
        """
        from mots.encodings import polygons

        return [polygons.outline(self.crop(i), self.boxes[i, :2]) for i in range(len(self))]

    def areas(self) -> NDArray[np.int64]:
        """(N,) pixels of each mask."""
        from . import kernels

        return kernels.areas(self.arrays)

    def lengths(self) -> NDArray[np.int64]:
        """(N,) pixels of each box: the length of each crop in `pixels`."""
        spans = (self.boxes[:, 2:] - self.boxes[:, :2]).astype(np.int64)
        lengths: NDArray[np.int64] = spans[:, 0] * spans[:, 1]
        return lengths

    def take(self, index: NDArray[np.generic] | Sequence[int]) -> Masks:
        """The masks at an integer or bool index (K,), in its order; no pixels are copied."""
        index = np.asarray(index)
        if index.size == 0:
            return Masks.empty(self.size)
        return Masks(self.size, self.boxes[index], self.pixels, self.starts[index])

    def compact(self) -> Masks:
        """The same masks with `pixels` of their own, holding nothing else."""
        return Masks.picked(self, Masks.empty(self.size), np.arange(len(self)))

    # Comparing

    def intersections(self, other: Masks) -> NDArray[np.int64]:
        """(N, M) common pixels of each of these masks with each of the other's. Raises ValueError for two sizes."""
        from . import kernels

        if self.size != other.size:
            raise ValueError(
                f"masks of a {self.size[0]} x {self.size[1]} frame compared with {other.size[0]} x {other.size[1]}"
            )
        return kernels.intersections(self.arrays, other.arrays)

    def iou(self, other: Masks) -> NDArray[np.float64]:
        """(N, M) common area over the area of the union; 0 for two masks without pixels."""
        common = self.intersections(other)
        union = self.areas()[:, None] + other.areas()[None, :] - common
        iou: NDArray[np.float64] = common / np.maximum(union, 1)
        return iou

    def coverage(self, other: Masks) -> NDArray[np.float64]:
        """(N, M) common area over this mask's area: the share of each mask that lies inside each of the other's."""
        coverage: NDArray[np.float64] = self.intersections(other) / np.maximum(self.areas(), 1)[:, None]
        return coverage

    # Changing

    def moved(self, offsets: NDArray[np.generic]) -> Masks:
        """Each mask shifted by its (N, 2) x y offset, rounded to whole pixels; what leaves the frame is cut off."""
        if len(self) == 0:
            return self
        height, width = self.size
        # Clipped before the cast, because a large offset would overflow int32. A mask without pixels stays where it is.
        limit = 4 * (height + width)
        steps = np.rint(np.clip(offsets, -limit, limit)).astype(np.int32)
        empty = self.boxes[:, 2] <= self.boxes[:, 0]
        boxes = np.where(empty[:, None], 0, self.boxes + np.tile(steps, 2)).astype(np.int32)
        outside = (boxes[:, :2] < 0).any(axis=1) | (boxes[:, 2] > width) | (boxes[:, 3] > height)
        moved = Masks(self.size, boxes, self.pixels, self.starts)
        if not outside.any():
            return moved
        rows = np.flatnonzero(outside)
        cut = Masks.from_crops(self.size, boxes[rows, :2], [moved.crop(int(i)) for i in rows])
        both = Masks.concatenate(self.size, [moved, cut])
        order = np.arange(len(self))
        order[rows] = len(self) + np.arange(len(rows))
        return both.take(order)

    def disjoint(self, priority: NDArray[np.generic]) -> tuple[Masks, NDArray[np.int64]]:
        """Masks that share no pixel, and the (N,) pixels that each one lost.

        A pixel of several masks stays with the one of highest `priority` (N,); of equals, with the first.
        """
        from . import kernels

        order = np.argsort(-np.asarray(priority, np.float64), kind="stable")
        own = self.compact()
        pixels, lost = kernels.disjoint(own.arrays, order)
        if not lost.any():
            return self, lost
        changed = Masks(self.size, own.boxes, pixels, own.starts)
        crops = [changed.crop(i) for i in range(len(changed))]
        return Masks.from_crops(self.size, own.boxes[:, :2], crops), lost


def binary(values: Any, name: str, dimensions: int) -> NDArray[np.bool_]:
    """An array of masks as bool: True and False, 0 and 1, or 0 and 255. A list or a tensor is taken too.

    Raises ValueError that names what it is for anything else: in probabilities and logits every pixel that is not 0
    would become the object.
    """
    array = as_array(values, name)
    if array.ndim != dimensions:
        wanted = "(N, H, W)" if dimensions == 3 else "(h, w)"
        raise ValueError(f"{name} has the shape {array.shape}: wanted {wanted}")
    if array.dtype == np.bool_:
        return cast("NDArray[np.bool_]", array)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} holds {array.dtype}: wanted True and False, or 0 and 1")
    filled = array != 0
    if array.size and not (array[filled] == 1).all() and not (array.dtype == np.uint8 and (array[filled] == 255).all()):
        low, high = array.min(), array.max()
        raise ValueError(f"{name} holds values from {low} to {high}: wanted 0 and 1; compare with a threshold first")
    return cast("NDArray[np.bool_]", filled)


def as_array(values: Any, name: str) -> NDArray[Any]:
    """A list, a tensor of another package or an array as an array. Raises ValueError that names it."""
    if hasattr(values, "detach"):  # a tensor of torch, on any device
        values = values.detach().cpu()
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name} is no array of numbers ({error})") from None
    if array.dtype == np.object_:
        raise ValueError(f"{name} is no array of numbers: its rows differ in length, or hold something else")
    return array
