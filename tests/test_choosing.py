"""Which frames are worth labelling: uncertain, unlike each other, rare classes first, and no picture twice."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from mots.cli.entry import main
from mots.errors import InputError
from mots.formats.convert import read
from mots.labelling.choosing import SelectSettings, choose
from mots.labelling.frame_values import FrameValue, frame_values, uncertainty
from mots.labelling.selection_task import selected_frames
from mots.labels import FrameLabels
from mots.pipeline.pipeline import Pipeline
from mots.settings import load
from mots.toy.world import World, WorldSettings
from mots.trackers.detections import Detections

SETTINGS = {"detector.weights": "demo", "detector.device": "cpu", "detector.backend": "torch", "classes": "person,car"}


def value(frame: int, picture: float, scores: float = 0.0, objects: dict[int, int] | None = None, **more: Any) -> Any:
    """A frame whose picture lies at a place on a circle, from 0 to 1."""
    angle = 2 * np.pi * picture
    tiles = np.full(192, 0.5, np.float32)
    tiles[:96] += 0.4 * np.cos(angle)
    tiles[96:] += 0.4 * np.sin(angle)
    embedding = np.array([np.cos(angle), np.sin(angle)], np.float32)
    labels = FrameLabels.empty(frame, frame / 10, (10, 10))
    classes = np.array([each for each, count in (objects or {}).items() for _ in range(count)], np.int64)
    crops = np.tile(embedding, (len(classes), 1))
    own = FrameValue(
        "a", frame, frame / 10, scores, 0.0, 0.0, 0.0, objects or {}, tiles, embedding, labels, crops, classes
    )
    return replace(own, **more)


def looking(*angles: float) -> np.ndarray:
    """Objects whose looks lie at these places on a circle."""
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_frames_that_look_the_same_are_never_taken_twice() -> None:
    values = [value(k, picture) for k, picture in enumerate([0.0, 0.001, 0.002, 0.5, 0.501])]
    chosen = choose(values, 5)
    assert len(chosen) == 2
    assert {each.value.frame // 3 for each in chosen} == {0, 1}
    assert len(choose(values, 5, SelectSettings(twin=0.0))) == 5


def test_uncertain_frames_come_first_and_the_next_is_unlike_them() -> None:
    values = [value(0, 0.0), value(1, 0.05, scores=0.9), value(2, 0.1, scores=0.8), value(3, 0.5, scores=0.1)]
    chosen = choose(values, 2)
    assert [each.value.frame for each in chosen] == [1, 3]
    assert "scores near even (0.90)" in chosen[0].reason
    assert "unlike the others" in chosen[1].reason


def test_a_class_that_no_taken_frame_has_is_wanted() -> None:
    values = [
        value(0, 0.0, objects={0: 3}),
        value(1, 0.25, objects={0: 2}),
        value(2, 0.75, objects={0: 2, 5: 1}),
        value(3, 0.5, objects={0: 2}),
    ]
    chosen = choose(values, 3, SelectSettings(balance=3.0))
    assert 5 in chosen[0].value.objects
    named = choose(values[:3], 3, names={5: "tram"})
    (reason,) = [each.reason for each in named[1:] if 5 in each.value.objects] or ["first frame with tram"]
    assert "first frame with tram" in reason


def test_the_frames_taken_first_hold_objects_that_stand_for_most_others() -> None:
    usual, other, odd = 0.0, 1.0, 2.4
    values = [
        value(0, 0.00, objects={0: 1}, crops=looking(odd)),
        value(1, 0.15, objects={0: 2}, crops=looking(usual, usual)),
        value(2, 0.30, objects={0: 2}, crops=looking(usual, other)),
        value(3, 0.45, objects={0: 1}, crops=looking(other)),
        value(4, 0.60, objects={0: 2}, crops=looking(usual, other)),
        value(5, 0.75),
    ]
    order = [each.value.frame for each in choose(values, 6, SelectSettings(uncertainty=0.0))]
    assert order[0] in (2, 4)  # both kinds at once
    assert order[1] == 0  # the one that is unlike them
    assert len(set(order)) == 6
    # An outlier alone does not come before what many frames show, as it would with the farthest point first.
    many = [value(k, k / 40, objects={0: 1}, crops=looking(usual + 0.02 * k)) for k in range(20)]
    outlier = value(20, 0.9, objects={0: 1}, crops=looking(odd))
    assert choose([outlier, *many], 1)[0].value.frame < 20
    # Objects of another class do not stand for each other, however alike.
    cars = [value(30 + k, 0.5 + k / 40, objects={2: 1}, crops=looking(usual)) for k in range(3)]
    assert {next(iter(each.value.objects)) for each in choose([*many, *cars], 2)} == {0, 2}


def test_of_very_many_objects_some_stand_for_all() -> None:
    rng = np.random.default_rng(1)
    values = [
        value(k, float(rng.random()), objects={0: 12}, crops=looking(*rng.uniform(0, 0.5 if k else 3.0, 12)))
        for k in range(300)
    ]
    assert len(choose(values, 5)) == 5
    assert [each.value.frame for each in choose(values, 3)].count(0) == 1  # its objects are unlike all others


def test_the_choice_depends_on_nothing_but_the_values() -> None:
    rng = np.random.default_rng(4)
    values = [value(k, float(rng.random()), float(rng.random()), {0: int(rng.integers(1, 9))}) for k in range(60)]
    one, two = choose(values, 10), choose(values, 10)
    assert [each.value.frame for each in one] == [each.value.frame for each in two]
    assert choose([], 3) == []
    assert len(choose(values[:1], 3)) == 1


class Unsure:
    """A detector that finds the toy world's truth, with scores near even in some frames."""

    coarse = False
    names: dict[int, str] = {}  # noqa: RUF012

    def __init__(self, world: World, unsure: set[int]) -> None:
        self.world, self.unsure, self.frame = world, unsure, 0

    def detect(self, images: Any, classes: Any = ()) -> list[Detections]:
        truth = self.world.truth(self.frame)
        score = 0.55 if self.frame in self.unsure else 0.95
        self.frame += 1
        return [Detections.from_masks(truth.masks, np.full(len(truth), score), truth.classes)]


