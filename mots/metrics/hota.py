"""HOTA and its parts (Luiten et al.: HOTA, IJCV 2021), at 19 thresholds of mask IoU."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from mots.metrics.assignment import decided, tried
from mots.metrics.sequence import EPS, ScoredSequence, solve

__all__ = ["ALPHAS", "HotaCounts", "hota"]

ALPHAS: NDArray[np.float64] = np.arange(0.05, 0.99, 0.05)
Curve = NDArray[np.float64]


def zeros() -> Curve:
    return np.zeros(len(ALPHAS))


@dataclass(frozen=True, eq=False)
class HotaCounts:
    """(19,) counts at each alpha, which add over sequences; the ratios are properties, (19,) as well.

    `iou`: of all matches. `ass_a`, `ass_re`, `ass_pr`: summed over the matches, each with its tracks' value.
    """

    tp: Curve = field(default_factory=zeros)
    fp: Curve = field(default_factory=zeros)
    fn: Curve = field(default_factory=zeros)
    iou: Curve = field(default_factory=zeros)
    ass_a_sum: Curve = field(default_factory=zeros)
    ass_re_sum: Curve = field(default_factory=zeros)
    ass_pr_sum: Curve = field(default_factory=zeros)

    def __add__(self, other: HotaCounts) -> HotaCounts:
        return HotaCounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def det_a(self) -> Curve:
        return self.tp / np.maximum(self.tp + self.fn + self.fp, 1)

    @property
    def det_re(self) -> Curve:
        return self.tp / np.maximum(self.tp + self.fn, 1)

    @property
    def det_pr(self) -> Curve:
        return self.tp / np.maximum(self.tp + self.fp, 1)

    @property
    def ass_a(self) -> Curve:
        return self.ass_a_sum / np.maximum(self.tp, 1)

    @property
    def ass_re(self) -> Curve:
        return self.ass_re_sum / np.maximum(self.tp, 1)

    @property
    def ass_pr(self) -> Curve:
        return self.ass_pr_sum / np.maximum(self.tp, 1)

    @property
    def loc_a(self) -> Curve:
        """Mean IoU of the matches; 1 where there are none."""
        return np.maximum(self.iou, 1e-10) / np.maximum(self.tp, 1e-10)

    @property
    def hota(self) -> Curve:
        return np.sqrt(self.det_a * self.ass_a)

    @property
    def owta(self) -> Curve:
        return np.sqrt(self.det_re * self.ass_a)


def hota(sequence: ScoredSequence) -> HotaCounts:
    """The counts of one class of one sequence.

    Objects and hypotheses are matched once for all thresholds, by IoU times how well their tracks agree over the whole
    sequence; then each match counts at every alpha that its IoU reaches.
    """
    objects, hypotheses = len(sequence.truth_ids), len(sequence.result_ids)
    if hypotheses == 0 or objects == 0:
        return HotaCounts(fp=zeros() + hypotheses, fn=zeros() + objects)
    _, truth = sequence.truth_tracks
    result_ids, result = sequence.result_tracks
    row, column = sequence.pairs.T
    # How well two tracks agree: the sum over frames of a normalised IoU, as a Jaccard index of the tracks' lengths.
    total = np.bincount(row, sequence.iou, objects)[row] + np.bincount(column, sequence.iou, hypotheses)[column]
    agreement = sequence.iou / (total - sequence.iou)
    key = truth[row] * len(result_ids) + result[column]
    keys, tracks = np.unique(key, return_inverse=True)
    together = np.bincount(tracks, agreement, len(keys))
    length = np.bincount(truth)[keys // len(result_ids)] + np.bincount(result)[keys % len(result_ids)]
    aligned = (together / (length - together))[tracks]

    chosen = matched(sequence, aligned * sequence.iou)
    # One histogram serves all thresholds: the highest alpha that each match reaches.
    level = np.searchsorted(ALPHAS - EPS, sequence.iou[chosen], side="right")
    reached = level > 0
    chosen, level = chosen[reached], level[reached]
    tp = at_least(np.bincount(level, minlength=len(ALPHAS) + 1).astype(np.float64))
    iou = at_least(np.bincount(level, sequence.iou[chosen], len(ALPHAS) + 1).astype(np.float64))
    pair_ids, pair = np.unique(tracks[chosen], return_inverse=True)
    counts = np.zeros((len(pair_ids), len(ALPHAS) + 1))
    np.add.at(counts, (pair, level), 1.0)
    counts = counts[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]  # (tracks that met, alphas) frames together
    truth_length = np.bincount(truth)[keys[pair_ids] // len(result_ids)][:, None]
    result_length = np.bincount(result)[keys[pair_ids] % len(result_ids)][:, None]
    return HotaCounts(
        tp=tp,
        fp=hypotheses - tp,
        fn=objects - tp,
        iou=iou,
        ass_a_sum=(counts * (counts / np.maximum(truth_length + result_length - counts, 1))).sum(axis=0),
        ass_re_sum=(counts * (counts / truth_length)).sum(axis=0),
        ass_pr_sum=(counts * (counts / result_length)).sum(axis=0),
    )


def matched(sequence: ScoredSequence, scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """(K,) the pairs chosen for the greatest sum of `scores` (E,), each object and hypothesis once.

    A frame in which something is left undecided is solved as TrackEval solves it, so that ties fall alike.
    """
    chosen, left = decided(sequence.pairs[:, 0], sequence.pairs[:, 1], scores)
    frame_of = sequence.truth_frames[sequence.pairs[:, 0]]
    solved: list[NDArray[np.int64]] = []
    for frame in np.unique(frame_of[left]).tolist():
        here = left[frame_of[left] == frame]
        few = tried(sequence.pairs[here, 0], sequence.pairs[here, 1], scores[here])
        if few is not None:
            solved.append(here[few])
            left = left[frame_of[left] != frame]
    chosen = np.concatenate([chosen, *solved])
    frames = np.unique(frame_of[left])
    parts = [chosen[~np.isin(frame_of[chosen], frames)]]
    for frame in frames.tolist():
        rows, columns, matrix = sequence.dense(frame, scores)
        here = np.flatnonzero(frame_of == frame)
        number = {(int(a), int(b)): int(pair) for pair, (a, b) in zip(here, sequence.pairs[here], strict=True)}
        found = [number.get((int(rows[i]), int(columns[j])), -1) for i, j in solve(matrix)]
        parts.append(np.array([pair for pair in found if pair >= 0], np.int64))
    return np.concatenate(parts)


def at_least(by_level: Curve) -> Curve:
    """(19,) sums over the levels from each alpha on; level 0 reaches none."""
    return by_level[::-1].cumsum()[::-1][1:]
