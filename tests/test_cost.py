import numpy as np
import pytest
from conftest import boxes_as_detections

from mots.trackers.cost import box_iou, combined_cost, overlap_cost
from mots.trackers.masks import Masks


def test_box_iou_is_mask_iou_of_whole_boxes() -> None:
    a = boxes_as_detections([(0, 0, 10, 10), (5, 5, 25, 30)])
    b = boxes_as_detections([(5, 0, 15, 10), (50, 50, 60, 60), (5, 5, 25, 30)])
    assert box_iou(a.boxes, b.boxes) == pytest.approx(a.masks.iou(b.masks))
    assert box_iou(np.zeros((1, 4)), np.zeros((1, 4))).item() == 0


def test_overlap_is_the_weighted_mean_of_masks_and_boxes() -> None:
    size = (10, 10)
    left = Masks.from_crops(size, [(0, 0)], [np.tri(10)])
    right = Masks.from_crops(size, [(0, 0)], [np.tri(10).T])
    boxes = np.array([[0, 0, 10, 10]])
    by_mask = 10 / 100
    assert overlap_cost(boxes, left, boxes, right, 0.0).item() == 0
    assert overlap_cost(boxes, left, boxes, right, 1.0).item() == pytest.approx(1 - by_mask)
    assert overlap_cost(boxes, left, boxes, right, 0.25).item() == pytest.approx(1 - 0.25 * by_mask - 0.75)


def test_a_track_whose_mask_left_the_frame_counts_by_its_box() -> None:
    gone = Masks.from_crops((10, 10), [(20, 20)], [np.ones((2, 2))])
    there = Masks.from_crops((10, 10), [(0, 0)], [np.ones((5, 5))])
    boxes = np.array([[0, 0, 5, 5]])
    assert overlap_cost(boxes, gone, boxes, there, 0.9).item() == 0


def test_low_scores_and_gates_raise_the_cost() -> None:
    overlap, free = np.array([[0.2, 0.2]]), np.array([[False, False]])
    scores = np.array([1.0, 0.5])
    assert combined_cost(overlap, scores, 0.0, free) == pytest.approx(np.array([[0.2, 0.2]]))
    assert combined_cost(overlap, scores, 1.0, free) == pytest.approx(np.array([[0.2, 0.6]]))
    assert combined_cost(overlap, scores, 0.0, np.array([[True, False]])) == pytest.approx(np.array([[np.inf, 0.2]]))
