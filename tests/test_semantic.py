"""Semantic maps: networks of each kind, alignment, smoothing over time, and KITTI-STEP as a whole on the toy world."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture

from mots.classes import STEP_IDS, STEP_NAMES
from mots.cli.entry import main
from mots.errors import FormatError, InputError
from mots.formats import kitti_step
from mots.formats.panoptic import PanopticFrame
from mots.models.outputs.mask_upsampling import placed
from mots.models.semantic import VOID, SemanticNetwork, SemanticSettings, enlarged, shares, train_ids_of
from mots.optional import opencv
from mots.segmentation.semantic_maps import FrameMaps, SmoothedMaps
from mots.toy.world import World, WorldSettings
from mots.video.opening import source_of

torch = pytest.importorskip("torch")
NOWHERE = Path("weights.pt")
CITY = WorldSettings(height=180, width=320, walkers=6, vehicles=2, posts=4, pan=0.0)


def test_the_toy_world_knows_what_each_pixel_is() -> None:
    world = World(12, WorldSettings(walkers=8, vehicles=3, posts=6))
    for k in (0, 37):
        kinds, (_, truth) = world.semantic(k), world.frame(k)
        things = {0: "person", 2: "car", 5: "bus", 7: "truck"}
        for i, class_id in enumerate(truth.classes.tolist()):
            assert set(kinds[truth.masks.image(i)].tolist()) == {STEP_IDS[things[class_id]]}
        assert set(np.unique(kinds).tolist()) <= set(range(19))
        assert kinds[0, 0] in (STEP_IDS["sky"], STEP_IDS["building"], STEP_IDS["vegetation"], STEP_IDS["pole"])
        ground = kinds[-1][~np.isin(kinds[-1], [STEP_IDS[name] for name in things.values()])]
        assert STEP_IDS["sidewalk"] in ground


@pytest.mark.parametrize("step", [1, 4, 8])
def test_scores_lie_where_the_image_is(step: int) -> None:
    own, inputs = (90, 160), (128, 192)
    tall, wide, top, left = placed(own, inputs)
    rows, columns = (np.arange(0, side, step) + step / 2 for side in inputs)
    # A network that says exactly how far right, and how far down, each of its pixels lies in the image.
    x, y = (columns - left) / wide, (rows - top) / tall
    scores = np.stack([np.broadcast_to(x, (len(y), len(x))), np.broadcast_to(y[:, None], (len(y), len(x)))], axis=2)
    found = enlarged(opencv("tests"), scores.astype(np.float32), own, inputs, (45, 80))
    inner = np.s_[5:-5, 5:-5]
    np.testing.assert_allclose(
        found[inner][..., 0], np.broadcast_to((np.arange(80) + 0.5) / 80, (45, 80))[inner], atol=1e-4
    )
    wanted = np.broadcast_to(((np.arange(45) + 0.5) / 45)[:, None], (45, 80))
    np.testing.assert_allclose(found[inner][..., 1], wanted[inner], atol=1e-4)


def test_outputs_of_each_form_become_shares(rng: np.random.Generator) -> None:
    logits = rng.normal(size=(19, 4, 6)).astype(np.float32)
    found = shares(logits, 19, NOWHERE)
    np.testing.assert_allclose(found.sum(axis=2), 1, atol=1e-6)
    np.testing.assert_array_equal(found.argmax(axis=2), logits.argmax(axis=0))
    classes = rng.integers(0, 19, (4, 6))
    for given in (classes.astype(np.uint8), classes[None].astype(np.int32)):
        np.testing.assert_array_equal(shares(given, 19, NOWHERE).argmax(axis=2), classes)
    with pytest.raises(FormatError, match="wanted scores of 19 classes"):
        shares(logits[:7], 19, NOWHERE)


def test_classes_are_known_by_their_names() -> None:
    np.testing.assert_array_equal(train_ids_of(dict(enumerate(STEP_NAMES)), NOWHERE), np.arange(19))
    own = train_ids_of({0: "background", 1: "motorbike", 2: "Person", 3: "sofa"}, NOWHERE)
    assert own.tolist() == [VOID, STEP_IDS["motorcycle"], STEP_IDS["person"], VOID]
    with pytest.raises(FormatError, match="none of its classes"):
        train_ids_of({0: "cat", 1: "dog"}, NOWHERE)


class Told:
    """A network that is told the classes of its frames, and errs as it is told."""

    def __init__(
        self, maps: list[NDArray[np.uint8]], noise: float = 0.0, settings: SemanticSettings | None = None
    ) -> None:
        self.maps, self.noise, self.settings = maps, noise, settings or SemanticSettings()
        self.rng, self.frame = np.random.default_rng(7), 0

    def scores(self, image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float32]:
        own = np.asarray(Picture.fromarray(self.maps[self.frame]).resize(size[::-1], Picture.Resampling.NEAREST))
        self.frame += 1
        exact = (own[..., None] == np.arange(19)).astype(np.float32)
        noisy = np.maximum(exact + self.noise * self.rng.normal(size=exact.shape), 0)
        return np.asarray(noisy / np.maximum(noisy.sum(axis=2, keepdims=True), 1e-6), np.float32)

    def labels(self, scores: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.uint8]:
        found = scores.argmax(axis=2).astype(np.uint8)
        return np.asarray(Picture.fromarray(found).resize(size[::-1], Picture.Resampling.NEAREST))


def flicker(maps: list[NDArray[np.uint8]], truth: list[NDArray[np.uint8]]) -> float:
    """The share of pixels whose label changes though the truth's does not, from frame to frame."""
    shares = [
        ((a != b) & (s == t)).sum() / (s == t).sum()
        for a, b, s, t in zip(maps[:-1], maps[1:], truth[:-1], truth[1:], strict=True)
    ]
    return float(np.mean(shares))


