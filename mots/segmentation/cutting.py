"""Cutting an object out of an image by its colours, without a network: GrabCut (Rother et al., SIGGRAPH 2004)."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mots.optional import opencv

__all__ = ["GrabCut", "Segmenter", "agree"]

Image = NDArray[np.uint8]
Soft = NDArray[np.float32]


class Segmenter(Protocol):
    """Corrects a mask by the image; what GrabCut does, and what a promptable network can do."""

    def remember(self, image: Image, mask: NDArray[np.bool_]) -> Any:
        """What is to be kept of an object as it was prompted, for `cut`; None for nothing."""
        ...

    def cut(self, image: Image, guess: Soft, others: NDArray[np.bool_], memory: Any = None) -> NDArray[np.bool_]:
        """(H, W) the object in an image (H, W, 3) uint8 RGB, near a `guess` (H, W) from 0 to 1. `others`: (H, W)
        pixels that surely belong to other objects. `memory`: what `remember` gave for the object."""
        ...

    def from_box(self, image: Image, box: tuple[float, float, float, float]) -> NDArray[np.bool_]:
        """(H, W) the object in a box x1 y1 x2 y2."""
        ...

    def from_points(self, image: Image, points: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(H, W) the object on which the points (P, 2) x y that are `inside` (P,) lie, and the others do not."""
        ...


def agree(one: NDArray[np.bool_], two: NDArray[np.bool_], least: float) -> bool:
    """Whether two masks (h, w) have an IoU of at least this; two empty ones do not."""
    union = int((one | two).sum())
    return union > 0 and int((one & two).sum()) >= least * union


