"""Video object segmentation on the same masks: J, F and J&F of each object (Perazzi et al.: DAVIS, CVPR 2016).

J is the mask IoU of a frame; F compares outlines, with a tolerance of 0.8 % of the frame's diagonal. Both are 1 in a
frame where neither the object nor its hypothesis is. Each object is given the hypothesis that serves all objects best
(Caelles et al.: The 2019 DAVIS Challenge, unsupervised), by the mean of J and F over the frames.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mots.labels import FrameLabels

__all__ = ["TOLERANCE", "ObjectCurve", "ObjectScores", "VosScores", "boundary_f", "j_and_f", "outline", "statistics"]

TOLERANCE = 0.008  # of the frame's diagonal


@dataclass(frozen=True, eq=False)
class ObjectScores:
    """One object of the truth: the hypothesis that it was given (0 for none), and (frames,) J and F."""

    object: int
    hypothesis: int
    j: NDArray[np.float64]
    f: NDArray[np.float64]

    @property
    def j_and_f(self) -> float:
        """The mean of J's and F's means."""
        return float((self.j.mean() + self.f.mean()) / 2)


@dataclass(frozen=True, eq=False)
class ObjectCurve:
    """One object: its number, the names of its frames, and J and F in each (frames,)."""

    object: int
    frames: tuple[str, ...]
    j: NDArray[np.float64]
    f: NDArray[np.float64]


VOS_NUMBERS = ("J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay", "T")


@dataclass(frozen=True, eq=False)
class VosScores:
    """Scores of objects whose hypotheses are known, as DAVIS 2017 reports them (Pont-Tuset et al., arXiv:1704.00675).

    `objects`: (K, 7) of K objects: mean, recall and decay of J, then of F, and T, how much the result's outline
    flickers (`stability.instability`; nan where it was not measured). `curves`: of the same objects. Scores are added
    by joining their objects.
    """

    objects: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, len(VOS_NUMBERS))))
    curves: tuple[ObjectCurve, ...] = ()

    @staticmethod
    def of(curves: Sequence[ObjectCurve], flicker: Sequence[float]) -> VosScores:
        """Of J and F in each frame, and T of each object."""
        rows = [[*statistics(each.j), *statistics(each.f), t] for each, t in zip(curves, flicker, strict=True)]
        return VosScores(np.array(rows, np.float64).reshape(-1, len(VOS_NUMBERS)), tuple(curves))

    def __add__(self, other: VosScores) -> VosScores:
        return VosScores(np.concatenate([self.objects, other.objects]), self.curves + other.curves)

    def numbers(self) -> dict[str, float]:
        """Means over the objects; J&F is the mean of J's and F's. T is left out where no object has it."""
        return named(self.objects.mean(axis=0) if len(self.objects) else np.zeros(len(VOS_NUMBERS)), self.flicker)

    @property
    def flicker(self) -> float:
        """The mean T of the objects that have it; nan where none has."""
        known = self.objects[np.isfinite(self.objects[:, -1]), -1]
        return float(known.mean()) if len(known) else float("nan")

    def by_object(self) -> dict[str, dict[str, float]]:
        """The numbers of each object, by its number."""
        return {str(each.object): named(row, row[-1]) for each, row in zip(self.curves, self.objects, strict=True)}


def named(row: NDArray[np.float64], flicker: float) -> dict[str, float]:
    """A row of `VosScores.objects` by names, with J&F first."""
    numbers = {"J&F": float(row[0] + row[3]) / 2, **dict(zip(VOS_NUMBERS, row.tolist(), strict=True))}
    del numbers["T"]
    return numbers if math.isnan(flicker) else {**numbers, "T": float(flicker)}


def statistics(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean, recall (the share of frames above 0.5) and decay (the mean of the first quarter of the frames less that of
    the last) of one object's (frames,) values, as the DAVIS toolkit computes them."""
    # Quarters share their border frames there.
    ends = np.rint(np.linspace(1, len(values), 5) + 1e-10).astype(int) - 1
    first, last = values[ends[0] : ends[1] + 1], values[ends[3] : ends[4] + 1]
    return float(values.mean()), float((values > 0.5).mean()), float(first.mean() - last.mean())


def j_and_f(truth: Sequence[FrameLabels], results: Sequence[FrameLabels]) -> list[ObjectScores]:
    """The scores of each object of a clip, by ascending id; J&F of the clip is their mean.

    `truth`, `results`: the same frames in the same order. Raises ValueError where their numbers differ.
    """
    if [labels.frame for labels in truth] != [labels.frame for labels in results]:
        raise ValueError("truth and results are not of the same frames")
    objects = np.unique(np.concatenate([np.zeros(0, np.int64), *(labels.ids for labels in truth)]))
    hypotheses = np.unique(np.concatenate([np.zeros(0, np.int64), *(labels.ids for labels in results)]))
    j = np.ones((len(objects), len(hypotheses) + 1, len(truth)))  # the last hypothesis is none at all
    f = np.ones_like(j)
    for k, (own, given) in enumerate(zip(truth, results, strict=True)):
        rows, columns = np.searchsorted(objects, own.ids), np.searchsorted(hypotheses, given.ids)
        # Where only one of the two is there, nothing agrees; where both are, it is measured.
        j[rows, :, k] = f[rows, :, k] = 0
        j[:, columns, k] = f[:, columns, k] = 0
        iou = own.masks.iou(given.masks)
        radius = math.ceil(TOLERANCE * math.hypot(*own.size))
        for a, row in enumerate(rows.tolist()):
            for b, column in enumerate(columns.tolist()):
                j[row, column, k] = iou[a, b]
                f[row, column, k] = boundary_f(own.masks.image(a), given.masks.image(b), radius)
    from mots.metrics.assignment import best_pairs

    mean = (j.mean(axis=2) + f.mean(axis=2)) / 2 if len(truth) else np.zeros(j.shape[:2])
    row, column = np.divmod(np.arange(mean[:, :-1].size), max(len(hypotheses), 1))
    chosen = best_pairs(row, column, mean[:, :-1].ravel())
    partner = dict(zip(row[chosen].tolist(), column[chosen].tolist(), strict=True))
    return [
        ObjectScores(
            int(identity),
            int(hypotheses[partner[i]]) if i in partner else 0,
            j[i, partner.get(i, -1)],
            f[i, partner.get(i, -1)],
        )
        for i, identity in enumerate(objects.tolist())
    ]


def boundary_f(truth: NDArray[np.bool_], result: NDArray[np.bool_], radius: int) -> float:
    """The F measure of two masks' outlines (H, W): how much of each lies within `radius` pixels of the other."""
    from scipy.ndimage import distance_transform_edt

    own, given = outline(truth), outline(result)
    if not own.any() or not given.any():
        return float(not own.any() and not given.any())
    rows, columns = np.nonzero(own | given)  # beyond the outlines and the radius around them nothing matters
    part = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    own, given = own[part], given[part]
    precision = (distance_transform_edt(~own)[given] <= radius).mean()
    recall = (distance_transform_edt(~given)[own] <= radius).mean()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(H, W) pixels that differ from their neighbour to the right, below, or across; the frame's rim is no outline."""
    right, below = np.zeros_like(mask), np.zeros_like(mask)
    across = np.zeros_like(mask)
    right[:, :-1] = mask[:, 1:] != mask[:, :-1]
    below[:-1] = mask[1:] != mask[:-1]
    across[:-1, :-1] = mask[1:, 1:] != mask[:-1, :-1]
    return right | below | across
