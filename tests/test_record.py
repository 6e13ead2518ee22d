from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import WorldDetector

import mots
from mots.cli import main
from mots.detection import saved_detections as saved
from mots.errors import InputError, MotsError
from mots.formats import mots_text
from mots.pipeline.pipeline import Pipeline
from mots.pipeline.record import record_pipeline, save_detections
from mots.settings import load
from mots.toy.world import World, WorldSettings
from mots.trackers.detections import Detections
from mots.video.frame import Frame
from mots.video.writer import VideoWriter

REAL = "weights/yolov8n-seg.pt"


def test_a_real_video_becomes_results_and_an_annotated_video(shared: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the models extra is not installed")
    source = str(shared / "data/mots20/0005/images/00002?.jpg")  # 10 frames
    settings = load("mots20", changes={"detector.weights": str(shared / REAL), "detector.device": "cpu"})
    summary = record_pipeline(Pipeline(source, settings), tmp_path / "out", video=True, quiet=True)
    assert (summary.frames, summary.folder) == (10, tmp_path / "out")
    assert summary.tracks >= 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0005.mp4", "0005.txt", "tracks.csv"]
    results = {frame.frame: frame for frame in mots_text.read(tmp_path / "out/0005.txt")}
    truth = {frame.frame: frame for frame in mots_text.read(shared / "data/mots20/0005/instances.txt")}
    assert sorted(results) == list(range(21, 30)) or sorted(results) == list(range(20, 30))
    # The two people in front are found as they are, and keep their ids.
    for frame in range(22, 30):
        areas = truth[frame].masks.areas()
        for i in areas.argsort()[-2:]:
            overlap = truth[frame].masks.take([i]).iou(results[frame].masks)[0]
            assert overlap.max() > 0.7
    with av.open(str(tmp_path / "out/0005.mp4")) as container:
        assert len(list(container.decode(video=0))) == 10


def test_detections_are_saved_once_and_tracked_often(shared: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the models extra is not installed")
    source = str(shared / "data/mots20/0005/images/00002?.jpg")
    changes = {"detector.weights": str(shared / REAL), "classes": ("person",), "detector.device": "cpu"}
    settings = load("mots20", changes={**changes, "camera.enabled": False})
    for name in ("d.npz", "d.txt"):
        said = save_detections(Pipeline(source, settings), tmp_path / name, quiet=True)
        assert said.startswith("10 frames, ")
        assert [each.frame for each in saved.read(tmp_path / name)] == list(range(20, 30))
        with pytest.raises(MotsError, match="exists: choose another folder or replace it"):
            save_detections(Pipeline(source, settings), tmp_path / name, quiet=True)
    record_pipeline(Pipeline(source, settings), tmp_path / "direct", quiet=True)
    record_pipeline(Pipeline(tmp_path / "d.npz", settings), tmp_path / "later", quiet=True)
    assert (tmp_path / "later/d.txt").read_bytes() == (tmp_path / "direct/0005.txt").read_bytes()


class Breaking:
    """A source of a world's frames that breaks off."""

    name, frame_rate, length, live = "walk", 25.0, None, False

    def __init__(self, world: World, frames: int) -> None:
        self.world, self.frames = world, frames

    def __iter__(self) -> Iterator[Frame]:
        for k in range(self.frames):
            yield Frame(k, k / 25, self.world.frame(k)[0])
        raise MotsError("the cable was pulled")


def test_an_offline_run_that_breaks_off_writes_what_it_saw(tmp_path: Path) -> None:
    world = World(3, WorldSettings(height=90, width=160))
    run = Pipeline(Breaking(world, 30), load("kitti-mots"), detector=WorldDetector(world), offline=True)
    with pytest.raises(MotsError, match="cable"):
        record_pipeline(run, tmp_path / "out", quiet=True)
    written = list(mots_text.read(tmp_path / "out/walk.txt"))
    assert len(written) > 20
    assert written[-1].frame == 29
    assert (tmp_path / "out/tracks.csv").read_text().startswith("id,class,")


def test_filled_masks_are_only_written_when_asked_for(tmp_path: Path) -> None:
    world = World(8, WorldSettings(height=90, width=160, walkers=6, vehicles=2))
    with saved.DetectionWriter(tmp_path / "d.npz", 25.0, {}) as writer:
        for k in range(60):
            writer.write(k, k / 25, world.detections(k))

    for write in (False, True):
        settings = load("kitti-mots", changes={"refine.write_filled": write})
        record_pipeline(Pipeline(tmp_path / "d.npz", settings, offline=True), tmp_path / str(write), quiet=True)
    lines = {write: len((tmp_path / f"{write}/d.txt").read_text().splitlines()) for write in (False, True)}
    assert lines[True] > lines[False] > 50


def test_what_is_read_is_never_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with VideoWriter(tmp_path / "match.mp4", 10.0) as writer:
        for k in range(3):
            writer.write(np.full((90, 160, 3), 40 * k, np.uint8), k / 10)
    for name in ("d.npz", "d.txt"):
        with saved.DetectionWriter(tmp_path / name, 10.0) as detections:
            detections.write(0, 0.0, Detections.empty((90, 160)))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for overwrite in (False, True):
        with pytest.raises(InputError, match=r"match\.mp4 is what is read"):
            mots.record("match.mp4", tmp_path, detector=Nothing(), video=True, overwrite=overwrite, quiet=True)
        with pytest.raises(InputError, match=r"d\.txt is what is read"):
            mots.record("d.txt", ".", overwrite=overwrite, quiet=True)
        with pytest.raises(InputError, match=r"d\.npz is what is read"):
            save_detections(Pipeline("d.npz"), "d.npz", overwrite=overwrite, quiet=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert main(["convert", "d.txt", str(tmp_path / "./d.txt"), "--to", "coco", "--overwrite"]) == 2


def test_an_older_video_is_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/arrays.mp4").write_bytes(b"mine")
    images = [np.zeros((90, 160, 3), np.uint8)] * 2
    with pytest.raises(InputError, match=r"arrays\.mp4 exists"):
        mots.record(images, tmp_path / "out", detector=Nothing(), video=True, quiet=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["arrays.mp4"]


class Nothing:
    """A detector that finds nothing."""

    names: dict[int, str] = {}  # noqa: RUF012
    coarse = False

    def detect(self, images: Sequence[np.ndarray], classes: Sequence[int] = ()) -> list[Detections]:
        return [Detections.empty(image.shape[:2]) for image in images]
