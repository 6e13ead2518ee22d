from pathlib import Path

import numpy as np
import pytest

from mots.labels import FrameLabels
from mots.models.yolov8_seg import DetectorSettings, YOLOv8Seg
from mots.pipeline.pipeline import Pipeline
from mots.settings import load
from mots.toy import demo
from mots.toy.demo import CLASSES, WorldSource, compare
from mots.toy.world import World, WorldSettings


def test_the_demo_runs_the_real_network_and_says_how_well(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the models extra is not installed")
    said = demo.run(tmp_path, seed=12, frames=25, quiet=True)
    assert said.startswith("25 frames, ")
    assert "compared with the exact truth of world 12" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "counts", "frames.csv", "report.html", "tracks.csv", "world12.mp4", "world12.txt",
    ]  # fmt: skip
    assert "crossings   of the line in the middle: " in said


def test_the_embedded_weights_find_and_outline_the_objects_of_unseen_worlds() -> None:
    pytest.importorskip("torch", reason="the models extra is not installed")
    detector = YOLOv8Seg(DetectorSettings("demo", conf=0.25, device="cpu"))
    truth, found = [], []
    for seed in (31, 32, 33):
        for k in range(0, 300, 30):
            image, labels = World(seed).frame(k)
            (detections,) = detector.detect([image])
            n = len(detections)
            truth.append(labels)
            none = labels.ignore.take([])
            found.append(
                FrameLabels(k, 0.0, np.arange(1, n + 1), detections.classes, detections.scores, detections.masks, none)
            )
    agreement = demo.Agreement()
    for one, two in zip(truth, found, strict=True):
        agreement.add(one, two)
    assert agreement.objects > 100
    assert agreement.recall >= 0.9
    assert agreement.mean_iou >= 0.85


def test_perfect_results_agree_and_missing_frames_count() -> None:
    world = World(3, WorldSettings(height=90, width=160))
    truth = [world.truth(k) for k in range(5)]
    whole = compare(truth, truth)
    assert whole.objects > 5
    assert (whole.recall, whole.mean_iou) == (1, 1)
    part = compare(truth, truth[:3])
    assert part.objects == whole.objects
    assert part.detected == sum(len(labels) for labels in truth[:3])
    assert compare([], []).recall == 0


def test_a_world_is_a_source_and_keeps_its_truth() -> None:
    class Nothing:
        names: dict[int, str] = {}  # noqa: RUF012

        def detect(self, images: object, classes: object = ()) -> list[object]:
            from mots.trackers.detections import Detections

            return [Detections.empty((90, 160))]

    source = WorldSource(World(3, WorldSettings(height=90, width=160)), 4)
    run = Pipeline(source, load(changes={"classes": CLASSES}), detector=Nothing())  # type: ignore[arg-type]
    assert (run.name, run.length, run.frame_rate) == ("world3", 4, 25.0)
    assert [frame.frame for frame in run] == [0, 1, 2, 3]
    assert len(source.truth) == 4
