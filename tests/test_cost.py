from typing import Any

import numpy as np
import pytest
from conftest import boxes_as_detections, random_images

from mots.trackers import comparison
from mots.trackers.comparison import Comparison, DetectionCues, Gates, TrackCues, compare, whole_offsets
from mots.trackers.cost import StageWeights, scattered, weighted_cost
from mots.trackers.detections import Detections
from mots.trackers.kernels import hidden_behind
from mots.trackers.masks import Masks
from mots.trackers.tracker import TrackerSettings

SIZE = (40, 60)
CONTAINED, CONTAINED_IOU = TrackerSettings().contained, TrackerSettings().contained_iou


class Dense:
    """What a comparison says, as (T, N) matrices; 0 and False outside the gate."""

    def __init__(self, pairs: Comparison, tracks: int, detections: int) -> None:
        self.in_gate = np.zeros((tracks, detections), np.bool_)
        self.in_gate[pairs.rows, pairs.columns] = True
        self.cues = np.zeros((tracks, detections, comparison.CUES))
        self.cues[pairs.rows, pairs.columns] = pairs.cues

    def __getattr__(self, name: str) -> np.ndarray:
        return np.asarray(self.cues[:, :, getattr(comparison, name.upper())])


def compared(
    masks: Masks, found: Detections, offsets: np.ndarray | None = None, boxes: np.ndarray | None = None, **changes: Any
) -> Dense:
    """Tracks of these masks against detections; every pair is inside the gate unless said otherwise."""
    n, dimension = len(masks), found.embeddings.shape[1]
    cues = {
        "spreads": np.full((n, 2), 1e9),
        "buffers": np.zeros(n),
        "groups": np.zeros(n, np.int64),
        "means": np.zeros((n, dimension), np.float32),
        "views": np.zeros((n, 2, dimension), np.float32),
    }
    groups = changes.pop("detected_groups", np.zeros(len(found), np.int64))
    tracks = TrackCues(
        boxes=masks.boxes.astype(np.float64) if boxes is None else boxes,
        masks=masks.arrays,
        offsets=whole_offsets(np.zeros((n, 2)) if offsets is None else offsets, masks),
        **{**cues, **changes},
    )
    detections = DetectionCues(found.boxes.astype(np.float64), found.masks.arrays, groups, found.embeddings)
    pairs = compare(tracks, detections, Gates(9.0, CONTAINED, CONTAINED_IOU), *masks.size)
    assert (np.lexsort((pairs.columns, pairs.rows)) == np.arange(len(pairs.rows))).all()
    return Dense(pairs, n, len(found))


def test_overlaps_are_those_of_the_moved_masks_and_of_the_boxes(rng: np.random.Generator) -> None:
    for _ in range(20):
        left = Masks.from_images(random_images(rng, 4, SIZE, 0.5))
        right = Masks.from_images(random_images(rng, 5, SIZE, 0.5))
        offsets = rng.integers(-25, 25, (4, 2)) + 0.2
        found = Detections.from_masks(right, np.ones(5), np.zeros(5))
        seen = compared(left, found, offsets)
        moved = left.moved(offsets)
        bare = (moved.boxes[:, 2] == 0)[:, None] | (right.boxes[:, 2] == 0)[None, :]
        assert seen.in_gate.all()
        assert seen.mask_iou == pytest.approx(np.where(bare, seen.box_iou, moved.iou(right)))
        whole = [Masks.from_crops(SIZE, m.boxes[:, :2], [np.ones((y2 - y1, x2 - x1)) for x1, y1, x2, y2 in m.boxes])
                 for m in (left, right)]  # fmt: skip
        assert seen.box_iou == pytest.approx(whole[0].iou(whole[1]))


def test_pairs_outside_the_gate_and_across_groups_are_forbidden() -> None:
    found = boxes_as_detections([(0, 0, 10, 10), (0, 0, 10, 10), (6, 0, 16, 10), (7, 0, 17, 10)])
    seen = compared(
        found.masks.take([0]), found, spreads=np.array([[4.0, 4.0]]), detected_groups=np.array([0, 1, 0, 0])
    )
    assert seen.in_gate.tolist() == [[True, False, True, False]]  # 6 pixels away is three deviations, on the gate
    assert seen.box_iou[0, 1] == seen.mask_iou[0, 1] == seen.box_iou[0, 3] == 0


def test_boxes_that_contain_one_another_pass_the_gate() -> None:
    whole = boxes_as_detections([(0, 0, 20, 80)])
    found = boxes_as_detections([(0, 0, 20, 40), (0, 0, 20, 14), (0, 20, 40, 100), (0, 50, 20, 98)])
    spreads = np.full((1, 2), 1e-6)
    seen = compared(whole.masks, found, spreads=spreads)
    assert seen.in_gate.tolist() == [[True, False, False, False]]  # half; too small; too little inside, twice
    assert seen.box_iou[0].tolist() == [0.5, 0, 0, 0]
    assert compared(found.masks.take([0]), whole, spreads=spreads).in_gate.tolist() == [[True]]


