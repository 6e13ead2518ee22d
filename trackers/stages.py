"""Association in stages: which tracks are compared with which detections, with what weights, in what order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .appearance import AppearanceScale, AppearanceSettings
from .assignment import Solver, assign, margins
from .comparison import DISTANCE, Comparison
from .cost import StageWeights, scattered, weighted_cost
from .explanation import StageTrace
from .lifecycle import LOST, ROUNDING, State
from .tracks import Tracks

__all__ = ["DEFAULT_STAGES", "Matches", "PreparedStage", "Stage", "associate", "prepared"]


@dataclass(frozen=True)
class Stage:
    """One pass of association: which tracks and detections take part, and what a pair may cost."""

    name: str
    states: tuple[State, ...]  # the tracks that take part, by their state before the frame
    min_score: float  # detections of at least this score
    max_score: float  # and below this one take part
    limit: float  # a pair of this cost or more is not made
    mask_weight: float = 0.5  # share of the mask IoU in the overlap; the rest is the boxes'
    appearance_weight: float = 0.0  # share of appearance in the similarity, where there are embeddings
    lost_for: float = np.inf  # of the lost tracks, those that were lost within this many seconds take part
    limit_without_appearance: float = 0.0  # the limit where there are no embeddings; 0 means `limit`
    appearance_limit: float = 1.01  # a pair of at least this dissimilarity (0 same, 1 other object) is not made
    strict: bool = False  # use the strict scale of dissimilarity, for pairs that rest on appearance
    score_weight: float = 0.0  # how much a low score lowers the similarity; 1 multiplies by the score
    hidden_bonus: float = 0.0  # by how much an alike pair of a lost track that another one hides may cost more


HIGH = 0.5  # the score from which on detections count as confident, as in ByteTrack
LOST_BY_APPEARANCE = Stage(
    "lost", (State.LOST,), HIGH, 1.01, limit=0.6, mask_weight=0.2, appearance_weight=0.6,
    limit_without_appearance=0.85, appearance_limit=0.6, strict=True, hidden_bonus=0.2,
)  # fmt: skip
DEFAULT_STAGES = (
    # Low scores take part from the start, at a slightly lower similarity, as in TrackTrack (Shim et al., CVPR 2025).
    # Left to a stage of their own, they go to tracks that the confident ones have passed over.
    Stage(
        "recent", (State.CONFIRMED, State.LOST), 0.25, 1.01, limit=0.7, mask_weight=0.2, appearance_weight=0.5,
        lost_for=1.0, score_weight=0.15, hidden_bonus=0.2,
    ),
    LOST_BY_APPEARANCE,
    Stage("low score", (State.CONFIRMED,), 0.1, HIGH, limit=0.6, appearance_weight=0.2, score_weight=0.5),
    # After the confirmed tracks: in one stage with them, a lost track takes their low scores, and they each other's.
    replace(LOST_BY_APPEARANCE, name="lost, low score", min_score=0.35, max_score=HIGH, score_weight=0.3),
    Stage("tentative", (State.TENTATIVE,), 0.25, 1.01, limit=0.7),
)  # fmt: skip


class Matches(NamedTuple):
    """K pairs: rows of tracks (K,) and of detections (K,), and how clear each is (K,), from 0 to 1; see `margins`."""

    tracks: NDArray[np.int64]
    detections: NDArray[np.int64]
    confidence: NDArray[np.float64]


class PreparedStage(NamedTuple):
    """A stage with what is worked out once for a tracker: its states as numbers, (4,) whether each takes part, and its
    weights without and with embeddings."""

    stage: Stage
    states: list[int]
    takes_part: NDArray[np.bool_]
    weights: tuple[StageWeights, StageWeights]


def prepared(stages: Sequence[Stage]) -> list[PreparedStage]:
    """The stages in their order."""
    return [
        PreparedStage(
            stage,
            [int(state) for state in stage.states],
            np.isin(list(State), stage.states),
            (weights(stage, has_embeddings=False), weights(stage, has_embeddings=True)),
        )
        for stage in stages
    ]


def associate(
    stages: Sequence[PreparedStage],
    tracks: Tracks,
    pairs: Comparison,
    scores: NDArray[np.float32],
    free: NDArray[np.bool_],
    now: float,
    scale: AppearanceScale,
    settings: AppearanceSettings,
    solver: Solver,
    has_embeddings: bool,
    hidden: NDArray[np.bool_],
    traces: list[StageTrace] | None = None,
) -> Matches:
    """The matches of all stages, one stage after another among the tracks and detections that are still free.

    `scores`: (N,). `free`: (N,) the detections that take part at all. `now`: seconds. `hidden`: (T,) the tracks that
    others hide; see `kernels.hidden_behind`. `traces`: takes what each stage compared.
    """
    distance = pairs.cues[:, DISTANCE]
    dissimilarity = {} if has_embeddings else dict.fromkeys((False, True), distance)
    sides = len(tracks), len(scores)
    free_tracks, free = np.ones(len(tracks), np.bool_), free.copy()
    rows_of, columns_of, margins_of = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
    any_hidden = bool(hidden.any())
    counts = np.bincount(tracks.states, minlength=len(State)).tolist()
    for stage, states, takes_part, weights_of in stages:
        if not any(counts[state] for state in states):
            continue
        columns = np.flatnonzero((scores >= stage.min_score) & (scores < stage.max_score) & free)
        if len(columns) == 0:
            continue
        part = takes_part[tracks.states] & free_tracks
        if stage.lost_for < np.inf:
            part &= (tracks.states != LOST) | (now - tracks.last_seen <= stage.lost_for + ROUNDING)
        rows = np.flatnonzero(part)
        if len(rows) == 0:
            continue
        if stage.strict not in dissimilarity:
            dissimilarity[stage.strict] = scale.dissimilarity(distance, settings, stage.strict)
        of_pairs = weighted_cost(pairs, dissimilarity[stage.strict], scores, weights_of[has_embeddings])
        if stage.hidden_bonus and has_embeddings and any_hidden:
            # Only where it looks the same, by the strict scale: who comes out from behind another may be somebody else.
            if True not in dissimilarity:
                dissimilarity[True] = scale.dissimilarity(distance, settings, True)
            alike = np.clip(1.0 - 2.0 * dissimilarity[True], 0.0, 1.0)
            of_pairs -= stage.hidden_bonus * alike * hidden[pairs.rows]
        cost = scattered(pairs, of_pairs, rows, columns, sides)
        limit = stage.limit if has_embeddings or not stage.limit_without_appearance else stage.limit_without_appearance
        made = assign(cost, limit, solver)
        rows_of.append(rows[made[:, 0]])
        columns_of.append(columns[made[:, 1]])
        margins_of.append(margins(cost, made, limit))
        if traces is not None:
            traces.append(StageTrace(stage.name, limit, rows, columns, cost, made, dissimilarity[stage.strict]))
        free_tracks[rows_of[-1]] = False
        free[columns_of[-1]] = False
    return Matches(np.concatenate(rows_of), np.concatenate(columns_of), np.concatenate(margins_of))


def weights(stage: Stage, has_embeddings: bool) -> StageWeights:
    """A stage's weights; without embeddings appearance takes no part."""
    return StageWeights(
        stage.mask_weight,
        stage.appearance_weight if has_embeddings else 0.0,
        stage.appearance_limit if has_embeddings else np.inf,
        stage.score_weight,
    )
