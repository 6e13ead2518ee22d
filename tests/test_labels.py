import numpy as np
from conftest import boxes_as_detections

from mots.labels import FrameLabels, label


def test_masks_become_disjoint_by_score_and_the_pixels_are_counted() -> None:
    found = boxes_as_detections([(0, 0, 10, 10), (5, 0, 15, 10), (50, 50, 60, 60)], [0.5, 0.9, 0.8])
    labels, moved = label(found, np.array([7, 8, 0]), np.array([0, 2]), frame=4, time=0.4)
    assert labels.ids.tolist() == [7, 8]
    assert labels.classes.tolist() == [0, 2]
    assert labels.masks.areas().tolist() == [50, 100]
    assert labels.masks.intersections(labels.masks)[0, 1] == 0
    assert moved == 50
    assert (labels.frame, labels.time, len(labels.ignore)) == (4, 0.4, 0)


def test_a_mask_that_lost_all_its_pixels_is_dropped() -> None:
    found = boxes_as_detections([(0, 0, 10, 10), (2, 2, 8, 8)], [0.9, 0.5])
    labels, moved = label(found, np.array([1, 2]), np.array([0, 0]), 0, 0.0)
    assert labels.ids.tolist() == [1]
    assert moved == 36


def test_an_empty_frame_is_ordinary() -> None:
    labels, moved = label(boxes_as_detections([]), np.zeros(0, np.int64), np.zeros(0, np.int64), 0, 0.0)
    assert len(labels) == moved == 0
    assert len(FrameLabels.empty(0, 0.0, (4, 5)).take([])) == 0


def test_a_small_mask_lies_over_a_large_one_of_hardly_a_better_score() -> None:
    boxes = [(0, 0, 40, 40), (10, 10, 20, 20)]
    for scores, wanted in (([0.8, 0.7], [1500, 100]), ([0.9, 0.3], [1600])):
        labels, moved = label(boxes_as_detections(boxes, scores), np.array([1, 2]), np.array([0, 0]), 0, 0.0)
        assert labels.masks.areas().tolist() == wanted
        assert moved == 100
