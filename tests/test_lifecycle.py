import numpy as np
import pytest

from mots.trackers.lifecycle import LifecycleSettings, State, first_states, next_states


def test_new_tracks_are_tentative_unless_confident() -> None:
    scores = np.array([0.69, 0.7, 0.9])
    waiting = LifecycleSettings(confirm_hits=2, sure_score=0.7)
    assert first_states(scores, waiting).tolist() == [State.TENTATIVE, State.CONFIRMED, State.CONFIRMED]
    assert set(first_states(scores, LifecycleSettings(confirm_hits=1)).tolist()) == {State.CONFIRMED}


SETTINGS = LifecycleSettings(confirm_hits=3, confirm_score=0.4, memory=1.0, occluded_memory=2.0)


@pytest.mark.parametrize(
    ("before", "hits", "matched", "unseen", "hidden", "after"),
    [
        (State.TENTATIVE, 2, True, 0.0, False, State.TENTATIVE),
        (State.TENTATIVE, 3, True, 0.0, False, State.CONFIRMED),
        (State.TENTATIVE, 2, False, 0.1, False, State.REMOVED),
        (State.CONFIRMED, 9, True, 0.0, False, State.CONFIRMED),
        (State.CONFIRMED, 9, False, 0.1, False, State.LOST),
        (State.LOST, 9, True, 0.0, False, State.CONFIRMED),
        (State.LOST, 9, False, 1.0, False, State.LOST),  # exactly as long as it is remembered
        (State.LOST, 9, False, 1.1, False, State.REMOVED),
        (State.LOST, 9, False, 1.1, True, State.LOST),  # occluded, not gone
        (State.LOST, 9, False, 2.0, True, State.LOST),
        (State.LOST, 9, False, 2.1, True, State.REMOVED),
        (State.TENTATIVE, 2, False, 0.1, True, State.REMOVED),
    ],
)
def test_rules(before: State, hits: int, matched: bool, unseen: float, hidden: bool, after: State) -> None:
    states = next_states(
        np.array([before], np.int8),
        np.array([hits]),
        np.array([0.5]),
        np.array([matched]),
        np.array([unseen]),
        np.array([hidden]),
        SETTINGS.rules,
    )
    assert states.tolist() == [after]


@pytest.mark.parametrize(("score", "after"), [(0.4, State.CONFIRMED), (0.39, State.TENTATIVE)])
def test_a_track_with_a_low_mean_score_stays_tentative(score: float, after: State) -> None:
    seen = (np.array([State.TENTATIVE], np.int8), np.array([5]), np.array([score]), np.array([True]))
    assert next_states(*seen, np.zeros(1), np.array([False]), SETTINGS.rules).tolist() == [after]
    known = (np.array([State.LOST], np.int8), *seen[1:])
    assert next_states(*known, np.zeros(1), np.array([False]), SETTINGS.rules).tolist() == [State.CONFIRMED]
