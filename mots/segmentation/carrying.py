"""Carrying masks from frame to frame: by optical flow, corrected by the image, with objects that vanish and return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.detection.colour_histograms import embed
from mots.optional import opencv
from mots.segmentation.cutting import Segmenter
from mots.segmentation.flow import Flow, OpenCvFlow, agreement, moved, places_in
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

__all__ = ["CarrySettings", "Carrier"]

Image = NDArray[np.uint8]
Soft = NDArray[np.float32]


@dataclass(frozen=True)
class CarrySettings:
    """How masks are carried, and when an object counts as gone."""

    still: bool = False  # keep each mask where it was prompted: the baseline of "first mask kept"
    corrected: bool = True  # by the segmenter; otherwise the flow alone
    consistent: bool = True  # leave out what has no place in the frame before; better without it for one quick object
    inertia: float = 0.55  # share of the mask that was carried in the new one; the rest is the corrected one's
    least_area: float = 0.05  # share of its usual area below which an object is gone
    least_likeness: float = 0.7  # cosine of its colours to what it was, below which it is gone
    found_likeness: float = 0.85  # at which it is taken to be back
    views: int = 12  # colours of it that are kept


@dataclass(eq=False)
class Carried:
    """One object: its mask in the last frame (H, W) from 0 to 1, whether it is there, its usual area, and the colours
    of it that are kept (V, D)."""

    soft: Soft
    there: bool = True
    area: float = 0.0
    views: list[NDArray[np.float32]] = field(default_factory=list)
    likeness: float = 1.0
    memory: Any = None  # of the segmenter


class Carrier:
    """Carries the masks of several objects through the frames of one clip, in one direction.

    `flow`: without it DIS. Raises MissingDependency without OpenCV.
    """

    def __init__(self, segmenter: Segmenter, settings: CarrySettings | None = None, flow: Flow | None = None) -> None:
        self.segmenter, self.settings = segmenter, settings or CarrySettings()
        self.cv2 = opencv("carrying masks")
        self.flow = flow or OpenCvFlow()
        self.before: Image | None = None
        self.objects: dict[int, Carried] = {}

    def set(self, image: Image, masks: dict[int, NDArray[np.bool_]]) -> None:
        """Take these masks (H, W) for objects as they are in this frame; the others stay as they were carried."""
        for number, mask in masks.items():
            own = self.objects.get(number) or Carried(mask.astype(np.float32))
            own.soft, own.there, own.area = mask.astype(np.float32), True, float(mask.sum())
            own.views.append(self.colours(image, mask))
            own.memory = self.segmenter.remember(image, mask) if self.settings.corrected else None
            self.objects[number] = own
            for other, each in self.objects.items():
                if other not in masks:
                    each.soft = np.where(mask, np.float32(0), each.soft)
        self.before = self.before if self.before is not None else image

    def step(self, image: Image) -> None:
        """Carry all objects into the next frame."""
        assert self.before is not None
        if self.settings.still:
            self.before = image
            return
        backward = self.flow.between(image, self.before)
        places = places_in(backward)
        seen = np.ones(image.shape[:2], np.float32)
        if self.settings.consistent:
            seen = agreement(self.cv2, backward, self.flow.between(self.before, image), places)
        carried = {
            number: moved(self.cv2, each.soft, places) * seen for number, each in self.objects.items() if each.there
        }
        shared = disjoint(carried)
        for number, own in shared.items():
            others = np.zeros(image.shape[:2], np.bool_)
            for other, mask in shared.items():
                if other != number:
                    others |= mask
            self.take(number, self.corrected(image, number, carried[number], own, others), image, carried[number])
        self.look_for_lost(image)
        self.before = image

    def corrected(
        self, image: Image, number: int, soft: Soft, own: NDArray[np.bool_], others: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """A mask that was carried, corrected by the image."""
        if not self.settings.corrected:
            return own
        guess = np.where(others, np.float32(0), soft)
        return np.asarray(self.segmenter.cut(image, guess, others, self.objects[number].memory) & ~others)

    def take(self, number: int, cut: NDArray[np.bool_], image: Image, moved: Soft) -> None:
        """Take in an object's mask in this frame as it was cut and as it was `moved`, if it still looks like it."""
        own, settings = self.objects[number], self.settings
        # What one frame's colours say is believed in part: a wrong cut would be carried on for ever.
        soft = settings.inertia * moved + (1 - settings.inertia) * cut if settings.corrected else moved
        mask = soft >= 0.5
        area = float(mask.sum())
        colours = self.colours(image, mask)
        own.likeness = max((float(colours @ view) for view in own.views), default=1.0)
        if area < max(settings.least_area * own.area, 4) or own.likeness < settings.least_likeness:
            own.there, own.soft = False, np.zeros_like(own.soft)
            return
        own.area += 0.05 * (area - own.area)
        own.soft = np.asarray(soft if settings.corrected else mask, np.float32)
        if own.likeness > 0.9 and len(own.views) < settings.views and area > 0.5 * own.area:
            own.views.append(colours)

    def look_for_lost(self, image: Image) -> None:
        """Objects that are gone are looked for by their colours."""
        cv2 = self.cv2
        taken = np.zeros(image.shape[:2], np.bool_)
        for each in self.objects.values():
            taken |= each.soft >= 0.5
        for own in self.objects.values():
            if own.there or not own.views:
                continue
            side = max(int(own.area**0.5), 4)
            best, chosen = self.settings.found_likeness, None
            height, width = image.shape[:2]
            corners = [
                (left, top)
                for top in range(0, max(height - side, 1), max(side // 2, 8))
                for left in range(0, max(width - side, 1), max(side // 2, 8))
            ]
            masks = Masks.from_crops((height, width), corners, [np.ones((side, side), np.bool_)] * len(corners))
            found = Detections.from_masks(masks, np.ones(len(masks)), np.zeros(len(masks)))
            likeness = (embed(image, found) @ np.stack(own.views).T).max(axis=1)
            likeness[masks.coverage(Masks.from_images(taken[None])).sum(axis=1) > 0.3] = 0
            if len(likeness) and likeness.max() >= 0.8 * self.settings.found_likeness:
                left, top = corners[int(likeness.argmax())]
                margin = side // 2
                box = (left - margin, top - margin, left + side + margin, top + side + margin)
                mask = self.segmenter.from_box(image, box) & ~taken
                _, pieces, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
                if len(stats) > 1:
                    mask = pieces == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
                    colours = self.colours(image, mask)
                    own.likeness = max(float(colours @ view) for view in own.views)
                    if own.likeness >= best and 0.3 * own.area <= mask.sum() <= 3 * own.area:
                        chosen = mask
            if chosen is not None:
                own.there, own.soft = True, chosen.astype(np.float32)
                taken |= chosen

    def masks(self) -> dict[int, NDArray[np.bool_]]:
        """(H, W) of each object that is there; no two share a pixel."""
        return {
            number: mask
            for number, mask in disjoint({k: each.soft for k, each in self.objects.items() if each.there}).items()
            if mask.any()
        }

    def colours(self, image: Image, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
        """(D,) what an object looks like."""
        found = Masks.from_images(mask[None])
        return np.asarray(embed(image, Detections.from_masks(found, np.ones(1), np.zeros(1)))[0])


def disjoint(soft: dict[int, Soft]) -> dict[int, NDArray[np.bool_]]:
    """Each object's pixels: those of at least 0.5 where no other object has more."""
    if not soft:
        return {}
    stack = np.stack(list(soft.values()))
    winner = stack.argmax(axis=0)
    return {number: (stack[k] >= 0.5) & (winner == k) for k, number in enumerate(soft)}
