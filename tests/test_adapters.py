"""Both ways between the engine and the packages of scripts."""

from pathlib import Path

import numpy as np
import pytest

import mots
from mots.adapters import (
    UltralyticsDetector,
    enlarged,
    from_supervision,
    from_ultralytics,
    to_supervision,
    to_ultralytics,
)
from mots.labels import FrameLabels
from mots.models.torchvision_operators import import_torchvision
from mots.toy.world import World, WorldSettings
from mots.trackers.masks import Masks

WORLD = World(8, WorldSettings(height=90, width=160, walkers=6, vehicles=2))
FRAME = WORLD.truth(3)
EMPTY = FrameLabels.empty(0, 0.0, (90, 160))


def same_masks(one: Masks, other: np.ndarray) -> bool:
    return bool((one.to_images() == other.astype(bool)).all())


def test_supervision_gets_what_the_frame_holds_and_gives_it_back() -> None:
    sv = pytest.importorskip("supervision")
    found = to_supervision(FRAME, {5: "omnibus"})
    assert isinstance(found, sv.Detections)
    assert found.tracker_id.tolist() == FRAME.ids.tolist()
    assert found.class_id.tolist() == FRAME.classes.tolist()
    assert found.xyxy.tolist() == FRAME.masks.boxes.tolist()
    assert same_masks(FRAME.masks, np.asarray(found.mask))
    assert found.area.tolist() == FRAME.masks.areas().tolist()
    back = from_supervision(found, FRAME.size)
    back.check()
    assert same_masks(back.masks, FRAME.masks.to_images())
    assert back.classes.tolist() == FRAME.classes.tolist()
    assert len(to_supervision(EMPTY)) == len(from_supervision(to_supervision(EMPTY), EMPTY.size)) == 0
    with pytest.raises(ValueError, match=r"detections\.mask is None"):
        from_supervision(sv.Detections(xyxy=np.zeros((1, 4))), (90, 160))
    with pytest.raises(ValueError, match=r"detections.mask has the shape .*: wanted \(\d+, 45, 80\)"):
        from_supervision(found, (45, 80))


def test_ultralytics_gets_what_the_frame_holds_and_gives_it_back() -> None:
    pytest.importorskip("ultralytics")
    image = WORLD.image(3) if hasattr(WORLD, "image") else np.zeros((90, 160, 3), np.uint8)
    results = to_ultralytics(FRAME, image)
    assert results.boxes.id.int().tolist() == FRAME.ids.tolist()
    assert results.boxes.xyxy.tolist() == FRAME.masks.boxes.tolist()
    assert same_masks(FRAME.masks, results.masks.data.numpy())
    assert results.plot().shape == (90, 160, 3)
    back = from_ultralytics(results)
    back.check()
    assert same_masks(back.masks, FRAME.masks.to_images())
    assert back.classes.tolist() == FRAME.classes.tolist()
    empty = to_ultralytics(EMPTY, image)
    assert len(empty) == 0
    assert len(from_ultralytics(empty)) == 0


@pytest.mark.parametrize("size", [(90, 160), (160, 90), (64, 64), (50, 77)])
def test_masks_of_a_letterboxed_input_are_enlarged_to_the_picture(size: tuple[int, int]) -> None:
    cv2 = pytest.importorskip("cv2")
    picture = np.zeros(size, np.float32)
    picture[size[0] // 4 : size[0] // 2, size[1] // 3 : size[1] // 2] = 1
    gain = min(160 / size[0], 160 / size[1])
    tall, wide = round(size[0] * gain), round(size[1] * gain)
    box = np.zeros((160, 160), np.float32)
    top, left = round((160 - tall) / 2 - 0.1), round((160 - wide) / 2 - 0.1)
    box[top : top + tall, left : left + wide] = cv2.resize(picture, (wide, tall))
    back = enlarged(box[None], size)[0] > 0.5
    both = (back & (picture > 0)).sum() / (back | (picture > 0)).sum()
    assert both > 0.9


def test_a_model_that_a_script_has_already_is_a_detector(shared: Path) -> None:
    ultralytics = pytest.importorskip("ultralytics")
    import_torchvision()  # here it may not fit the installed torch
    model = ultralytics.YOLO(str(shared / "weights/yolov8n-seg.onnx"), task="segment")
    detector = UltralyticsDetector(model, conf=0.25, imgsz=640, device="cpu")
    folder = shared / "data/mots20/0005/images"
    frames = list(mots.track(str(folder / "00001?.jpg"), detector=detector, classes="person"))
    assert len(frames) == 10
    assert max(len(frame) for frame in frames) >= 3
    assert frames[-1].size == (480, 640)
    assert {int(each) for frame in frames for each in frame.classes} == {0}


def test_what_supervision_wraps_is_a_detector() -> None:
    sv = pytest.importorskip("supervision")
    from mots.adapters import SupervisionDetector

    masks = np.zeros((2, 40, 60), np.bool_)
    masks[0, 5:20, 5:20] = masks[1, 10:30, 30:50] = True

    def predict(image: np.ndarray) -> object:
        boxes = np.array([[5, 5, 20, 20], [30, 10, 50, 30]], np.float32)
        return sv.Detections(xyxy=boxes, mask=masks, confidence=np.array([0.9, 0.6]), class_id=np.array([1, 0]))

    detector = SupervisionDetector(predict, {0: "car", 1: "tram"})
    assert detector.names == {80: "tram"}
    image = np.zeros((40, 60, 3), np.uint8)
    (found,) = detector.detect([image])
    assert found.classes.tolist() == [80, 2]
    np.testing.assert_array_equal(found.masks.to_images(), masks)
    (cars,) = detector.detect([image], [2])
    assert cars.scores.tolist() == pytest.approx([0.6])
    (plain,) = SupervisionDetector(predict).detect([image])
    assert plain.classes.tolist() == [1, 0]