def test_what_is_measured_of_a_frame_tells_the_unsure_and_the_blurred() -> None:
    world = World(5, WorldSettings(height=180, width=320, walkers=6, vehicles=2))
    images = [world.frame(k)[0] for k in range(16)]
    blurred = np.asarray(Picture.fromarray(images[12]).resize((20, 12)).resize((320, 180)))
    images[12] = blurred
    unsure = {4, 5, 6}
    pipeline = Pipeline(images, load(changes={"frame_rate": 10.0}), detector=Unsure(world, unsure))
    values = list(frame_values(pipeline, "toy"))
    assert [each.frame for each in values] == list(range(16))
    assert all((each.scores > 0.7) == (each.frame in unsure) for each in values if each.objects)
    assert values[12].blur > 2 * max(each.blur for each in values if each.frame != 12)
    assert all(0 <= uncertainty(each) <= 1 for each in values)
    # Exact masks follow the optical flow.
    assert np.median([each.disagreement for each in values[1:]]) < 0.25
    assert np.linalg.norm(values[3].embedding) == pytest.approx(1, abs=1e-5)
    every = list(frame_values(Pipeline(images, load(), detector=Unsure(world, unsure)), "toy", 4))
    assert [each.frame for each in every] == [0, 4, 8, 12]


@pytest.mark.parametrize("to", ["coco", "cvat"])
def test_a_task_is_written_for_the_annotator(to: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ultralytics")
    for number, name in enumerate(("east", "west")):
        world = World(60 + number, WorldSettings(height=180, width=320, walkers=6, vehicles=2, pan=0.0))
        (tmp_path / name).mkdir()
        for k in range(8):
            Picture.fromarray(world.frame(3 * k)[0]).save(tmp_path / f"{name}/{k:06d}.png")
    flags = [word for key, own in SETTINGS.items() for word in ("--set", f"{key}={own}")]
    command = ["select", str(tmp_path / "east"), str(tmp_path / "west"), "--count", "4", "--every", "1", "--to", to]
    command += ["--output", str(tmp_path / "task"), *flags]
    assert main(command) == 0
    assert "4 frames ->" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "task/selected.csv").read_text().splitlines()))
    assert [int(row["rank"]) for row in rows] == [1, 2, 3, 4]
    assert {row["source"] for row in rows} == {"east", "west"}
    assert all(row["reason"] for row in rows)
    for row in rows:
        source, frame = row["source"], int(row["frame"])
        picture = np.asarray(Picture.open(tmp_path / f"task/{source}/{frame:06d}.jpg"), np.int16)
        truth = np.asarray(Picture.open(tmp_path / f"{source}/{frame:06d}.png"), np.int16)
        assert np.abs(picture - truth).mean() < 5
        with Picture.open(tmp_path / f"task/thumbnails/{source}/{frame:06d}.jpg") as thumbnail:
            assert max(thumbnail.size) == 320
    tables = read(tmp_path / ("task/annotations.json" if to == "coco" else "task/annotations.xml"))
    listed = {(name, int(frame)) for name, table in tables.items() for frame in table.listed}  # type: ignore[union-attr]
    assert listed == {(row["source"], int(row["frame"])) for row in rows}
    assert sum(len(table) for table in tables.values()) == sum(int(row["objects"]) for row in rows) > 0
    assert main(command) == 2
    assert main([*command, "--overwrite"]) == 0


def test_what_cannot_be_chosen_from_is_told(tmp_path: Path) -> None:
    class Camera:
        name, frame_rate, length, live = "camera", 10.0, None, True

        def __iter__(self) -> Any:
            raise AssertionError("it must not be read")

    with pytest.raises(InputError, match="camera: a live source cannot be read again"):
        selected_frames([Camera()], 3, load(changes={"detector.kind": "background"}))
    assert main(["select"]) == 2
