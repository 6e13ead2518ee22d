"""The states of a track, and the rules that move it from one to another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled

__all__ = ["LifecycleSettings", "State", "first_states", "next_states"]


class State(IntEnum):
    """tentative: new, not reported yet. confirmed: matched in this frame. lost: confirmed earlier, not matched now.

    removed: no longer tracked; its identity can only return by re-identification.
    """

    TENTATIVE = 0
    CONFIRMED = 1
    LOST = 2
    REMOVED = 3


ROUNDING = 1e-6  # seconds; keeps 60 frames at 30 a second equal to 2 s, however the times were added up
TENTATIVE, CONFIRMED, LOST, REMOVED = (int(state) for state in State)  # an enum's members are slow to look up


class Rules(NamedTuple):
    """The fields of `LifecycleSettings` that `next_states` needs, for compiled functions; `occluded_memory` is at least
    `memory`."""

    confirm_hits: int
    confirm_score: float
    memory: float
    occluded_memory: float


@dataclass(frozen=True)
class LifecycleSettings:
    """When tracks start, are reported and end. A value equal to a threshold passes it."""

    new_score: float = 0.4  # an unmatched detection of at least this score starts a track,
    new_coverage: float = 0.3  # unless this share of its mask lies inside matched detections: it is a fragment
    confirm_hits: int = 2  # a tentative track with this many hits in a row
    confirm_score: float = 0.4  # and at least this mean score is confirmed
    sure_score: float = 0.55  # a track that starts with a detection of at least this score is confirmed at once
    score_span: float = 0.3  # seconds of a track over which its mean score is taken
    report_score: float = 0.3  # a detection is reported if the mean of its score and its track's is at least this
    memory: float = 8.0  # seconds after which an unmatched lost track is removed
    occluded_memory: float = 8.0  # the same for a track that other objects occlude; at least `memory` is used
    occluded_coverage: float = 0.5  # a lost track is occluded if this share of its mask lies inside matched detections

    @property
    def rules(self) -> Rules:
        """What `next_states` takes."""
        return Rules(self.confirm_hits, self.confirm_score, self.memory, max(self.memory, self.occluded_memory))


def first_states(scores: NDArray[np.floating], settings: LifecycleSettings) -> NDArray[np.int8]:
    """(N,) states of tracks that start with detections of these scores (N,)."""
    sure = (scores >= settings.sure_score) | (settings.confirm_hits <= 1)
    return np.where(sure, CONFIRMED, TENTATIVE).astype(np.int8)


@compiled
def next_states(
    states: NDArray[np.int8],
    hits: NDArray[np.int64],
    mean_scores: NDArray[np.float64],
    matched: NDArray[np.bool_],
    unmatched_for: NDArray[np.float64],
    occluded: NDArray[np.bool_],
    rules: Rules,
) -> NDArray[np.int8]:
    """(T,) states after a frame.

    `hits`: (T,) frames in which each track was matched, this one included. `mean_scores`: (T,) of its detections.
    `matched`: (T,) whether it was matched in this frame. `unmatched_for`: (T,) seconds since its last match.
    `occluded`: (T,) whether other objects cover its predicted place.

    tentative: confirmed at `confirm_hits` and `confirm_score`, removed at the first miss. confirmed and lost:
    confirmed when matched, lost when not, removed when unmatched for more than `memory`, or `occluded_memory` where it
    is occluded. removed: stays so.
    """
    after = np.empty_like(states)
    for t in range(len(states)):
        tentative = states[t] == TENTATIVE
        if matched[t]:
            unsure = hits[t] < rules.confirm_hits or mean_scores[t] < rules.confirm_score
            after[t] = TENTATIVE if tentative and unsure else CONFIRMED
        else:
            memory = rules.occluded_memory if occluded[t] else rules.memory
            forgotten = tentative or states[t] == REMOVED or unmatched_for[t] > memory + ROUNDING
            after[t] = REMOVED if forgotten else LOST
    return after
