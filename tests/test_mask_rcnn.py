"""torchvision's Mask R-CNN as a detector: with random weights of its own definition, compared with torchvision."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mots.errors import FormatError
from mots.models.mask_rcnn import MaskRCNN, pasted
from mots.models.torchvision_operators import import_torchvision, roi_align
from mots.models.yolov8_seg import DetectorSettings
from mots.pipeline.pipeline import Pipeline
from mots.settings import load
from mots.trackers.masks import Masks

torch = pytest.importorskip("torch")
import_torchvision()
SETTINGS: dict[str, Any] = {"conf": 0.0, "imgsz": 96, "device": "cpu", "max_detections": 12, "nms_iou": 0.5}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the first version, for two classes with names."""
    from torchvision.models import detection

    torch.manual_seed(5)
    model = detection.maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=3)
    path: Path = tmp_path_factory.mktemp("weights") / "own.pth"
    torch.save({"model": model.state_dict(), "names": ["person", "forklift"]}, path)
    return path


@pytest.fixture
def image(rng: np.random.Generator) -> Any:
    return rng.integers(0, 256, (72, 96, 3)).astype(np.uint8)


def test_it_finds_what_torchvision_finds(weights: Path, image: Any) -> None:
    from torchvision.models import detection

    detector = MaskRCNN(DetectorSettings(str(weights), **SETTINGS))
    assert detector.names == {0: "person", 80: "forklift"}
    (found,) = detector.detect([image])
    module = detection.maskrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=3, min_size=96, max_size=96,
        box_score_thresh=0.0, box_nms_thresh=0.5, box_detections_per_img=12,
    )  # fmt: skip
    module.load_state_dict(torch.load(weights, weights_only=True)["model"])
    with torch.inference_mode():
        (wanted,) = module.eval()([torch.from_numpy(image.transpose(2, 0, 1).copy()).float() / 255])
    assert len(found) > 5
    every = wanted["boxes"].numpy()
    for box, score, class_id in zip(found.boxes, found.scores, found.classes, strict=True):
        place = int(np.abs(every - box).sum(axis=1).argmin())
        np.testing.assert_allclose(every[place], box, atol=1e-3)
        assert float(wanted["scores"][place]) == pytest.approx(float(score), abs=1e-5)
        assert {1: 0, 2: 80}[int(wanted["labels"][place])] == class_id
    (people,) = detector.detect([image], [0])
    assert set(people.classes.tolist()) <= {0}
    assert len(people) == int((found.classes == 0).sum())


def test_masks_are_enlarged_as_torchvision_does() -> None:
    from torchvision.models.detection.roi_heads import paste_masks_in_image

    y, x = np.mgrid[0:28, 0:28]
    mask = np.clip(1.5 - np.hypot(x - 13.5, y - 13.5) / 9, 0, 1).astype(np.float32)
    for box in ([10.3, 5.2, 81.7, 60.4], [0.0, 0.0, 40.0, 95.0], [50.5, 20.5, 60.5, 90.25]):
        corner, crop = pasted(mask, np.array(box))
        own = Masks.from_crops((100, 120), [corner], [crop])
        theirs = paste_masks_in_image(torch.from_numpy(mask)[None, None], torch.tensor([box]), (100, 120))
        wanted = Masks.from_images((theirs[:, 0] >= 0.5).numpy())
        # torchvision rounds the box to whole pixels; the centre of ours lies where the box says.
        assert own.iou(wanted)[0, 0] > 0.85
        rows, columns = np.nonzero(crop)
        assert (columns + corner[0]).mean() + 0.5 == pytest.approx((box[0] + box[2]) / 2, abs=0.2)
        assert (rows + corner[1]).mean() + 0.5 == pytest.approx((box[1] + box[3]) / 2, abs=0.2)


@pytest.mark.parametrize("aligned", [False, True])
def test_regions_are_pooled_as_torchvision_does(aligned: bool) -> None:
    torch.manual_seed(0)
    features, rois = torch.randn(2, 6, 30, 40), torch.rand(300, 5) * 70
    rois[:, 0] = torch.randint(0, 2, (300,))
    rois[:, 3:] = rois[:, 1:3] + torch.rand(300, 2) * 45
    plain = sys.modules["torchvision.ops.roi_align"]._roi_align
    own = roi_align(features, rois, 0.25, 7, 7, 2, aligned)
    torch.testing.assert_close(own, plain(features, rois, 0.25, 7, 7, 2, aligned), atol=1e-4, rtol=0)
    assert roi_align(features, rois[:0], 0.25, 7, 7, 2, aligned).shape == (0, 6, 7, 7)


def test_a_video_is_tracked_with_it(weights: Path, image: Any) -> None:
    settings = load(
        changes={
            **{f"detector.{name}": value for name, value in SETTINGS.items()},
            "detector.kind": "mask-rcnn",
            "detector.weights": str(weights),
            "classes": "all",
            "tracker.lifecycle.new_score": 0.0,
            "tracker.lifecycle.report_score": 0.0,
            "tracker.lifecycle.confirm_score": 0.0,
            "tracker.lifecycle.sure_score": 0.0,
        }
    )
    frames = list(Pipeline([image, image], settings))
    assert len(frames) == 2
    assert set(frames[0].ids.tolist()) & set(frames[1].ids.tolist())


def test_wrong_weights_are_told(weights: Path, tmp_path: Path) -> None:
    content = torch.load(weights, weights_only=True)
    torch.save({**content, "names": ["person"]}, tmp_path / "names.pth")
    with pytest.raises(FormatError, match="1 names for 2 classes"):
        MaskRCNN(tmp_path / "names.pth")
    torch.save({"layer.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(FormatError, match="no weights of torchvision's Mask R-CNN"):
        MaskRCNN(tmp_path / "other.pth")
    state = {**content["model"], "backbone.body.conv1.weight": torch.zeros(8, 3, 7, 7)}
    torch.save(state, tmp_path / "shape.pth")
    with pytest.raises(FormatError, match=r"backbone\.body\.conv1\.weight"):
        MaskRCNN(tmp_path / "shape.pth")
    (tmp_path / "broken.pth").write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(FormatError, match="not weights that can be loaded safely"):
        MaskRCNN(tmp_path / "broken.pth")