class GrabCut:
    """Cuts by mixtures of Gaussians of the colours inside and outside, and a minimal cut.

    A cut that differs much from the guess (an IoU below `least_iou`) is not trusted: the colours do not tell the object
    from what is around it, and the guess stays. Raises MissingDependency where OpenCV is not installed.
    """

    def __init__(self, rounds: int = 2, band: float = 0.06, least_iou: float = 0.7) -> None:
        self.rounds, self.band, self.least_iou = rounds, band, least_iou
        self.cv2 = opencv("cutting objects out")

    def remember(self, image: Image, mask: NDArray[np.bool_]) -> Any:
        """The mixture of the object's colours: a later frame's guess may hold some of the background."""
        reach = max(round(self.band * float(mask.sum()) ** 0.5), 2)
        near = self.cv2.dilate(mask.astype(np.uint8), self.window(reach)).astype(bool)
        marks = np.where(mask, self.cv2.GC_FGD, self.cv2.GC_BGD).astype(np.uint8)
        models = np.zeros((1, 65)), np.zeros((1, 65))
        self.run(image, marks, near, 4 * reach, 1, models)
        return models[1] if models[1].any() else None

    def window(self, reach: int) -> Any:
        """A round window of this radius."""
        return self.cv2.getStructuringElement(self.cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))

    def cut(self, image: Image, guess: Soft, others: NDArray[np.bool_], memory: Any = None) -> NDArray[np.bool_]:
        """See `Segmenter.cut`. Only a band around the guess's outline can change: `band` times the object's size."""
        cv2 = self.cv2
        mask = guess >= 0.5
        area = int(mask.sum())
        if area < 16:
            return mask
        reach = max(round(self.band * area**0.5), 2)
        window = self.window(reach)
        core = cv2.erode(mask.astype(np.uint8), window).astype(bool)
        near = cv2.dilate(mask.astype(np.uint8), window).astype(bool)
        marks = np.where(mask, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        marks[core] = cv2.GC_FGD
        marks[~near | others] = cv2.GC_BGD
        models = np.zeros((1, 65)), np.zeros((1, 65))
        found = self.run(image, marks, near, 4 * reach, self.rounds, models)
        if memory is not None and models[0].any():  # the background as it is now, the object as it was prompted
            found = self.run(image, marks, near, 4 * reach, 1, (models[0], memory.copy()), frozen=True)
        return found if agree(found, mask, self.least_iou) else np.asarray(mask & ~others)

    def from_box(self, image: Image, box: tuple[float, float, float, float]) -> NDArray[np.bool_]:
        """See `Segmenter.from_box`."""
        height, width = image.shape[:2]
        x1, y1 = max(int(box[0]), 0), max(int(box[1]), 0)
        x2, y2 = min(int(np.ceil(box[2])), width), min(int(np.ceil(box[3])), height)
        marks = np.full((height, width), self.cv2.GC_BGD, np.uint8)
        marks[y1:y2, x1:x2] = self.cv2.GC_PR_FGD
        near = np.asarray(marks != self.cv2.GC_BGD)
        if not near.any():
            return near
        found = self.run(image, marks, near, max(x2 - x1, y2 - y1) // 2 + 4, rounds=5)
        return found if int(found.sum()) >= 0.05 * int(near.sum()) else near

    def from_points(self, image: Image, points: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """See `Segmenter.from_points`. What lies far from all points inside, measured by their spread, is outside."""
        cv2 = self.cv2
        height, width = image.shape[:2]
        own = points[inside]
        spread = float(np.ptp(own, axis=0).max()) if len(own) > 1 else 0.0
        reach = int(max(spread, 0.12 * max(height, width)))
        marks = np.full((height, width), cv2.GC_BGD, np.uint8)
        for x, y in own.tolist():
            cv2.circle(marks, (round(x), round(y)), reach, int(cv2.GC_PR_BGD), -1)
        for x, y in own.tolist():
            cv2.circle(marks, (round(x), round(y)), max(reach // 3, 2), int(cv2.GC_PR_FGD), -1)
        small = max(reach // 12, 2)
        for (x, y), is_own in zip(points.tolist(), inside.tolist(), strict=True):
            cv2.circle(marks, (round(x), round(y)), small, int(cv2.GC_FGD if is_own else cv2.GC_BGD), -1)
        found = self.run(image, marks, marks != cv2.GC_BGD, reach, rounds=5)
        # Of the pieces, those on which a point lies.
        _, pieces = cv2.connectedComponents(found.astype(np.uint8))
        places = np.clip(np.rint(own).astype(int), 0, [width - 1, height - 1])
        chosen = [label for label in np.unique(pieces[places[:, 1], places[:, 0]]).tolist() if label]
        return np.asarray(np.isin(pieces, chosen) if chosen else found)

    def run(
        self,
        image: Image,
        marks: NDArray[np.uint8],
        near: NDArray[np.bool_],
        margin: int,
        rounds: int,
        models: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
        frozen: bool = False,
    ) -> NDArray[np.bool_]:
        """(H, W) GrabCut's answer inside what is `near`, with so many pixels around it as background.

        `models`: of background and object, (1, 65) each; they are learnt, or with `frozen` taken as they are.
        """
        cv2 = self.cv2
        rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
        top, bottom = max(rows[0] - margin, 0), min(rows[-1] + 1 + margin, near.shape[0])
        left, right = max(columns[0] - margin, 0), min(columns[-1] + 1 + margin, near.shape[1])
        own = marks[top:bottom, left:right].copy()
        sure = (own == cv2.GC_FGD) | (own == cv2.GC_PR_FGD)
        found = np.zeros(near.shape, np.bool_)
        found[top:bottom, left:right] = sure
        if not sure.any() or sure.all():
            return found
        part = np.ascontiguousarray(image[top:bottom, left:right])
        cv2.setRNGSeed(0)  # the mixtures begin at random: the same frames give the same masks
        back, front = models or (np.zeros((1, 65)), np.zeros((1, 65)))
        mode = cv2.GC_EVAL_FREEZE_MODEL if frozen else cv2.GC_INIT_WITH_MASK
        try:
            cv2.grabCut(part, own, None, back, front, rounds, mode)
        except cv2.error:  # too few colours for its mixtures
            return found
        found[top:bottom, left:right] = (own == cv2.GC_FGD) | (own == cv2.GC_PR_FGD)
        return found
