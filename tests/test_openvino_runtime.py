"""The OpenVINO runtime: the detector and ReID networks as `.xml`."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mots.detection import saved_detections as saved
from mots.errors import FormatError, InputError, MotsError
from mots.models.reid import ReID, ReIDSettings
from mots.models.runtimes.openvino_runtime import OpenVinoRuntime
from mots.models.yolov8_seg import DetectorSettings, YOLOv8Seg

openvino = pytest.importorskip("openvino", reason="the fast extra is not installed")
RETAIL = "weights/person-reidentification-retail-0288/person-reidentification-retail-0288.xml"


def saved_network(path: Path, shape: list[int], labels: str = "") -> Path:
    """A network that doubles its input and also gives the mean of each channel."""
    from openvino import opset13 as ops

    data = ops.parameter(shape, np.float32, name="data")
    mean = ops.reduce_mean(data, np.array([2, 3]), keep_dims=False)
    model = openvino.Model([ops.multiply(data, np.float32(2)), mean], [data])
    if labels:
        model.set_rt_info(labels, ["model_info", "labels"])
    openvino.save_model(model, str(path), compress_to_fp16=False)
    return path


@pytest.mark.parametrize("batch", [1, -1])
def test_a_batch_is_as_its_images(tmp_path: Path, batch: int, rng: np.random.Generator) -> None:
    runtime = OpenVinoRuntime(saved_network(tmp_path / "n.xml", [batch, 3, 4, 6], "person traffic_light"))
    assert runtime.fixed_size == (4, 6)
    assert runtime.labels == ["person", "traffic light"]
    images = rng.random((5, 3, 4, 6)).astype(np.float32)
    doubled, means = runtime(images)
    assert doubled == pytest.approx(2 * images)
    assert means == pytest.approx(images.mean(axis=(2, 3)), abs=1e-6)
    for k in range(5):
        assert runtime(images[k : k + 1])[0] == pytest.approx(2 * images[k : k + 1])


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "noise.xml").write_text("<net>")
    with pytest.raises(FormatError, match=r"noise.bin is missing"):
        OpenVinoRuntime(tmp_path / "noise.xml")
    (tmp_path / "noise.bin").write_bytes(b"")
    with pytest.raises(FormatError, match=r"noise.xml: not an OpenVINO model"):
        OpenVinoRuntime(tmp_path / "noise.xml")
    path = saved_network(tmp_path / "n.xml", [1, 3, 4, 6])
    with pytest.raises(InputError, match="device 'cuda'"):
        OpenVinoRuntime(path, "cuda")
    with pytest.raises(FormatError, match="not a ReID network"):
        ReID(ReIDSettings(str(path)))
    with pytest.raises(FormatError, match="not a segmentation model"):
        YOLOv8Seg(DetectorSettings(str(path)))


def test_people_look_like_themselves_in_the_next_frame(shared: Path) -> None:
    network = ReID(ReIDSettings(str(shared / RETAIL)))
    seen = {}
    for each in saved.read(shared / "acceptance/detections/0005.txt"):
        if each.frame in (100, 104):
            image = np.asarray(Image.open(shared / f"data/mots20/0005/images/{each.frame:06d}.jpg").convert("RGB"))
            found = each.detections.take(np.flatnonzero(each.detections.scores > 0.8))
            seen[each.frame] = found.masks, network.embed(image, found)
    (masks, a), (later_masks, b) = seen[100], seen[104]
    assert a.shape == (len(masks), 256)
    assert np.linalg.norm(a, axis=1) == pytest.approx(np.ones(len(a)), abs=1e-5)
    iou = masks.iou(later_masks)
    rows = np.flatnonzero(iou.max(axis=1) > 0.5)
    assert len(rows) >= 3
    assert ((a @ b.T).argmax(axis=1)[rows] == iou.argmax(axis=1)[rows]).mean() > 0.7


def test_the_detector_finds_what_onnxruntime_finds(shared: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the onnx extra is not installed")
    model: Any = openvino.Core().read_model(str(shared / "weights/yolov8n-seg.onnx"))
    onnx = YOLOv8Seg(DetectorSettings(str(shared / "weights/yolov8n-seg.onnx"), device="cpu"))
    names = [onnx.names[onnx.classes[k]].replace(" ", "_") for k in range(len(onnx.classes))]
    model.set_rt_info(" ".join(names), ["model_info", "labels"])
    openvino.save_model(model, str(tmp_path / "yolo.xml"), compress_to_fp16=False)
    detector = YOLOv8Seg(DetectorSettings(str(tmp_path / "yolo.xml")))
    assert detector.names == onnx.names
    image = np.asarray(Image.open(shared / "data/mots20/0005/images/000100.jpg").convert("RGB"))
    (ours,), (theirs,) = detector.detect([image]), onnx.detect([image])
    assert len(ours) == len(theirs) > 5
    assert ours.boxes == pytest.approx(theirs.boxes, abs=1.0)
    assert ours.scores == pytest.approx(theirs.scores, abs=0.02)
    assert np.diag(ours.masks.iou(theirs.masks)).min() > 0.98


def test_weights_without_class_names_are_refused(shared: Path, tmp_path: Path) -> None:
    model: Any = openvino.Core().read_model(str(shared / "weights/yolov8n-seg.onnx"))
    openvino.save_model(model, str(tmp_path / "yolo.xml"))
    with pytest.raises(MotsError, match="without class names"):
        YOLOv8Seg(DetectorSettings(str(tmp_path / "yolo.xml")))
