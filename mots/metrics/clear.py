"""CLEAR for masks: sMOTSA, MOTSA, MOTSP and what they are made of.

Bernardin and Stiefelhagen: Evaluating Multiple Object Tracking Performance, 2008; Voigtlaender et al.: MOTS, CVPR 2019.
The counts agree with TrackEval's; with `convention="mots_tools"` they follow the other official kit.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mots.metrics.sequence import EPS, HALF, ScoredSequence, solve

__all__ = ["ClearCounts", "Convention", "clear", "matches"]

Convention = Literal["trackeval", "mots_tools"]


@dataclass(frozen=True)
class ClearCounts:
    """Counts that add over sequences; the ratios are properties.

    `soft_tp`: the IoU of all matches. `frames`: of sequences that have both objects and hypotheses (as TrackEval
    counts them). `objects`, `hypotheses`: masks; `objects` = tp + fn. `one_sided`: of one sequence without objects or
    without hypotheses, of which TrackEval leaves every ratio at 0; in a sum of sequences the ratios are those of the
    summed counts again.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    soft_tp: float = 0.0
    ids: int = 0
    frag: int = 0
    mt: int = 0
    pt: int = 0
    ml: int = 0
    frames: int = 0
    one_sided: bool = False

    def __add__(self, other: ClearCounts) -> ClearCounts:
        return ClearCounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)[:-1]))

    def ratio(self, part: float, whole: float) -> float:
        """Part of a whole of at least 1; 0 of a one-sided sequence."""
        return 0.0 if self.one_sided else part / max(whole, 1)

    @property
    def objects(self) -> int:
        return self.tp + self.fn

    @property
    def hypotheses(self) -> int:
        return self.tp + self.fp

    @property
    def tracks(self) -> int:
        """Objects' tracks in the truth."""
        return self.mt + self.pt + self.ml

    @property
    def smotsa(self) -> float:
        return self.ratio(self.soft_tp - self.fp - self.ids, self.objects)

    @property
    def motsa(self) -> float:
        return self.ratio(self.tp - self.fp - self.ids, self.objects)

    @property
    def moda(self) -> float:
        """MOTSA without the switches."""
        return self.ratio(self.tp - self.fp, self.objects)

    @property
    def motsal(self) -> float:
        """MOTSA with the decimal logarithm of the switches."""
        return self.ratio(self.tp - self.fp - (float(np.log10(self.ids)) if self.ids else 0.0), self.objects)

    @property
    def motsp(self) -> float:
        return self.ratio(self.soft_tp, self.tp)

    @property
    def recall(self) -> float:
        return self.ratio(self.tp, self.objects)

    @property
    def precision(self) -> float:
        return self.ratio(self.tp, self.hypotheses)

    @property
    def f1(self) -> float:
        return self.ratio(self.tp, self.tp + 0.5 * self.fn + 0.5 * self.fp)

    @property
    def faf(self) -> float:
        """False positives a frame."""
        return self.ratio(self.fp, self.frames)

    @property
    def mtr(self) -> float:
        return self.ratio(self.mt, self.tracks)

    @property
    def ptr(self) -> float:
        return self.ratio(self.pt, self.tracks)

    @property
    def mlr(self) -> float:
        return 1.0 if self.one_sided else self.ratio(self.ml, self.tracks)  # TrackEval sets this one


def clear(sequence: ScoredSequence, convention: Convention = "trackeval") -> ClearCounts:
    """The counts of one class of one sequence."""
    objects, hypotheses = len(sequence.truth_ids), len(sequence.result_ids)
    ids, track = sequence.truth_tracks
    if hypotheses == 0 or objects == 0:
        return ClearCounts(fp=hypotheses, fn=objects, ml=len(ids), one_sided=convention == "trackeval")
    pairs = matches(sequence, convention)
    truth, result = sequence.pairs[pairs].T
    # Matches track by track, each in the order of frames.
    order = np.lexsort((sequence.truth_frames[truth], track[truth]))
    owner, frame = track[truth][order], sequence.truth_frames[truth][order]
    given = sequence.result_ids[result][order]
    follows = owner[1:] == owner[:-1]
    switches = int(np.count_nonzero(follows & (given[1:] != given[:-1])))
    seen = np.bincount(owner, minlength=len(ids)) / np.bincount(track, minlength=len(ids))
    mt, tracked = int((seen > 0.8).sum()), int((seen >= 0.2).sum())
    return ClearCounts(
        tp=len(pairs),
        fp=hypotheses - len(pairs),
        fn=objects - len(pairs),
        soft_tp=float(sequence.iou[pairs].sum()),
        ids=switches,
        frag=fragments(sequence, owner, frame, follows, convention),
        mt=mt,
        pt=tracked - mt,
        ml=len(ids) - tracked,
        frames=sequence.frames,
    )


