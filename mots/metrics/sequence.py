"""One class of one sequence, ready to be scored: who is where, and how much truth and results overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["HALF", "ScoredSequence", "from_frames", "without_ignored"]

EPS = float(np.finfo(np.float64).eps)
HALF = 0.5  # the IoU from which two masks can match, in both kits


@dataclass(frozen=True, eq=False)
class ScoredSequence:
    """Objects of the truth are rows, hypotheses are columns, frame after frame.

    `frames`: how many there are. `truth_frames`, `truth_ids`: (G,) int64 of each object in each frame, in the order of
    frames; `result_frames`, `result_ids`: (H,) of each hypothesis. `pairs`: (E, 2) object and hypothesis of one frame
    whose masks share pixels, by object, then hypothesis; `iou`: (E,) in (0, 1].
    """

    frames: int
    truth_frames: NDArray[np.int64]
    truth_ids: NDArray[np.int64]
    result_frames: NDArray[np.int64]
    result_ids: NDArray[np.int64]
    pairs: NDArray[np.int64]
    iou: NDArray[np.float64]

    @cached_property
    def truth_tracks(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The objects' ids, ascending, and (G,) the place of each object's among them."""
        return np.unique(self.truth_ids, return_inverse=True)

    @cached_property
    def result_tracks(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The hypotheses' ids, ascending, and (H,) the place of each hypothesis' among them."""
        return np.unique(self.result_ids, return_inverse=True)

    def candidates(self, threshold: float = HALF, above: bool = False) -> NDArray[np.int64]:
        """(K,) pairs that can match: IoU at least `threshold` less a rounding error (TrackEval), or `above` it."""
        return np.flatnonzero(self.iou > threshold if above else self.iou >= threshold - EPS)

    def contested(self, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
        """(C,) frames, ascending, in which some object or hypothesis has more than one of these `pairs` (K,).

        Masks that share no pixel can only both reach an IoU of 0.5 with a third when each is exactly its half.
        """
        if len(pairs) == 0:
            return np.zeros(0, np.int64)
        truth, result = self.pairs[pairs].T
        many_truth = np.bincount(truth)[truth] > 1
        many_result = np.bincount(result)[result] > 1
        return np.unique(self.truth_frames[truth[many_truth | many_result]])

    def dense(self, frame: int, values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64], Matrix]:
        """The objects, the hypotheses and the (objects, hypotheses) matrix of one frame; `values` are the pairs'."""
        rows = np.arange(*np.searchsorted(self.truth_frames, (frame, frame + 1)))
        columns = np.arange(*np.searchsorted(self.result_frames, (frame, frame + 1)))
        matrix = np.zeros((len(rows), len(columns)))
        if len(rows):
            here = np.arange(*np.searchsorted(self.pairs[:, 0], (rows[0], rows[-1] + 1)))
            matrix[self.pairs[here, 0] - rows[0], self.pairs[here, 1] - columns[0]] = values[here]
        return rows, columns, matrix


Matrix = NDArray[np.float64]


def from_frames(
    truth_ids: Sequence[NDArray[np.integer]],
    result_ids: Sequence[NDArray[np.integer]],
    iou: Sequence[NDArray[np.floating]],
) -> ScoredSequence:
    """A sequence from arrays by frame: ids of objects and hypotheses, and their (objects, hypotheses) IoU."""

    def joined(parts: Sequence[NDArray[np.integer]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        lengths = [len(part) for part in parts]
        numbers = np.repeat(np.arange(len(parts)), lengths)
        return numbers, np.concatenate([np.zeros(0, np.int64), *parts]).astype(np.int64)

    truth_frames, truth = joined(truth_ids)
    result_frames, result = joined(result_ids)
    rows = np.cumsum([0, *(len(part) for part in truth_ids)])
    columns = np.cumsum([0, *(len(part) for part in result_ids)])
    pairs = [np.argwhere(matrix > 0) + np.array([rows[k], columns[k]]) for k, matrix in enumerate(iou)]
    values = [matrix[matrix > 0] for matrix in iou]
    return ScoredSequence(
        len(truth_ids),
        truth_frames,
        truth,
        result_frames,
        result,
        np.concatenate([np.zeros((0, 2), np.int64), *pairs]),
        np.concatenate([np.zeros(0), *values]),
    )


def without_ignored(sequence: ScoredSequence, coverage: NDArray[np.float64], above: bool = False) -> ScoredSequence:
    """The sequence without the hypotheses that match nothing and lie more than half inside the ignore regions.

    `coverage`: (H,) share of each hypothesis inside the ignore regions of its frame. `above`: see `candidates`.
    """
    inside = coverage > HALF + EPS
    if not inside.any():
        return sequence
    matched = np.zeros(len(sequence.result_ids), np.bool_)
    pairs = sequence.candidates(above=above)
    contested = sequence.contested(pairs)
    truth, result = sequence.pairs[pairs].T
    matched[result[~np.isin(sequence.truth_frames[truth], contested)]] = True
    for frame in contested.tolist():
        _, columns, matrix = sequence.dense(frame, sequence.iou)
        possible = matrix > HALF if above else matrix >= HALF - EPS
        chosen = solve(np.where(possible, matrix, -10_000.0))
        matched[columns[[j for i, j in chosen if possible[i, j]]]] = True
    kept = np.flatnonzero(matched | ~inside)
    place = np.full(len(matched), -1, np.int64)
    place[kept] = np.arange(len(kept))
    stay = place[sequence.pairs[:, 1]] >= 0
    pairs = sequence.pairs[stay]
    return ScoredSequence(
        sequence.frames,
        sequence.truth_frames,
        sequence.truth_ids,
        sequence.result_frames[kept],
        sequence.result_ids[kept],
        np.stack([pairs[:, 0], place[pairs[:, 1]]], axis=1),
        sequence.iou[stay],
    )


def solve(gain: Matrix) -> list[tuple[int, int]]:
    """Pairs of row and column of the greatest sum. scipy is loaded here: most sequences never need it."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(gain, maximize=True)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))
