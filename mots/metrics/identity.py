"""IDF1: how long results keep the right identity (Ristani et al.: Performance Measures, ECCV workshops 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mots.metrics.assignment import best_pairs
from mots.metrics.sequence import HALF, ScoredSequence

__all__ = ["IdentityCounts", "identity"]


@dataclass(frozen=True)
class IdentityCounts:
    """Frames with the right identity, with a wrong one, and without one; they add over sequences."""

    idtp: int = 0
    idfp: int = 0
    idfn: int = 0

    def __add__(self, other: IdentityCounts) -> IdentityCounts:
        return IdentityCounts(self.idtp + other.idtp, self.idfp + other.idfp, self.idfn + other.idfn)

    @property
    def idf1(self) -> float:
        return self.idtp / max(self.idtp + 0.5 * self.idfp + 0.5 * self.idfn, 1.0)

    @property
    def idp(self) -> float:
        return self.idtp / max(self.idtp + self.idfp, 1)

    @property
    def idr(self) -> float:
        return self.idtp / max(self.idtp + self.idfn, 1)


def identity(sequence: ScoredSequence) -> IdentityCounts:
    """The counts of one class of one sequence: each track of the truth gets at most one of the results."""
    pairs = sequence.pairs[sequence.iou >= HALF]
    _, truth = sequence.truth_tracks
    ids, result = sequence.result_tracks
    keys, frames = np.unique(truth[pairs[:, 0]] * max(len(ids), 1) + result[pairs[:, 1]], return_counts=True)
    rows, columns = np.divmod(keys, max(len(ids), 1))
    chosen = best_pairs(rows, columns, frames.astype(np.float64))
    idtp = int(frames[chosen].sum())
    return IdentityCounts(idtp, len(sequence.result_ids) - idtp, len(sequence.truth_ids) - idtp)
