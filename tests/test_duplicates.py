import numpy as np
from conftest import boxes_as_detections

from mots.trackers.duplicates import without_duplicates


def test_the_better_of_two_detections_of_one_object_stays() -> None:
    found = boxes_as_detections([(0, 0, 10, 40), (0, 2, 10, 42), (0, 20, 10, 60)], [0.5, 0.9, 0.8])
    one_group = np.zeros(3, np.int64)
    assert without_duplicates(found, one_group, 0.7).tolist() == [False, True, True]
    assert without_duplicates(found, one_group, 0.95).tolist() == [True, True, True]
    assert without_duplicates(found, np.array([0, 1, 0]), 0.7).tolist() == [True, True, True]


def test_a_duplicate_that_was_dropped_drops_no_other() -> None:
    # Each overlaps the next by 0.6; the best one drops the second, which then drops no other.
    found = boxes_as_detections([(0, 0, 10, 40), (0, 10, 10, 50), (0, 20, 10, 60)], [0.9, 0.8, 0.7])
    assert without_duplicates(found, np.zeros(3, np.int64), 0.55).tolist() == [True, False, True]


def test_nothing_and_one_are_single() -> None:
    for boxes in ([], [(0, 0, 5, 5)]):
        found = boxes_as_detections(boxes)
        assert without_duplicates(found, np.zeros(len(boxes), np.int64), 0.5).all()
