"""Moving objects before a fixed camera: found, held apart, joined, and held still, in scenes that are known exactly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mots.batch.plan import Plan
from mots.batch.schedule import run_batch
from mots.cli.entry import main
from mots.detection.background import BackgroundDetector, BackgroundSettings
from mots.detection.blobs import BlobMemory
from mots.errors import InputError
from mots.pipeline.parts import Parts
from mots.pipeline.pipeline import Pipeline
from mots.settings import load
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

Image = NDArray[np.uint8]
SIZE = (240, 320)


def scenery(rng: np.random.Generator) -> Image:
    """A background with texture, larger than the frame by 20 pixels on each side."""
    coarse = rng.integers(60, 190, (28, 36, 3))
    return np.asarray(np.kron(coarse, np.ones((10, 10, 1))), np.uint8)


def frames(
    rng: np.random.Generator, boxes: list[list[tuple[int, int, int, int]]], shakes: list[tuple[int, int]] | None = None
) -> Iterator[Image]:
    """Frames with noise, and bright boxes x1 y1 x2 y2 of two colours; the camera is moved by `shakes`."""
    ground = scenery(rng)
    for k, own in enumerate(boxes):
        dx, dy = shakes[k] if shakes else (0, 0)
        image = ground[20 + dy : 20 + dy + SIZE[0], 20 + dx : 20 + dx + SIZE[1]].astype(np.int16)
        for place, (x1, y1, x2, y2) in enumerate(own):
            image[y1 - dy : y2 - dy, x1 - dx : x2 - dx] = (250, 240, 30) if place == 0 else (20, 30, 250)
        yield np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def walking(k: int, y: int = 80, start: int = 10, speed: int = 4) -> tuple[int, int, int, int]:
    return start + speed * k, y, start + speed * k + 24, y + 60


def found_in(images: Iterator[Image], **changes: Any) -> list[Detections]:
    detector = BackgroundDetector(BackgroundSettings(**changes))
    return [detector.detect([image])[0] for image in images]


def iou(found: Detections, box: tuple[int, int, int, int]) -> float:
    """The best IoU of a detection's mask with a box."""
    truth = np.zeros((1, *found.size), np.bool_)
    x1, y1, x2, y2 = box
    truth[0, y1:y2, x1:x2] = True
    return float(found.masks.iou(Masks.from_images(truth)).max(initial=0.0))


@pytest.mark.parametrize("model", ["mog2", "knn"])
def test_one_object_is_found_from_its_appearance_on(rng: np.random.Generator, model: str) -> None:
    boxes = [[] if k < 30 else [walking(k - 30)] for k in range(70)]
    found = found_in(frames(rng, boxes), model=model)
    assert all(len(each) == 0 for each in found[:30])
    assert all(len(each) == 1 for each in found[31:])
    assert min(iou(each, own[0]) for each, own in zip(found[31:], boxes[31:], strict=True)) > 0.9
    scores = [float(each.scores[0]) for each in found[31:]]
    assert scores[:4] == pytest.approx([0.5, 0.7, 0.9, 0.9])
    assert found[40].classes.tolist() == [80]


def test_a_larger_picture_is_reduced_and_masks_have_its_size(rng: np.random.Generator) -> None:
    boxes = [[] if k < 30 else [walking(k - 30)] for k in range(50)]
    large = (np.repeat(np.repeat(image, 3, axis=0), 3, axis=1) for image in frames(rng, boxes))
    found = found_in(large, side=320)
    assert found[40].size == (720, 960)
    assert iou(found[40], tuple(3 * v for v in boxes[40][0])) > 0.9  # type: ignore[arg-type]


def test_two_who_meet_stay_two(rng: np.random.Generator) -> None:
    boxes = [[] if k < 30 else [walking(k - 30), walking(k - 30, 90, 270, -4)] for k in range(90)]
    found = found_in(frames(rng, boxes))
    touching = [k for k in range(60, 66) if boxes[k][0][2] > boxes[k][1][0] and boxes[k][0][0] < boxes[k][1][2]]
    assert touching
    counts = [len(found[k]) for k in range(34, 85)]
    assert np.mean(np.array(counts) == 2) > 0.8
    alone = np.array(
        [len(each) for each in found_in(frames(rng, boxes), blobs=type(BackgroundSettings().blobs)(known=999))]
    )
    assert (np.array([len(each) for each in found]) == 2).sum() > (alone == 2).sum()


def test_one_behind_a_pole_stays_one(rng: np.random.Generator) -> None:
    boxes = [[] if k < 30 else [walking(k - 30)] for k in range(75)]

    def with_pole() -> Iterator[Image]:
        for image in frames(rng, boxes):
            image[:, 120:128] = 40
            yield image

    counts = [len(each) for each in found_in(with_pole(), closed=1)]
    assert counts[33:75].count(1) >= 40


