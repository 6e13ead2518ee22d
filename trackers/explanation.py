"""Why a detection got its identity: the tracks that it was compared with, and what each pair would have cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .comparison import BOX_IOU, MASK_IOU, Comparison

__all__ = ["Candidate", "StageTrace", "candidates_of"]

MOST = 5  # candidates of one detection


class Candidate(NamedTuple):
    """A track that a detection was compared with: its id (0: it had none yet), the cost of the pair and the stage in
    which it took part, the cost from which on no pair is made there, mask IoU and box IoU (enlarged by the track's
    uncertainty), the dissimilarity of appearance (0 the same object, 1 another one), and whether they were matched."""

    track: int
    cost: float
    stage: str
    limit: float
    mask_iou: float
    box_iou: float
    dissimilarity: float
    chosen: bool


class StageTrace(NamedTuple):
    """One stage of association: its name and limit, the tracks (R,) and detections (C,) that took part, their cost
    (R, C), the pairs (K, 2) that were made, as rows and columns of the cost, and the dissimilarity (P,) of all pairs.
    """

    name: str
    limit: float
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    cost: NDArray[np.float64]
    made: NDArray[np.int64]
    dissimilarity: NDArray[np.float64]


def candidates_of(
    count: int, ids: NDArray[np.int64], pairs: Comparison, traces: Sequence[StageTrace]
) -> list[list[Candidate]]:
    """The candidates of each of `count` detections, the one of least cost first; `ids`: (T,) of the tracks."""
    place = {pair: p for p, pair in enumerate(zip(pairs.rows.tolist(), pairs.columns.tolist(), strict=True))}
    found: list[dict[int, Candidate]] = [{} for _ in range(count)]
    for trace in traces:
        made = {(int(trace.rows[r]), int(trace.columns[c])) for r, c in trace.made.tolist()}
        for r, c in np.argwhere(np.isfinite(trace.cost)).tolist():
            row, column = int(trace.rows[r]), int(trace.columns[c])
            p = place[row, column]
            cues = pairs.cues[p]
            found[column][row] = Candidate(
                int(ids[row]), float(trace.cost[r, c]), trace.name, trace.limit, float(cues[MASK_IOU]),
                float(cues[BOX_IOU]), float(trace.dissimilarity[p]), (row, column) in made,
            )  # fmt: skip
    return [sorted(each.values(), key=lambda candidate: candidate.cost)[:MOST] for each in found]
