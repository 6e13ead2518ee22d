from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import boxes_as_detections

from mots.trackers.detections import Detections
from mots.trackers.masks import Masks
from mots.trackers.tracker import Tracker

GOOD = boxes_as_detections([(0, 0, 10, 10), (20, 20, 40, 60)])


def test_valid_and_empty_detections_pass() -> None:
    GOOD.check()
    Detections.empty((10, 20), 128).check()
    assert Detections.empty((10, 20), 128).take([]).embeddings.shape == (0, 128)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"boxes": np.array([[0, 0, 1, 1], [0, np.nan, 1, 1]], np.float32)}, r"boxes\[1\].*finite"),
        ({"boxes": np.array([[0, 0, np.inf, 1], [0, 0, 1, 1]], np.float32)}, r"boxes\[0\].*finite"),
        ({"boxes": np.array([[0, 0, 1, 1], [5, 0, 1, 1]], np.float32)}, r"boxes\[1\].*x1 <= x2"),
        ({"scores": np.array([0.5, 1.5], np.float32)}, r"scores\[1\] is 1.5"),
        ({"scores": np.array([np.nan, 0.5], np.float32)}, r"scores\[0\] is nan"),
        ({"scores": np.array([0.5], np.float32)}, "2 boxes but 1 scores"),
        ({"classes": np.array([0, -1])}, r"classes\[1\]"),
        ({"embeddings": np.array([[1.0], [np.inf]], np.float32)}, r"embeddings\[1\]"),
        ({"masks": GOOD.masks.take([0])}, "2 boxes but 1 masks"),
        ({"masks": replace(GOOD.masks, size=(30, 30))}, r"masks\[1\].*30 x 30"),
        ({"masks": replace(GOOD.masks, starts=np.array([0, 10_000]))}, r"masks\[1\]"),
    ],
)
def test_bad_fields_are_named_with_their_row(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(GOOD, **changes).check()


def test_taking_rows_takes_all_fields() -> None:
    taken = GOOD.take(np.array([False, True]))
    assert taken.boxes.tolist() == [[20, 20, 40, 60]]
    assert taken.masks.boxes.tolist() == [[20, 20, 40, 60]]
    assert len(Detections.from_masks(Masks.empty((5, 5)), np.zeros(0), np.zeros(0))) == 0


# What arrays mean

IMAGES = np.zeros((2, 12, 16), np.bool_)
IMAGES[0, 1:5, 2:6] = IMAGES[1, 6:9, 8:14] = True
MASKS = Masks.from_images(IMAGES)


class Tensor:
    """What tensors of other packages have."""

    def __init__(self, values: object) -> None:
        self.values = values

    def detach(self) -> "Tensor":
        return self

    def cpu(self) -> "Tensor":
        return self

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return np.asarray(self.values)


@pytest.mark.parametrize(
    "given",
    [
        {"masks": IMAGES, "scores": [0.9, 0.8], "classes": [0, 2]},
        {"masks": IMAGES.astype(np.float32), "scores": np.array([[0.9], [0.8]]), "classes": np.array([[0], [2]])},
        {"masks": IMAGES.astype(np.uint8) * 255, "scores": Tensor([0.9, 0.8]), "classes": Tensor([0.0, 2.0])},
        {"masks": Tensor(IMAGES), "scores": (0.9, 0.8), "classes": (0, 2), "boxes": [[2, 1, 6, 5], [8, 6, 14, 9]]},
    ],
)
def test_what_has_one_meaning_is_taken(given: dict[str, Any]) -> None:
    found = Detections.from_masks(**given)
    found.check()
    assert found.masks.boxes.tolist() == MASKS.boxes.tolist()
    assert found.scores.tolist() == pytest.approx([0.9, 0.8])
    assert found.classes.tolist() == [0, 2]
    assert found.boxes.tolist() == [[2, 1, 6, 5], [8, 6, 14, 9]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"masks": IMAGES[0]}, r"masks has the shape \(12, 16\): wanted \(N, H, W\)"),
        ({"masks": np.where(IMAGES, 0.98, 0.02)}, "masks holds values from 0.02 to 0.98: wanted 0 and 1"),
        ({"masks": np.where(IMAGES, 3.0, -3.0)}, "masks holds values from -3.0 to 3.0"),
        ({"masks": np.where(IMAGES, 1.0, np.nan)}, "masks holds values from nan"),
        ({"masks": IMAGES.astype(int) * 7}, "from 0 to 7"),
        ({"masks": "people"}, "masks has the shape"),
        ({"scores": [0.9]}, r"scores has the shape \(1,\): wanted \(2,\)"),
        ({"scores": [[0.9, 0.8]]}, r"scores has the shape \(1, 2\)"),
        ({"scores": ["0.9", "high"]}, "scores holds <U4: wanted numbers"),
        ({"scores": [[0.9], [0.8, 0.7]]}, "scores is no array of numbers"),
        ({"classes": ["person", "car"]}, "classes holds <U6: wanted numbers"),
        ({"classes": [0.5, 1.0]}, "classes holds numbers that are not whole"),
        (
            {"boxes": [[0.1, 0.1, 0.4, 0.4], [0.5, 0.5, 0.9, 0.7]]},
            "as shares of the frame: wanted x1 y1 x2 y2 in pixels",
        ),
        ({"boxes": [[2, 1, 6], [8, 6, 14]]}, r"boxes has the shape \(2, 3\): wanted \(2, 4\)"),
        ({"embeddings": np.ones(2)}, r"embeddings has the shape \(2,\): wanted \(2, D\)"),
    ],
)
def test_what_has_none_is_refused_with_its_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Detections.from_masks(**{"masks": MASKS, "scores": [0.9, 0.8], "classes": [0, 2], **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"masks": IMAGES}, "detections.masks is a ndarray: wanted Masks"),
        ({"scores": [0.9, 0.8]}, r"detections.scores is a list: wanted an array \(N,\)"),
        ({"scores": np.ones((2, 1), np.float32)}, r"detections.scores has the shape \(2, 1\): wanted \(N,\)"),
        ({"classes": np.array(["a", "b"])}, "detections.classes holds <U1"),
        ({"classes": np.array([0.0, 1.0])}, "detections.classes holds float64"),
        ({"boxes": np.ones((2, 5), np.float32)}, r"detections.boxes has the shape \(2, 5\): wanted \(N, 4\)"),
        ({"embeddings": np.ones(2, np.float32)}, r"detections.embeddings has the shape \(2,\): wanted \(N, D\)"),
    ],
)
def test_a_tracker_names_a_field_of_another_kind_and_stays_as_it_was(change: dict[str, Any], message: str) -> None:
    good = Detections.from_masks(MASKS, [0.9, 0.8], [0, 2])
    tracker, twin = Tracker(), Tracker()
    for each in (tracker, twin):
        each.update(good)
    with pytest.raises(ValueError, match=message):
        tracker.update(replace(good, **change))
    assert tracker.update(good).tolist() == twin.update(good).tolist()