def test_smoothing_calms_labels_and_follows_what_moves() -> None:
    world = World(21, CITY)
    images = [world.frame(k)[0] for k in range(12)]
    truth = [world.semantic(k) for k in range(12)]
    made = {}
    for smoothing in (0.0, 0.5):
        network: Any = Told(truth, noise=0.45)
        maps = SmoothedMaps(network, smoothing)
        made[smoothing] = [maps.map(image) for image in images]
    assert flicker(made[0.5], truth) < 0.5 * flicker(made[0.0], truth)
    right = {
        key: np.mean([(own == wanted).mean() for own, wanted in zip(maps, truth, strict=True)])
        for key, maps in made.items()
    }
    assert right[0.5] > right[0.0]
    things = [np.isin(wanted, [11, 13, 14, 15]) for wanted in truth]
    moving = {
        key: np.mean(
            [(own == wanted)[thing].mean() for own, wanted, thing in zip(maps, truth, things, strict=True)][3:]
        )
        for key, maps in made.items()
    }
    assert moving[0.5] > moving[0.0]


def test_another_scene_is_not_mixed_with_the_last(rng: np.random.Generator) -> None:
    one, two = World(1, CITY), World(2, CITY)
    images, truth = [one.frame(0)[0], two.frame(0)[0]], [one.semantic(0), two.semantic(0)]
    network: Any = Told(truth)
    maps = SmoothedMaps(network, 0.9)
    found = [maps.map(image) for image in images]
    assert (found[1] == truth[1]).mean() > 0.9


def test_frames_are_asked_for_in_order() -> None:
    world = World(3, CITY)
    images = [world.frame(k)[0] for k in range(4)]
    network: Any = Told([world.semantic(k) for k in range(4)])
    maps = FrameMaps(source_of(images, 10.0), SmoothedMaps(network, 0.0))
    assert (maps.of(2) == world.semantic(2)).mean() > 0.99
    with pytest.raises(InputError, match="frame 2 is missing"):
        maps.of(2)


def test_torchvisions_networks_run_with_weights_of_their_own_definition(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    from mots.models.torchvision_operators import import_torchvision

    import_torchvision()
    from torchvision.models import segmentation

    image = rng.integers(0, 256, (64, 96, 3)).astype(np.uint8)
    torch.manual_seed(3)
    for name, count, extra in (
        ("lraspp_mobilenet_v3_large", 19, {}),
        ("deeplabv3_mobilenet_v3_large", 21, {"aux_loss": True}),
    ):
        model = getattr(segmentation, name)(weights=None, weights_backbone=None, num_classes=count, **extra).eval()
        torch.save(model.state_dict(), tmp_path / "own.pth")
        network = SemanticNetwork(SemanticSettings(str(tmp_path / "own.pth"), device="cpu"))
        found = network.labels(network.scores(image, (64, 96)), (64, 96))
        given = torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32) / 255)[None]
        mean, deviation = (torch.tensor(each)[:, None, None] for each in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
        with torch.inference_mode():
            wanted = model((given - mean) / deviation)["out"][0].argmax(dim=0).numpy()
        assert (found == network.train_ids[wanted]).mean() > 0.97
        if count == 21:
            assert set(np.unique(found)) <= {VOID, 2, 11, 13, 15, 16, 17, 18}
    model = segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=5)
    torch.save(model.state_dict(), tmp_path / "five.pth")
    with pytest.raises(FormatError, match="5 classes without names"):
        SemanticNetwork(tmp_path / "five.pth")
    torch.save({"model": model.state_dict(), "names": ["road", "sky", "car", "person", "tram"]}, tmp_path / "named.pth")
    assert SemanticNetwork(tmp_path / "named.pth").train_ids.tolist() == [0, 10, 13, 11, VOID]
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(FormatError, match="no weights of torchvision's"):
        SemanticNetwork(tmp_path / "other.pth")


