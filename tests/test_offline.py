from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from conftest import boxes_as_detections

from mots.trackers.detections import Detections
from mots.trackers.offline import Refined, RefineSettings, refine

STILL = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
RED, BLUE, GREEN = np.eye(3, dtype=np.float32)
RATE = 20.0

Seen = tuple[int, tuple[int, int, int, int], float, np.ndarray]  # id, box, score, embedding


@dataclass(frozen=True)
class Observed:
    """A frame of a first pass."""

    time: float
    detections: Detections
    ids: np.ndarray
    motion: np.ndarray


def refined(
    observed: list[Observed], settings: RefineSettings | None = None, groups: list[tuple[int, ...]] | None = None
) -> list[Refined]:
    return refine(
        [frame.time for frame in observed],
        [frame.detections for frame in observed],
        [frame.ids for frame in observed],
        [frame.motion for frame in observed],
        settings,
        groups=groups or (),
    )


def sequence(frames: list[list[Seen]], cameras: dict[int, np.ndarray] | None = None) -> list[Observed]:
    """A first pass of these detections."""
    observed = []
    for f, seen in enumerate(frames):
        found = boxes_as_detections([box for _, box, _, _ in seen])
        found = Detections(
            found.boxes,
            found.masks,
            np.array([score for _, _, score, _ in seen], np.float32),
            found.classes,
            np.array([look for _, _, _, look in seen], np.float32).reshape(-1, 3),
        )
        ids = np.array([identity for identity, _, _, _ in seen], np.int64)
        observed.append(Observed(f / RATE, found, ids, (cameras or {}).get(f, STILL)))
    return observed


def box(x: int, y: int = 5) -> tuple[int, int, int, int]:
    return (x, y, x + 8, y + 20)


def other(f: int) -> Seen:
    """Another object, visible all the time."""
    return (9, box(60), 0.9, GREEN)


def ids_of(frames: list[Refined]) -> list[list[int]]:
    return [each.ids.tolist() for each in frames]


def run(frames: list[list[Seen]], cameras: dict[int, np.ndarray] | None = None, **changes: Any) -> list[Refined]:
    return refined(sequence(frames, cameras), replace(RefineSettings(), **changes))


def test_no_frames_and_empty_frames_are_ordinary() -> None:
    assert refined([]) == []
    (frame,) = run([[]])
    assert frame.ids.tolist() == []
    assert len(frame.filled) == 0


def test_a_confirmed_track_gets_its_tentative_frames_and_low_scores_before() -> None:
    frames = [[(0 if f < 3 else 1, box(10 + f), 0.25 if f < 2 else 0.6, RED)] for f in range(10)]
    assert ids_of(run(frames)) == [[1]] * 10
    assert ids_of(run(frames, report_score=0.5))[:3] == [[0], [0], [1]]
    assert ids_of(run(frames, min_score=0.3))[:3] == [[0], [0], [1]]
    assert ids_of(run(frames, extend=0.0))[:3] == [[0], [0], [0]]


def test_a_track_goes_back_step_by_step_and_no_further_than_it_may() -> None:
    frames = [[(0 if f < 40 else 1, box(10), 0.5, RED)] for f in range(50)]
    taken = np.flatnonzero(np.concatenate(ids_of(run(frames))))
    assert taken[0] == 40 - 20  # a second


def test_gaps_take_up_what_lies_where_the_track_must_have_been() -> None:
    frames = [[(1, box(10 + 2 * f), 0.9, RED)] for f in range(20)]
    for f in (8, 9, 10, 11):
        frames[f] = [(0, box(10 + 2 * f), 0.15, RED), (0, box(60), 0.15, RED)]
    assert ids_of(run(frames))[8:12] == [[1, 0]] * 4
    assert ids_of(run(frames, max_gap=0.1, extend=0.0))[8:12] == [[0, 0]] * 4


def test_a_camera_that_moves_is_taken_out() -> None:
    # The camera jumps back and forth while the object goes unseen: straight lines in the picture miss it.
    places = [5 * f + (20 if 3 <= f < 9 and f % 2 else 0) for f in range(12)]
    frames = [[(0 if 3 <= f < 9 else 1, box(x), 0.5, RED)] for f, x in enumerate(places)]
    cameras = {f: np.array([[1.0, 0.0, places[f] - places[f - 1]], [0.0, 1.0, 0.0]]) for f in range(1, 12)}
    assert ids_of(run(frames, cameras)) == [[1]] * 12
    assert ids_of(run(frames)) != [[1]] * 12


