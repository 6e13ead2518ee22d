"""What is computed on a GPU after the network, with the CPU as the device: the same code, and the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mots.models.outputs import device_masks
from mots.models.outputs.device_masks import DeviceMasks, portions
from mots.models.outputs.mask_upsampling import masks_in_boxes, upsampling
from mots.models.outputs.predictions import candidates, likely
from mots.models.yolov8_seg import DetectorSettings, YOLOv8Seg
from mots.toy.world import World, WorldSettings
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

torch = pytest.importorskip("torch", reason="the models extra is not installed")
SIZES = [((24, 40), (96, 160)), ((20, 40), (75, 150)), ((40, 24), (700, 411)), ((40, 40), (37, 80))]


def scene(rng: np.random.Generator, prototypes: tuple[int, int], size: tuple[int, int]) -> tuple[Any, Any, Any]:
    """Coefficients, prototypes and boxes; some of them are empty or reach over the edge."""
    high, wide = size
    coefficients = rng.normal(size=(9, 8)).astype(np.float32)
    planes = rng.normal(size=(8, *prototypes)).astype(np.float32)
    corners = np.sort(rng.uniform(-0.1, 1.1, (9, 2, 2)), axis=1).reshape(9, 4) * [wide, high, wide, high]
    corners[3] = corners[3, [0, 1, 0, 1]]
    corners[5] = [0, 0, wide, high]
    return coefficients, planes, corners.astype(np.float32)


def same(one: Masks, two: Masks) -> None:
    """Sums in another order may move a pixel whose logit is nearly 0."""
    assert len(one) == len(two)
    different = sum(int((one.image(i) != two.image(i)).sum()) for i in range(len(one)))
    assert different <= 1e-4 * max(int(one.areas().sum()), 1) + 1


@pytest.mark.parametrize(("prototypes", "size"), SIZES)
@pytest.mark.parametrize("at_once", [1, 5_000, 1 << 21])
def test_masks_are_those_of_the_cpu(
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
    prototypes: tuple[int, int],
    size: tuple[int, int],
    at_once: int,
) -> None:
    monkeypatch.setattr(device_masks, "AT_ONCE", at_once)
    coefficients, planes, boxes = scene(rng, prototypes, size)
    wanted = masks_in_boxes(size, coefficients, planes, boxes, upsampling(prototypes, size))
    gpu = DeviceMasks(torch, torch.device("cpu"))
    assert wanted.areas().sum() > 100
    for planes_there in (torch.from_numpy(planes), torch.from_numpy(planes).double()):
        same(gpu.masks_in_boxes(size, coefficients, planes_there, boxes), wanted)
    assert len(gpu.masks_in_boxes(size, coefficients[:0], torch.from_numpy(planes), boxes[:0])) == 0


def test_portions_hold_all_boxes_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_masks, "AT_ONCE", 10)
    assert list(portions(np.array([4, 6, 1, 30, 0, 0, 9], np.int64))) == [(0, 2), (2, 3), (3, 4), (4, 7)]
    assert list(portions(np.zeros(0, np.int64))) == []


class Full:
    """Prototypes in half precision on a device that has no room for them in single precision."""

    def __init__(self, planes: Any) -> None:
        self.planes, self.shape = planes, planes.shape

    def float(self) -> Any:
        raise torch.OutOfMemoryError("out of memory")

    def cpu(self) -> Any:
        return self.planes


def test_without_memory_there_the_cpu_does_it(rng: np.random.Generator) -> None:
    (prototypes, size), gpu = SIZES[0], DeviceMasks(torch, torch.device("cpu"))
    coefficients, planes, boxes = scene(rng, prototypes, size)
    half = torch.from_numpy(planes).half()
    found = gpu.masks_in_boxes(size, coefficients, Full(half), boxes)
    wanted = masks_in_boxes(size, coefficients, half.float().numpy(), boxes, upsampling(prototypes, size))
    assert np.array_equal(found.to_images(), wanted.to_images())


def test_all_numbers_are_on_the_device() -> None:
    # The device "meta" only keeps shapes, and like a GPU refuses numbers that lie elsewhere.
    gpu = DeviceMasks(torch, torch.device("meta"))
    logits = torch.empty(2, 24, 40, device="meta")
    boxes = np.array([[0, 0, 10, 5], [10, 10, 30, 40]], np.int32)
    inside = gpu.inside(logits, boxes, np.array([50, 600]), gpu.copied_taps((24, 40), (96, 160)))
    assert inside.device.type == "meta"
    assert inside.shape == (650,)


def test_likely_columns_give_the_candidates_of_all(rng: np.random.Generator) -> None:
    predictions = rng.uniform(0, 0.2, (3, 4 + 5 + 8, 400)).astype(np.float32)
    predictions[:, :2] *= 3000
    predictions[:, 2:4] = 40
    predictions[1, 4:9] = 0  # an image without objects
    parts = likely(torch.from_numpy(predictions), 5, 8, 0.15)
    assert [part.shape[1] for part in parts][1] == 0
    assert 0 < parts[0].shape[1] < 400
    for part, whole in zip(parts, predictions, strict=True):
        one, two = (
            candidates(each, 5, 8, np.array([0, 2, 3]), conf=0.15, nms_iou=0.5, most=20) for each in (part, whole)
        )
        for name in ("boxes", "scores", "classes", "coefficients"):
            assert np.array_equal(getattr(one, name), getattr(two, name))
    ready = rng.uniform(size=(2, 30, 6 + 8)).astype(np.float32)  # of a network for use without suppression
    assert np.array_equal(np.stack(likely(torch.from_numpy(ready), 5, 8, 0.5)), ready)


def test_a_detector_on_a_gpu_finds_what_it_finds_on_a_cpu() -> None:
    pytest.importorskip("ultralytics", reason="the models extra is not installed")
    pytest.importorskip("cv2", reason="OpenCV is not installed")
    settings = DetectorSettings(weights="demo", device="cpu", backend="torch", imgsz=320)
    plain, detector = YOLOv8Seg(settings), YOLOv8Seg(settings)
    detector.gpu = DeviceMasks(torch, torch.device("cpu"))
    images = [picture for picture, _ in World(3, WorldSettings()).frames(3)]
    assert detector.prepare(images[0]).dtype == np.uint8
    for found, wanted in zip(detector.detect(images), plain.detect(images), strict=True):
        assert len(wanted) > 2
        assert isinstance(found, Detections)
        assert found.boxes == pytest.approx(wanted.boxes, abs=1e-2)
        assert found.scores == pytest.approx(wanted.scores, abs=1e-4)
        assert np.array_equal(found.classes, wanted.classes)
        same(found.masks, wanted.masks)
    assert detector.infer([]) == []
    (one,) = detector.detect(images[:1], classes=plain.detect(images[:1])[0].classes[:1].tolist())
    assert set(one.classes.tolist()) == {int(plain.detect(images[:1])[0].classes[0])}