def test_distance_is_the_mean_to_the_average_and_the_nearest_view(rng: np.random.Generator) -> None:
    vectors = rng.normal(0, 1, (7, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = boxes_as_detections([(0, 0, 10, 10), (0, 0, 10, 10)])
    found = Detections(found.boxes, found.masks, found.scores, found.classes, vectors[:2])
    seen = compared(found.masks.take([0]), found, means=vectors[2:3], views=vectors[None, 3:7])
    wanted = 1 - 0.5 * (vectors[:2] @ vectors[2] + (vectors[:2] @ vectors[3:7].T).max(axis=1))
    assert seen.distance[0] == pytest.approx(wanted, abs=1e-6)


def test_no_tracks_and_no_detections_are_ordinary() -> None:
    found = boxes_as_detections([(0, 0, 10, 10)])
    assert compared(found.masks.take([]), found).in_gate.shape == (0, 1)
    assert compared(found.masks, found.take([])).in_gate.shape == (1, 0)


def weighted(box_iou: float, mask_iou: float, dissimilarity: float, score: float, **weights: float) -> float:
    """The cost of one pair."""
    cues = np.zeros((1, comparison.CUES))
    cues[0, comparison.BOX_IOU], cues[0, comparison.MASK_IOU] = box_iou, mask_iou
    pairs = Comparison(np.zeros(1, np.int64), np.zeros(1, np.int64), cues)
    given = {"mask_weight": 0.5, "appearance_weight": 0.0, "appearance_limit": 1.01, "score_weight": 0.0}
    given |= weights
    cost = weighted_cost(pairs, np.array([dissimilarity]), np.array([score], np.float32), StageWeights(**given))
    return float(cost[0])


def cost_of(dissimilarity: float = 0.0, score: float = 1.0, **weights: float) -> float:
    """The cost of one pair with a box IoU of 0.8 and a mask IoU of 0.6."""
    return weighted(0.8, 0.6, dissimilarity, score, **weights)


def test_a_cost_weighs_masks_boxes_appearance_and_scores() -> None:
    assert cost_of() == pytest.approx(1 - 0.7)
    assert cost_of(mask_weight=1.0) == pytest.approx(1 - 0.6)
    assert cost_of(appearance_weight=0.4) == pytest.approx(1 - (0.6 * 0.7 + 0.4))
    assert cost_of(appearance_weight=0.4, dissimilarity=0.5) == pytest.approx(1 - (0.6 * 0.7 + 0.4 * 0.5))
    assert cost_of(dissimilarity=0.5, appearance_limit=0.5) == np.inf
    assert cost_of(score=0.5, score_weight=1.0) == pytest.approx(1 - 0.35)
    assert cost_of(score=0.5, score_weight=0.5) == pytest.approx(1 - 0.7 * 0.75)


def test_only_the_rows_and_columns_asked_for_are_in_the_matrix() -> None:
    pairs = Comparison(np.array([0, 0, 1, 1, 1]), np.array([0, 2, 0, 1, 2]), np.zeros((5, comparison.CUES)))
    cost = scattered(pairs, np.arange(5.0), np.array([1, 0]), np.array([2, 1]), (2, 3))
    assert cost.tolist() == [[4.0, 3.0], [1.0, np.inf]]


def test_boxes_are_enlarged_by_the_uncertainty_of_the_prediction() -> None:
    track = boxes_as_detections([(0, 0, 10, 40)])
    found = boxes_as_detections([(14, 2, 24, 42)])
    spreads = np.array([[25.0, 4.0]])
    seen = compared(track.masks, found, spreads=spreads)
    assert seen.box_iou[0, 0] == 0
    seen = compared(track.masks, found, spreads=spreads, buffers=np.array([0.5]))
    # Boxes of 15 x 42 pixels, 14 and 2 pixels apart.
    assert seen.box_iou[0, 0] == pytest.approx(1 * 40 / (2 * 15 * 42 - 40))
    assert seen.mask_iou[0, 0] == 0
    same = compared(track.masks, track, spreads=spreads, buffers=np.array([0.5]))
    assert same.box_iou[0, 0] == same.mask_iou[0, 0] == 1


def test_who_is_hidden_stands_behind_and_is_lost() -> None:
    boxes = np.array(
        [
            [10, 10, 30, 50],  # lost, behind the second
            [20, 20, 40, 60],  # confirmed
            [60, 20, 80, 60],  # lost, before the fourth
            [65, 10, 85, 50],  # confirmed
            [37, 30, 57, 55],  # lost, covered by the second in a small part
            [20, 15, 40, 55],  # confirmed behind the second: only lost tracks are hidden
        ],
        np.float64,
    )
    lost = np.array([True, False, True, False, True, False])
    found = hidden_behind(boxes, lost, ~lost, 0.15)
    assert found.tolist() == [True, False, False, False, False, False]
    assert hidden_behind(boxes, lost, ~lost, 0.05).tolist() == [True, False, False, False, True, False]
    assert not hidden_behind(boxes, lost, np.zeros(6, np.bool_), 0.15).any()
    assert hidden_behind(boxes[:0], lost[:0], lost[:0], 0.15).shape == (0,)