def test_the_embedded_network_knows_the_toy_world() -> None:
    pytest.importorskip("ultralytics")
    network = SemanticNetwork(SemanticSettings("demo-semantic", device="cpu"))
    right, iou = [], []
    for seed in (40, 41, 42):
        world = World(seed, WorldSettings())
        image, wanted = world.frame(10)[0], world.semantic(10)
        found = network.labels(network.scores(image, wanted.shape), wanted.shape)
        right.append((found == wanted).mean())
        iou += [
            ((found == c) & (wanted == c)).sum() / ((found == c) | (wanted == c)).sum()
            for c in np.unique(wanted)
            if (wanted == c).sum() > 2000
        ]
    assert np.mean(right) > 0.9
    assert np.mean(iou) > 0.75


def test_detection_weights_are_refused(shared: Path) -> None:
    pytest.importorskip("ultralytics")
    with pytest.raises(FormatError, match="not a semantic segmentation model"):
        SemanticNetwork(shared / "weights/yolov8n-seg.pt")
    with pytest.raises(InputError, match=r"semantic weights end in \.pt"):
        SemanticNetwork(shared / "weights/person-reidentification-retail-0288/person-reidentification-retail-0288.xml")


def test_the_whole_of_kitti_step_on_the_toy_world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ultralytics")
    root, frames = tmp_path / "step", 10
    for name, seed in (("0000", 51), ("0001", 52)):
        world = World(seed, WorldSettings(frame_rate=10.0, posts=4))
        (root / f"training/image_02/{name}").mkdir(parents=True)
        for k in range(frames):
            image, truth = world.frame(k)
            Picture.fromarray(image).save(root / f"training/image_02/{name}/{k:06d}.png")
            own = PanopticFrame.from_objects(truth, world.semantic(k))
            folder = root / f"panoptic_maps/val/{name}"
            folder.mkdir(parents=True, exist_ok=True)
            kitti_step.write(folder / f"{k:06d}.png", own.codes)
    (root / "x.seqmap").write_text("".join(f"{name} empty 000000 {frames - 1:06d}\n" for name in ("0000", "0001")))
    command = ["batch", "--root", str(root), "--benchmark", "kitti-step", "--split", str(root / "x.seqmap"), "--quiet"]
    command += ["--weights", "demo", "--device", "cpu", "--backend", "torch"]
    scores = {}
    for name, more in (("with", ["--semantic-weights", "demo-semantic"]), ("without", [])):
        assert main([*command, "--output", str(tmp_path / name), *more]) == 0
        scores[name] = json.loads((tmp_path / f"{name}/scores.json").read_text())["combined"]["all"]
    assert scores["with"]["STQ"] > 0.5
    assert scores["with"]["SQ"] > 0.6 > 0.2 > scores["without"]["SQ"]
    written = kitti_step.read(tmp_path / "with/panoptic/0001/000004.png")
    assert len(np.unique(written >> 16)) >= 6
    # In chunks they are the same.
    chunks = ["--semantic-weights", "demo-semantic", "--chunk-frames", "4", "--jobs", "2"]
    assert main([*command, "--output", str(tmp_path / "chunks"), *chunks]) == 0
    for file in sorted((tmp_path / "with/panoptic").rglob("*.png")):
        assert file.read_bytes() == (tmp_path / "chunks" / file.relative_to(tmp_path / "with")).read_bytes()
    (tmp_path / "maps").mkdir()
    both = ["--semantic-weights", "demo-semantic", "--semantic", str(tmp_path / "maps")]
    assert main([*command, "--output", str(tmp_path / "both"), *both]) == 2
    assert "come from one of them" in capsys.readouterr().err
    assert main([*command, "--output", str(tmp_path / "none"), "--semantic-weights", "nothing.pt"]) == 2
    assert "no weights 'nothing.pt'" in capsys.readouterr().err
