import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import boxes_as_detections

import mots
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
        ({"classes": np.array([2**62, 0])}, r"classes\[0\].*an id from 0 to 2147483647"),
        ({"boxes": np.array([[0, 0, 1, 1], [1e30, 0, 1e30, 1]], np.float32)}, r"boxes\[1\].*touch the 100 x 200 frame"),
        ({"boxes": np.array([[0, 0, 1e30, 1], [0, 0, 1, 1]], np.float32)}, r"boxes\[0\].*touch the 100 x 200 frame"),
        ({"boxes": np.array([[0, 0, 1, 1], [201, 0, 202, 1]], np.float32)}, r"boxes\[1\].*touch the 100 x 200 frame"),
        ({"boxes": np.array([[-5, 0, -1, 1], [0, 0, 1, 1]], np.float32)}, r"boxes\[0\].*touch the 100 x 200 frame"),
        ({"boxes": np.array([[0, -101, 1, 1], [0, 0, 1, 1]], np.float32)}, r"boxes\[0\].*touch the 100 x 200 frame"),
        ({"boxes": np.array([[0, 0, 1, 201], [0, 0, 1, 1]], np.float32)}, r"boxes\[0\].*touch the 100 x 200 frame"),
        ({"embeddings": np.array([[1.0], [np.inf]], np.float32)}, r"embeddings\[1\]"),
        ({"masks": GOOD.masks.take([0])}, "2 boxes but 1 masks"),
        ({"masks": replace(GOOD.masks, size=(30, 30))}, r"masks\[1\].*30 x 30"),
        ({"masks": replace(GOOD.masks, starts=np.array([0, 10_000]))}, r"masks\[1\]"),
    ],
)
def test_bad_fields_are_named_with_their_row(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(GOOD, **changes).check()


def test_boxes_may_reach_beyond_the_frame() -> None:
    replace(GOOD, boxes=np.array([[-200, -100, 400, 200], [200, 100, 200, 100]], np.float32)).check()
    replace(GOOD, boxes=np.array([[0, 0, 0, 0], [-3, 2, 0, 4]], np.float32)).check()


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


@pytest.mark.parametrize("given", [None, [1, 2], [GOOD], "x", np.zeros((2, 4))])
def test_a_tracker_takes_detections_only(given: Any) -> None:
    tracker = Tracker()
    with pytest.raises(ValueError, match=r"detections is a .*: wanted Detections"):
        tracker.update(given)
    assert tracker.update(GOOD).shape == (2,)


@pytest.mark.parametrize("rate", ["30", None, True, 0, -1, math.inf, math.nan, [30]])
def test_a_tracker_s_rate_is_a_number(rate: Any) -> None:
    with pytest.raises(ValueError, match=r"frame_rate is .*: wanted frames a second, above 0"):
        Tracker(frame_rate=rate)
    assert Tracker(frame_rate=np.float64(25)).frame_rate == 25.0


@pytest.mark.parametrize("time", ["1", [1.0], True])
def test_a_tracker_s_time_is_a_number(time: Any) -> None:
    with pytest.raises(ValueError, match=r"time is .*: wanted seconds"):
        Tracker().update(GOOD, time)


@pytest.mark.parametrize("camera", [None, "x", [[1, 0], [0, 1]], np.eye(3), [["a"] * 3] * 2])
def test_a_tracker_s_camera_is_a_map(camera: Any) -> None:
    with pytest.raises(ValueError, match=r"camera has the shape .*: wanted a finite \(2, 3\) affine map"):
        Tracker().update(GOOD, 0.0, camera)
    tracker = Tracker()
    tracker.update(GOOD, 0.0)
    tracker.update(GOOD, 0.1, [[1, 0, 2], [0, 1, 0]])  # type: ignore[arg-type]  # a list does as well


def test_a_tracker_s_settings_are_its_own_kind() -> None:
    with pytest.raises(ValueError, match="settings is a dict: wanted TrackerSettings"):
        Tracker({"gate": 3})  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", [None, [], [None], [GOOD, GOOD], GOOD, "x"])
def test_a_detector_that_answers_something_else_is_named(answer: Any) -> None:
    class Detects:
        def detect(self, images: Any, classes: Any = ()) -> Any:
            return answer

    images = [np.zeros((100, 200, 3), np.uint8)] * 2
    with pytest.raises(mots.InputError, match=r"frame 0: the detector gives a .*: wanted a list of one Detections"):
        list(mots.track(images, detector=Detects()))  # type: ignore[arg-type]
    with pytest.raises(mots.InputError, match=r"frame 0: the detector gives a"):
        mots.Stream(detector=Detects()).update(images[0])  # type: ignore[arg-type]


def test_classes_are_names_or_numbers_or_one_of_them() -> None:
    images = [np.zeros((100, 200, 3), np.uint8)]

    class Detects:
        def detect(self, images: Any, classes: Any = ()) -> Any:
            seen.append(tuple(classes))
            return [GOOD]

    seen: list[tuple[int, ...]] = []
    given: list[Any] = [0, np.int64(2), [0, 2], (0,), "person,car", ["car"], np.array([0, 2])]
    for each in given:
        list(mots.track(images, classes=each, detector=Detects()))  # type: ignore[arg-type]
    assert seen == [(0,), (2,), (0, 2), (0,), (0, 2), (2,), (0, 2)]
    with pytest.raises(mots.InputError, match=r"classes is 1\.5: wanted names or numbers"):
        mots.track(images, classes=1.5, detector=Detects())  # type: ignore[arg-type]
