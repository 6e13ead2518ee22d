"""Connected pieces of a foreground, split and joined by what was seen before.

Two people who meet make one piece: it is split along what each of them was. One person behind a pole makes two: they
are joined where both lie in what was one object.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mots.optional import opencv
from mots.trackers.masks import Masks

__all__ = ["BlobMemory", "BlobSettings"]


@dataclass(frozen=True)
class BlobSettings:
    """When pieces are split and joined."""

    known: int = 3  # frames after which an object is known well enough to split a piece or join some
    inside: float = 0.5  # share of a known object, moved to this frame, that lies in a piece that it is a part of
    joined: float = 0.7  # share of a piece in the box of a known object by which it is a part of it,
    growth: float = 1.4  # if the parts together have at most so many times its usual area
    forgotten: int = 8  # frames without a piece after which an object is forgotten
    smoothing: float = 0.6  # weight of the old velocity


AREA_RATE = 0.1  # weight of a frame in an object's usual area, once it is known


@dataclass(eq=False)
class Known:
    """An object of earlier frames: its mask where it was last seen, its velocity in pixels a frame, its usual area, in
    how many frames it was seen, and since how many it was not."""

    mask: Masks
    velocity: NDArray[np.float64]
    area: float
    age: int = 0
    missed: int = 0


class BlobMemory:
    """Cuts the foregrounds of one source, frame by frame, into regions, one for each object."""

    def __init__(self, size: tuple[int, int], least: float, settings: BlobSettings | None = None) -> None:
        self.size, self.least, self.settings = size, least, settings or BlobSettings()
        self.cv2 = opencv("finding moving objects")
        self.known: list[Known] = []

    def regions(self, mask: NDArray[np.bool_]) -> tuple[Masks, NDArray[np.int64]]:
        """The regions of a foreground (h, w), and for each in how many earlier frames its object was seen (N,)."""
        pieces = self._pieces(mask)
        predicted = self._predicted()
        share, inside = self._shares(predicted, pieces)
        grown = np.array([each.age >= self.settings.known for each in self.known], np.bool_)
        pieces = self._split(pieces, predicted, (share >= self.settings.inside) & grown[:, None])
        share, inside = self._shares(predicted, pieces)
        pieces = self._joined(pieces, predicted, inside, grown)
        areas = pieces.areas()
        pieces = pieces.take(np.flatnonzero(areas >= self.least))
        return pieces, self._remember(pieces, predicted)

    def _pieces(self, mask: NDArray[np.bool_]) -> Masks:
        """The connected pieces, with their holes filled; specks are left out."""
        cv2 = self.cv2
        # Outlines take a twentieth of the time of labels.
        outlines, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        corners, crops = [], []
        for outline in outlines:
            x, y, wide, tall = cv2.boundingRect(outline)
            if wide * tall < self.least / 4:
                continue
            filled = np.zeros((tall, wide), np.uint8)
            cv2.drawContours(filled, [outline], -1, 1, thickness=cv2.FILLED, offset=(-x, -y))
            if int(filled.sum()) >= self.least / 4:
                corners.append((x, y))
                crops.append(filled.view(np.bool_))
        return Masks.from_crops(self.size, corners, crops)

    def _predicted(self) -> Masks:
        """The known objects' masks, moved to this frame."""
        if not self.known:
            return Masks.empty(self.size)
        masks = Masks.concatenate(self.size, [each.mask for each in self.known])
        return masks.moved(np.stack([each.velocity * (1 + each.missed) for each in self.known]))

    def _shares(self, predicted: Masks, pieces: Masks) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(K, N) the share of each known object that lies in each piece, and of each piece in each object's box."""
        if len(predicted) == 0 or len(pieces) == 0:
            return (np.zeros((len(predicted), len(pieces))),) * 2
        share = predicted.coverage(pieces)
        a, b = predicted.boxes[:, None].astype(np.float64), pieces.boxes[None].astype(np.float64)
        wide = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
        tall = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
        common = np.maximum(wide, 0) * np.maximum(tall, 0)
        area = (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
        return share, common / np.maximum(area, 1.0)

    def _split(self, pieces: Masks, predicted: Masks, part: NDArray[np.bool_]) -> Masks:
        """Pieces of which several known objects are a `part` (K, N), cut: each pixel goes to the nearest of them."""
        corners, crops = [], []
        for j in range(len(pieces)):
            x1, y1, x2, y2 = pieces.boxes[j].tolist()
            own = pieces.crop(j)
            rows = np.flatnonzero(part[:, j]) if part.size else np.zeros(0, np.int64)
            if len(rows) < 2:
                corners.append((x1, y1))
                crops.append(own)
                continue
            distances = []
            for i in rows.tolist():
                u1, v1, u2, v2 = predicted.boxes[i].tolist()
                elsewhere = np.ones(own.shape, np.uint8)
                left, top, right, bottom = max(u1, x1), max(v1, y1), min(u2, x2), min(v2, y2)
                crop = predicted.crop(i)[top - v1 : bottom - v1, left - u1 : right - u1]
                elsewhere[top - y1 : bottom - y1, left - x1 : right - x1] = ~crop
                distances.append(self.cv2.distanceTransform(elsewhere, self.cv2.DIST_L2, 3))
            nearest = np.argmin(distances, axis=0)
            for k in range(len(rows)):
                corners.append((x1, y1))
                crops.append(own & (nearest == k))
        return Masks.from_crops(self.size, corners, crops)

    def _joined(self, pieces: Masks, predicted: Masks, inside: NDArray[np.float64], grown: NDArray[np.bool_]) -> Masks:
        """Pieces that are parts of one known object, and of no other, as one."""
        if inside.size == 0:
            return pieces
        claims = (inside >= self.settings.joined) & grown[:, None]
        only = claims.sum(axis=0) == 1
        owner = np.where(only, claims.argmax(axis=0), -1)
        groups: dict[int, list[int]] = {}
        for j, k in enumerate(owner.tolist()):
            groups.setdefault(k if k >= 0 else -2 - j, []).append(j)
        areas = pieces.areas()
        corners, crops = [], []
        parts: list[list[int]] = []
        for k, own in groups.items():
            fits = k < 0 or areas[own].sum() <= self.settings.growth * self.known[k].area
            parts += [own] if fits else [[j] for j in own]
        for own in parts:
            boxes = pieces.boxes[own]
            x1, y1 = boxes[:, :2].min(axis=0).tolist()
            x2, y2 = boxes[:, 2:].max(axis=0).tolist()
            crop = np.zeros((y2 - y1, x2 - x1), np.bool_)
            for j in own:
                u1, v1, u2, v2 = pieces.boxes[j].tolist()
                crop[v1 - y1 : v2 - y1, u1 - x1 : u2 - x1] |= pieces.crop(j)
            corners.append((x1, y1))
            crops.append(crop)
        return Masks.from_crops(self.size, corners, crops)

    def _remember(self, pieces: Masks, predicted: Masks) -> NDArray[np.int64]:
        """Take in the regions of a frame; (N,) in how many earlier frames each one's object was seen."""
        ages, areas = np.zeros(len(pieces), np.int64), pieces.areas()
        centres = (pieces.boxes[:, :2] + pieces.boxes[:, 2:]) / 2
        overlap = predicted.iou(pieces) if len(predicted) and len(pieces) else np.zeros((len(predicted), len(pieces)))
        kept: list[Known] = []
        taken = np.zeros(len(pieces), np.bool_)
        order = np.argsort(-overlap, axis=None, kind="stable") if overlap.size else np.zeros(0, np.int64)
        met = np.zeros(len(self.known), np.bool_)
        for flat in order.tolist():
            i, j = divmod(flat, len(pieces))
            if overlap[i, j] <= 0.1:
                break
            if met[i] or taken[j]:
                continue
            met[i] = taken[j] = True
            old = self.known[i]
            box = old.mask.boxes[0]
            step = (centres[j] - (box[:2] + box[2:]) / 2) / (1 + old.missed)
            weight = self.settings.smoothing if old.age else 0.0
            ages[j] = old.age + 1
            area = old.area
            if areas[j] <= self.settings.growth * area or old.age < self.settings.known:
                area += (areas[j] - area) * max(AREA_RATE, 1 / (old.age + 2))
            kept.append(Known(pieces.take([j]), weight * old.velocity + (1 - weight) * step, area, old.age + 1))
        for i, old in enumerate(self.known):
            if not met[i] and old.age and old.missed < self.settings.forgotten:
                kept.append(replace(old, missed=old.missed + 1))
        kept += [Known(pieces.take([j]), np.zeros(2), float(areas[j])) for j in np.flatnonzero(~taken).tolist()]
        self.known = kept
        return ages
