from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import boxes_as_detections

from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

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
