"""Masks smoothed over time: a weighted vote of an object's masks in the frames around, moved by optical flow."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.labels import FrameLabels
from mots.optional import opencv
from mots.segmentation.cutting import agree
from mots.segmentation.flow import Flow, OpenCvFlow, reduced
from mots.trackers.masks import Masks

__all__ = ["MaskSmoother", "SmoothSettings", "smoothed"]

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class SmoothSettings:
    """How masks vote."""

    window: int = 2  # frames before and after that vote; a refiner, which knows no later ones, takes those before
    fading: float = 0.6  # weight of a frame, to the power of its distance; the frame itself has 1
    side: int = 854  # longer side of the size at which the flow is computed, in pixels
    least_iou: float = 0.6  # a vote that agrees less with the frame's own mask is not taken: the flow has failed there


@dataclass(frozen=True, eq=False)
class Seen:
    """A frame: the reduced image for the flow, and its labels."""

    small: Image
    labels: FrameLabels


class Votes:
    """Moves masks between frames and counts the votes."""

    def __init__(self, settings: SmoothSettings, flow: Flow | None = None) -> None:
        self.settings, self.flow = settings, flow or OpenCvFlow()
        self.cv2 = opencv("smoothing masks")

    def small(self, image: Image) -> Image:
        """The image at which the flow is computed."""
        return reduced(self.cv2, image, self.settings.side)

    def voted(self, own: Seen, others: Iterable[tuple[int, Seen]]) -> Masks:
        """The masks of a frame after the vote with others, each with its distance in frames; objects have one id."""
        labels = own.labels
        corners, sums, total = self.begin(labels.masks)
        for distance, other in others:
            rows = {int(identity): k for k, identity in enumerate(other.labels.ids)}
            wanted = [(i, rows[int(identity)]) for i, identity in enumerate(labels.ids) if int(identity) in rows]
            if not wanted or other.small.shape != own.small.shape:
                continue
            backward = self.flow.between(own.small, other.small)
            weight = self.settings.fading**distance
            for i, row in wanted:
                values = other.labels.masks.crop(row).astype(np.float32)
                x1, y1, _, _ = other.labels.masks.boxes[row].tolist()
                sums[i] += weight * self.arrived(values, (x1, y1), corners[i], sums[i].shape, backward, own.labels.size)
                total[i] += weight
        crops = [values >= 0.5 * weight for values, weight in zip(sums, total, strict=True)]
        for i, crop in enumerate(crops):
            before = self.region(labels.masks, i, corners[i], crop.shape)
            if not agree(crop, before, self.settings.least_iou):
                crops[i] = before
        masks = Masks.from_crops(labels.size, corners, crops)
        disjoint, _ = masks.disjoint(labels.scores.astype(np.float64))
        gone = np.flatnonzero(disjoint.areas() == 0)
        return labels.masks if len(gone) else disjoint

    def begin(self, masks: Masks) -> tuple[list[tuple[int, int]], list[NDArray[np.float32]], list[float]]:
        """For each mask the region around it that can change, as its corner, and its own vote there, of weight 1."""
        height, width = masks.size
        corners: list[tuple[int, int]] = []
        sums: list[NDArray[np.float32]] = []
        for i in range(len(masks)):
            x1, y1, x2, y2 = masks.boxes[i].tolist()
            margin = max(round(0.15 * max(x2 - x1, y2 - y1)), 2)
            left, top = max(x1 - margin, 0), max(y1 - margin, 0)
            shape = (min(y2 + margin, height) - top, min(x2 + margin, width) - left)
            corners.append((left, top))
            sums.append(self.region(masks, i, (left, top), shape).astype(np.float32))
        return corners, sums, [1.0] * len(masks)

    def region(self, masks: Masks, i: int, corner: tuple[int, int], shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """(h, w) of mask i in the region at a corner x y that holds it."""
        x1, y1, x2, y2 = masks.boxes[i].tolist()
        region = np.zeros(shape, np.bool_)
        region[y1 - corner[1] : y2 - corner[1], x1 - corner[0] : x2 - corner[0]] = masks.crop(i)
        return region

    def arrived(
        self,
        values: NDArray[np.float32],
        there: tuple[int, int],
        corner: tuple[int, int],
        shape: tuple[int, ...],
        backward: Any,
        size: tuple[int, int],
    ) -> NDArray[np.float32]:
        """(h, w) values of another frame, whose corner is `there`, in a region of this one of (height, width), by the
        flow from here to there; 0 beyond them."""
        cv2 = self.cv2
        height, width = size
        scale = (width / backward.shape[1], height / backward.shape[0])
        x = np.arange(corner[0], corner[0] + shape[1], dtype=np.float32)
        y = np.arange(corner[1], corner[1] + shape[0], dtype=np.float32)
        grid = np.meshgrid((x + 0.5) / scale[0] - 0.5, (y + 0.5) / scale[1] - 0.5)
        flow = cv2.remap(backward, *[np.asarray(each, np.float32) for each in grid], cv2.INTER_LINEAR,
                         borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        columns = x[None, :] + flow[..., 0] * np.float32(scale[0]) - there[0]
        rows = y[:, None] + flow[..., 1] * np.float32(scale[1]) - there[1]
        return np.asarray(cv2.remap(values, columns, rows, cv2.INTER_LINEAR), np.float32)


def smoothed(
    frames: Iterable[tuple[Image, FrameLabels]], settings: SmoothSettings | None = None, flow: Flow | None = None
) -> Iterator[FrameLabels]:
    """Each frame's labels with masks smoothed over the frames before and after; `window` frames come late.

    A mask that would lose all its pixels, with its whole frame, stays as it is.
    """
    votes = Votes(settings or SmoothSettings(), flow)
    window = votes.settings.window
    kept: deque[Seen] = deque(maxlen=2 * window + 1)
    waiting = 0
    for image, labels in frames:
        kept.append(Seen(votes.small(image), labels))
        waiting += 1
        if waiting > window:
            yield voted_at(votes, kept, len(kept) - 1 - window)
            waiting -= 1
    for place in range(len(kept) - waiting, len(kept)):
        yield voted_at(votes, kept, place)


def voted_at(votes: Votes, kept: deque[Seen], place: int) -> FrameLabels:
    """The labels of the frame at a place in the window, after the vote."""
    window = votes.settings.window
    near = [(abs(k - place), each) for k, each in enumerate(kept) if k != place and abs(k - place) <= window]
    return replace(kept[place].labels, masks=votes.voted(kept[place], near))


class MaskSmoother:
    """A `MaskRefiner` that smooths over the frames before, which must come in order.

    It knows no identities: a mask is joined with that of the frame before which it overlaps most, after the flow, by an
    IoU of at least 0.5. Each keeps a soft mask, a running mean in which the frame before has the weight `inertia`.
    """

    def __init__(self, settings: SmoothSettings | None = None, flow: Flow | None = None, inertia: float = 0.55) -> None:
        self.votes = Votes(settings or SmoothSettings(), flow)
        self.inertia = inertia
        self.image: Image | None = None  # of the frame before, at the size of the flow
        self.masks = Masks.empty((1, 1))
        self.soft: list[tuple[tuple[int, int], NDArray[np.float32]]] = []  # of each of its masks the corner and values

    def refine(self, image: Image, masks: Masks) -> Masks:
        """The N masks in their order; they may overlap, and no pixel is taken from any of them."""
        votes, small = self.votes, self.votes.small(image)
        corners, own, _ = votes.begin(masks)
        soft = [values.copy() for values in own]
        before = self.image
        if before is not None and before.shape == small.shape and self.masks.size == masks.size and len(masks):
            backward = votes.flow.between(small, before)
            for i, row in self.partners(masks, small, before).items():
                there, values = self.soft[row]
                arrived = votes.arrived(values, there, corners[i], own[i].shape, backward, masks.size)
                mixed = self.inertia * arrived + (1 - self.inertia) * own[i]
                if agree(mixed >= 0.5, own[i] > 0, votes.settings.least_iou):
                    soft[i] = mixed
        self.image = small
        self.soft = list(zip(corners, soft, strict=True))
        self.masks = Masks.from_crops(masks.size, corners, [values >= 0.5 for values in soft])
        return self.masks

    def partners(self, masks: Masks, small: Image, before: Image) -> dict[int, int]:
        """By the row of a mask, that of the one of the frame before that is the same object."""
        if len(self.masks) == 0:
            return {}
        iou = masks.iou(self.masks.moved(self.shifts(small, before)))
        found: dict[int, int] = {}
        for i, j in sorted(np.argwhere(iou >= 0.5).tolist(), key=lambda pair: -iou[pair[0], pair[1]]):
            if i not in found and j not in found.values():
                found[i] = j
        return found

    def shifts(self, small: Image, before: Image) -> NDArray[np.float64]:
        """(M, 2) by how many pixels each mask of the frame before has moved: the median flow in its box."""
        forward = self.votes.flow.between(before, small)
        height, width = self.masks.size
        scale = np.array([width / forward.shape[1], height / forward.shape[0]])
        found = []
        for box in self.masks.boxes:
            x1, y1 = (box[:2] / scale).astype(int)
            x2, y2 = np.maximum((box[2:] / scale).astype(int), (x1 + 1, y1 + 1))
            part = forward[y1:y2, x1:x2].reshape(-1, 2)
            found.append(np.median(part, axis=0) * scale if len(part) else np.zeros(2))
        return np.array(found, np.float64).reshape(-1, 2)
