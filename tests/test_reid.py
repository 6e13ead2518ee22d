from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mots.detection import saved_detections as saved
from mots.detection.colour_histograms import DIMENSION
from mots.errors import MotsError
from mots.models.reid import ReID, ReIDSettings
from mots.pipeline.parts import embedder_of
from mots.settings import Settings
from mots.trackers.detections import Detections

WEIGHTS = "weights/osnet_x0_25_msmt17.pth"


@pytest.fixture(scope="module")
def network(shared: Path) -> ReID:
    if find_spec("torchreid") is None:
        pytest.skip("the models extra is not installed")
    return ReID(ReIDSettings(str(shared / WEIGHTS), device="cpu"))


def people(shared: Path, number: int) -> tuple[np.ndarray, Detections]:
    """A real frame and the people that the detector is sure of in it."""
    image = np.asarray(Image.open(shared / f"data/mots20/0005/images/{number:06d}.jpg").convert("RGB"))
    for each in saved.read(shared / "acceptance/detections/0005.txt"):
        if each.frame == number:
            return image, each.detections.take(np.flatnonzero(each.detections.scores > 0.8))
    raise AssertionError(number)


def test_people_look_like_themselves_in_the_next_frame(shared: Path, network: ReID) -> None:
    (image, now), (later_image, later) = people(shared, 100), people(shared, 104)
    a, b = network.embed(image, now), network.embed(later_image, later)
    assert a.shape == (len(now), 512)
    assert np.linalg.norm(a, axis=1) == pytest.approx(np.ones(len(a)), abs=1e-5)
    iou = now.masks.iou(later.masks)
    rows = np.flatnonzero(iou.max(axis=1) > 0.5)
    assert len(rows) >= 3
    assert ((a @ b.T).argmax(axis=1)[rows] == iou.argmax(axis=1)[rows]).mean() > 0.7


def test_a_batch_is_as_its_parts_and_nothing_is_nothing(shared: Path, network: ReID) -> None:
    image, found = people(shared, 100)
    small = ReID.__new__(ReID)
    small.settings, small.runtime, small.size = ReIDSettings(batch=2), network.runtime, network.size
    small.dimension, small.zoo = network.dimension, network.zoo
    assert small.embed(image, found) == pytest.approx(network.embed(image, found), abs=1e-5)
    assert network.embed(image, found.take([])).shape == (0, 512)


def test_the_background_can_be_blanked(shared: Path, network: ReID) -> None:
    image, found = people(shared, 100)
    blank = ReID.__new__(ReID)
    blank.settings, blank.runtime, blank.size = ReIDSettings(blank_background=True), network.runtime, network.size
    blank.dimension, blank.zoo = network.dimension, network.zoo
    mask = found.masks.image(0)
    other = np.where(mask[:, :, None], image, 255 - image)
    assert blank.embed(image, found)[0] == pytest.approx(blank.embed(other, found)[0], abs=1e-5)
    assert network.embed(image, found)[0] != pytest.approx(network.embed(other, found)[0], abs=1e-2)


def test_a_network_is_joined_with_the_colours(shared: Path, network: ReID) -> None:
    image, found = people(shared, 100)
    settings = ReIDSettings(str(shared / WEIGHTS), device="cpu", colour_share=0.25)
    embedder = embedder_of(Settings(reid=settings))
    assert embedder is not None
    embeddings = embedder.embed(image, found)
    assert embeddings.shape == (len(found), DIMENSION + 512)
    assert (embeddings[:, :DIMENSION] ** 2).sum(axis=1) == pytest.approx(np.full(len(found), 0.25), abs=1e-4)
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx(np.ones(len(found)), abs=1e-4)


def test_boxes_may_reach_over_the_border(shared: Path, network: ReID) -> None:
    image, found = people(shared, 100)
    moved = Detections.from_masks(found.masks, found.scores, found.classes, found.boxes + 300)
    assert np.isfinite(network.embed(image, moved)).all()


def test_weights_that_do_not_fit_are_refused(shared: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="the models extra is not installed")
    if find_spec("torchreid") is None:
        pytest.skip("the models extra is not installed")
    with pytest.raises(MotsError, match="looked in"):
        ReID(ReIDSettings("missing.pth"))
    with pytest.raises(MotsError, match="no architecture of torchreid"):
        ReID(ReIDSettings(str(shared / "weights/yolov8n-seg.pt")))
    (tmp_path / "osnet_x0_25_x.pth").write_bytes(b"broken")
    with pytest.raises(MotsError, match="not weights that can be loaded safely"):
        ReID(ReIDSettings(str(tmp_path / "osnet_x0_25_x.pth")))
    torch.save({"conv1.conv.weight": torch.zeros(3)}, tmp_path / "osnet_x0_25_y.pth")
    with pytest.raises(MotsError, match="is missing or has another shape"):
        ReID(ReIDSettings(str(tmp_path / "osnet_x0_25_y.pth")))
    pytest.importorskip("onnxruntime", reason="the onnx extra is not installed")
    with pytest.raises(MotsError, match="not a ReID network"):
        ReID(ReIDSettings(str(shared / "weights/yolov8n-seg.onnx")))


def test_a_checkpoint_of_torchreids_own_training_is_taken(shared: Path, network: ReID, tmp_path: Path) -> None:
    import torch

    weights = torch.load(shared / WEIGHTS, weights_only=True)
    weights = {f"module.{name}": value for name, value in weights.get("state_dict", weights).items()}
    file = tmp_path / "osnet_x0_25_own.pth"
    rates = {"rank1": np.float64(0.9), "mAP": np.float32(0.8), "epoch": 3, "optimizer": {"state": {}}}
    torch.save({"state_dict": weights, **rates}, file)
    image, found = people(shared, 100)
    own = ReID(ReIDSettings(str(file), device="cpu")).embed(image, found)
    assert (own == network.embed(image, found)).all()
    torch.save({"state_dict": weights, "more": Fraction(1, 2)}, file)
    with pytest.raises(MotsError, match="not weights that can be loaded safely"):
        ReID(ReIDSettings(str(file), device="cpu"))