def test_other_classes_are_not_taken_up_unless_they_may_be_confused() -> None:
    observed = sequence([[(0 if f < 3 else 1, box(10), 0.6, RED)] for f in range(8)])
    for f in range(3):
        observed[f] = replace(observed[f], detections=replace(observed[f].detections, classes=np.array([2])))
    assert ids_of(refined(observed))[:3] == [[0]] * 3
    assert ids_of(refined(observed, groups=[(0, 2)]))[:3] == [[1]] * 3


def test_the_class_is_what_most_of_the_score_says() -> None:
    observed = sequence([[(1, box(10), 0.6, RED)] for f in range(8)])
    observed[0] = replace(observed[0], detections=replace(observed[0].detections, classes=np.array([2])))
    assert refined(observed)[0].classes == {1: 0}


def test_one_object_with_two_ids_gets_the_older_one() -> None:
    frames = [[other(f)] for f in range(60)]
    for f in [*range(25), *range(35, 60)]:
        frames[f].append((1 if f < 30 else 2, box(10 + f // 4), 0.9, RED))
    after = ids_of(run(frames))
    assert after[24] == [9, 1]
    assert after[35] == [9, 1]
    assert ids_of(run(frames, join_gap=0.3))[35] == [9, 2]


@pytest.mark.parametrize("change", ["appearance", "place"])
def test_two_objects_are_not_joined(change: str) -> None:
    frames = [[other(f)] for f in range(60)]
    for f in [*range(25), *range(35, 60)]:
        late = f > 30
        frames[f].append(
            (
                2 if late else 1,
                box(60 if late and change == "place" else 10),
                0.9,
                BLUE if late and change == "appearance" else RED,
            )
        )
    assert ids_of(run(frames))[35] == [9, 2]


def test_a_track_that_is_another_object_after_a_gap_becomes_two() -> None:
    frames = [[other(f)] for f in range(60)]
    for f in [*range(25), *range(35, 60)]:
        frames[f].append((1, box(10), 0.9, RED if f < 30 else BLUE))
    after = ids_of(run(frames))
    assert after[24] == [9, 1]
    assert after[35] == [9, 10]
    assert after[59] == [9, 10]
    assert ids_of(run(frames, split_dissimilarity=9.0))[35] == [9, 1]


def test_short_tracks_are_dropped() -> None:
    frames = [[other(f)] for f in range(20)]
    for f in range(3, 7):
        frames[f].append((1, box(10), 0.9, RED))
    for f in range(10, 15):
        frames[f].append((2, box(30), 0.9, RED))
    after = ids_of(run(frames))
    assert after[5] == [9, 0]
    assert after[11] == [9, 2]


def test_tracks_with_a_low_mean_score_are_dropped() -> None:
    frames = [[other(f), (1, box(10), 0.37, RED)] for f in range(20)]
    assert ids_of(run(frames))[5] == [9, 0]
    frames = [[other(f), (1, box(10), 0.39, RED)] for f in range(20)]
    assert ids_of(run(frames))[5] == [9, 1]


def test_where_all_objects_are_similar_none_are_joined_by_appearance() -> None:
    frames = [[(9, (70, 10, 78, 30), 0.9, RED), (8, (90, 10, 98, 30), 0.9, RED)] for f in range(60)]
    for f in [*range(25), *range(35, 60)]:
        frames[f].append((1 if f < 30 else 2, box(10 + f // 4), 0.9, RED))
    assert ids_of(run(frames))[35] == [9, 8, 2]


def test_short_gaps_are_filled_where_nothing_hides_the_object() -> None:
    frames = [[(1, box(10 + 2 * f), 0.9, RED)] for f in range(10)]
    frames[5] = []
    after = run(frames)
    assert after[5].filled_ids.tolist() == [1]
    assert after[5].filled.boxes.tolist() == [[20, 5, 28, 25]]
    assert [len(each.filled) for each in after] == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert not any(len(each.filled) for each in run(frames, fill=0.05))
    for f in range(10):
        frames[f].append((2, (18, 0, 40, 30), 0.9, BLUE))
    assert not any(len(each.filled) for each in run(frames))


def test_arguments_are_not_changed() -> None:
    observed = sequence([[(0 if f < 3 else 1, box(10 + f), 0.6, RED)] for f in range(10)])
    before = [each.ids.copy() for each in observed]
    refined(observed)
    assert all((each.ids == ids).all() for each, ids in zip(observed, before, strict=True))