def test_a_shaking_camera_shows_nothing_that_stands_still(rng: np.random.Generator) -> None:
    shakes = [(0, 0)] * 30 + [tuple(rng.integers(-5, 6, 2).tolist()) for _ in range(40)]
    boxes: list[list[tuple[int, int, int, int]]] = [[] if k < 40 else [walking(k - 40)] for k in range(70)]
    still = found_in(frames(rng, boxes, shakes))
    assert sum(len(each) for each in still[10:40]) == 0
    moved = [
        (x1 - dx, y1 - dy, x2 - dx, y2 - dy)
        for [(x1, y1, x2, y2)], (dx, dy) in zip(boxes[45:], shakes[45:], strict=True)
    ]
    assert np.median([iou(each, own) for each, own in zip(still[45:], moved, strict=True)]) > 0.85
    shaking = found_in(frames(rng, boxes, shakes), still=False)
    assert sum(len(each) for each in shaking[30:40]) > 0


def test_the_motion_of_the_camera_is_that_by_which_the_detector_holds_it_still(rng: np.random.Generator) -> None:
    shakes = [(0, 0)] * 15 + [tuple(rng.integers(-5, 6, 2).tolist()) for _ in range(30)]
    images = [np.repeat(np.repeat(each, 2, axis=0), 2, axis=1) for each in frames(rng, [[]] * 45, shakes)]
    detector = BackgroundDetector(BackgroundSettings(side=320))
    camera = detector.camera_motion
    assert camera is not None
    detector.detect(images[:3])  # it can be ahead of the tracker
    motions = []
    for k, image in enumerate(images):
        if k >= 3:
            detector.detect([image])
        motions.append(camera.motion(image, Masks.empty(image.shape[:2])))
    assert np.array_equal(motions[0], np.eye(3)[:2])
    for k in range(16, 45):
        step = 2 * np.subtract(shakes[k - 1], shakes[k])  # the ground moves against the camera
        assert np.abs(motions[k][:, :2] - np.eye(2)).max() < 0.02
        centre = np.array([320, 240, 1.0])
        assert motions[k] @ centre - centre[:2] == pytest.approx(step, abs=1.0)
    assert BackgroundDetector(BackgroundSettings(still=False)).camera_motion is None
    built = Parts().build(load(changes={"detector.kind": "background"}), detects=True, has_images=True)
    assert type(built.camera_motion).__name__ == "BackgroundMotion"
    off = load(changes={"detector.kind": "background", "camera.enabled": False})
    assert Parts().build(off, detects=True, has_images=True).camera_motion is None
    alone = load(changes={"detector.kind": "background", "background.still": False})
    assert type(Parts().build(alone, detects=True, has_images=True).camera_motion).__name__ == "FlowCameraMotion"


def test_a_light_that_changes_everything_is_no_object(rng: np.random.Generator) -> None:
    images = list(frames(rng, [[] for _ in range(40)]))
    images[35:] = [np.clip(image.astype(np.int16) // 3, 0, 255).astype(np.uint8) for image in images[35:]]
    assert all(len(each) == 0 for each in found_in(iter(images)))


def test_shadows_belong_to_nobody(rng: np.random.Generator) -> None:
    images = list(frames(rng, [[] for _ in range(60)]))
    for k in range(40, 60):
        part = images[k][100:140, 4 * (k - 40) + 20 : 4 * (k - 40) + 70]
        part[:] = (part * 0.7).astype(np.uint8)
    assert sum(len(each) for each in found_in(iter(images))[40:]) == 0


def test_another_size_is_refused(rng: np.random.Generator) -> None:
    detector = BackgroundDetector()
    detector.detect([np.zeros((48, 64, 3), np.uint8)])
    with pytest.raises(InputError, match="a 48 x 65 frame after ones of"):
        detector.detect([np.zeros((48, 65, 3), np.uint8)])


def test_regions_cover_the_foreground_and_share_no_pixel(rng: np.random.Generator) -> None:
    memory = BlobMemory((60, 80), 4.0)
    for k in range(30):
        mask = np.zeros((60, 80), np.bool_)
        for place in range(3):
            x, y = (5 + k * (place + 1)) % 60, 8 + 14 * place
            mask[y : y + 16, x : x + 14] = True
        regions, ages = memory.regions(mask)
        covered = regions.to_images().sum(axis=0)
        assert covered.max() <= 1
        assert (covered[mask] == 1).mean() > 0.95
        assert len(ages) == len(regions)


def test_the_command_and_the_pipeline(
    rng: np.random.Generator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mots.video.writer import VideoWriter

    boxes = [[] if k < 30 else [walking(k - 30)] for k in range(70)]
    with VideoWriter(tmp_path / "yard.mp4", 10) as writer:
        for k, image in enumerate(frames(rng, boxes)):
            writer.write(image, k / 10)
    out = tmp_path / "out"
    assert main(["track", str(tmp_path / "yard.mp4"), "--detector", "background", "--output", str(out), "--quiet"]) == 0
    rows = (out / "tracks.csv").read_text().splitlines()
    assert len(rows) == 2
    assert "object" in rows[1]
    # In one thread or in several, and as a class with a name of its own.
    named = {"detector.kind": "background", "background.class_name": "person"}
    plain, ahead = (
        [
            (f.frame, f.ids.tolist(), f.masks.boxes.tolist())
            for f in Pipeline(tmp_path / "yard.mp4", load(changes={**named, "ahead": n}))
        ]
        for n in (0, 2)
    )
    assert plain == ahead
    assert sum(bool(ids) for _, ids, _ in plain) > 30
    settings = load(changes=named)
    with pytest.raises(InputError, match="cannot be cut into chunks"):
        run_batch([], Plan(tmp_path / "batch", settings, chunk=20))