def fragments(
    sequence: ScoredSequence,
    owner: NDArray[np.int64],
    frame: NDArray[np.int64],
    follows: NDArray[np.bool_],
    convention: Convention,
) -> int:
    """How often a track's matches break off and go on later.

    TrackEval: a break is a frame in which the track goes unmatched or absent, but frames without any object or without
    any hypothesis do not count as time. mots_tools: a break is a frame in which the object is there and unmatched.
    """
    if convention == "trackeval":
        both = np.intersect1d(sequence.truth_frames, sequence.result_frames)
        step = np.searchsorted(both, frame)
        return int(np.count_nonzero(follows & (np.diff(step) > 1)))
    _, track = sequence.truth_tracks
    order = np.lexsort((sequence.truth_frames, track))
    rank = np.arange(len(order)) - np.searchsorted(track[order], track[order])
    # The place of each match among the frames in which its object is there at all.
    key = track[order] * (sequence.truth_frames.max() + 1) + sequence.truth_frames[order]
    place = rank[np.searchsorted(key, owner * (sequence.truth_frames.max() + 1) + frame)]
    return int(np.count_nonzero(follows & (np.diff(place) > 1)))


def matches(sequence: ScoredSequence, convention: Convention = "trackeval") -> NDArray[np.int64]:
    """(K,) the pairs that count as matches, ascending: IoU of at least 0.5 (mots_tools: above 0.5), one to one.

    Above 0.5 there is no choice. Where exact halves leave one, a match of the frame before is kept first, then the sum
    of IoU decides (TrackEval's CLEAR).
    """
    above = convention == "mots_tools"
    pairs = sequence.candidates(above=above)
    contested = sequence.contested(pairs)
    if len(contested) == 0:
        return pairs
    frame_of = sequence.truth_frames[sequence.pairs[pairs, 0]]  # ascending, as pairs are
    both = np.intersect1d(sequence.truth_frames, sequence.result_frames)
    chosen: dict[int, NDArray[np.int64]] = {}
    for frame in contested.tolist():
        place = int(np.searchsorted(both, frame))
        before: dict[int, int] = {}
        if place > 0:
            last = int(both[place - 1])
            kept = chosen[last] if last in chosen else in_frame(pairs, frame_of, last)
            truth, result = sequence.pairs[kept].T
            before = dict(zip(sequence.truth_ids[truth].tolist(), sequence.result_ids[result].tolist(), strict=True))
        rows, columns, matrix = sequence.dense(frame, sequence.iou)
        given = sequence.result_ids[columns].tolist()
        same = np.array(
            [[before.get(track) == other for other in given] for track in sequence.truth_ids[rows].tolist()]
        )
        gain = np.where(matrix >= HALF - EPS, 1000.0 * same + matrix, 0.0)
        found = {(int(rows[i]), int(columns[j])) for i, j in solve(gain) if gain[i, j] > EPS}
        here = in_frame(pairs, frame_of, frame)
        chosen[frame] = here[[(int(a), int(b)) in found for a, b in sequence.pairs[here]]]
    free = pairs[~np.isin(frame_of, contested)]
    return np.sort(np.concatenate([free, *chosen.values()]))


def in_frame(pairs: NDArray[np.int64], frames: NDArray[np.int64], frame: int) -> NDArray[np.int64]:
    """The pairs (K,) of one frame; `frames` (K,): of each pair, ascending."""
    begin, end = np.searchsorted(frames, (frame, frame + 1))
    return pairs[begin:end]
