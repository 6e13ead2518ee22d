"""The states of a track, and the rules that move it between them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["LifecycleSettings", "State", "first_states", "next_states"]


class State(IntEnum):
    """tentative: new, not reported yet. confirmed: seen in this frame. lost: confirmed earlier, out of sight now.

    removed: forgotten; its id never returns.
    """

    TENTATIVE = 0
    CONFIRMED = 1
    LOST = 2
    REMOVED = 3


ROUNDING = 1e-6  # seconds: 60 frames at 30 a second are 2 s, however their times were computed
TENTATIVE, CONFIRMED, LOST, REMOVED = (int(state) for state in State)  # an enum's members are slow to look up


@dataclass(frozen=True)
class LifecycleSettings:
    """When tracks begin and end. Equality falls on the side of the rule: a score of `new_score` starts a track."""

    new_score: float = 0.4  # a free detection of at least this score starts a track,
    new_coverage: float = 0.3  # unless this share of its mask lies under those of detections that have one: a part
    confirm_hits: int = 2  # a track seen this often without a gap,
    confirm_score: float = 0.4  # with at least this usual score, is confirmed
    sure_score: float = 0.5  # a track that starts with a detection of at least this score is confirmed at once
    score_span: float = 0.3  # seconds of a track over which its usual score is taken
    report_score: float = 0.25  # a detection is reported where its score and its track's usual one have this mean
    memory: float = 2.0  # seconds for which a lost track waits to be seen again
    hidden_memory: float = 4.0  # and for which it waits where others hide it; at least `memory`


def first_states(scores: NDArray[np.floating], settings: LifecycleSettings) -> NDArray[np.int8]:
    """(N,) states of tracks that start with detections of these scores (N,)."""
    sure = (scores >= settings.sure_score) | (settings.confirm_hits <= 1)
    return np.where(sure, CONFIRMED, TENTATIVE).astype(np.int8)


def next_states(
    states: NDArray[np.int8],
    hits: NDArray[np.int64],
    usual_scores: NDArray[np.float64],
    matched: NDArray[np.bool_],
    unseen: NDArray[np.float64],
    hidden: NDArray[np.bool_],
    settings: LifecycleSettings,
) -> NDArray[np.int8]:
    """(T,) states after a frame.

    `hits`: (T,) frames in which each was seen, this one counted. `usual_scores`: (T,) of its detections. `matched`:
    (T,) whether it was seen in this frame. `unseen`: (T,) seconds since it was last seen. `hidden`: (T,) whether others
    are in front of where it should be.

    tentative: confirmed at `confirm_hits` and `confirm_score`, removed when it goes unseen. confirmed and lost:
    confirmed when seen, lost when not, removed when unseen for more than `memory`, or `hidden_memory` where it is
    hidden.
    """
    tentative = states == TENTATIVE
    after = np.where(matched, CONFIRMED, LOST)
    unsure = (hits < settings.confirm_hits) | (usual_scores < settings.confirm_score)
    after = np.where(tentative & matched & unsure, TENTATIVE, after)
    patience = np.where(hidden, max(settings.memory, settings.hidden_memory), settings.memory)
    gone = ~matched & (tentative | (unseen > patience + ROUNDING))
    return np.where(gone, REMOVED, after).astype(np.int8)
