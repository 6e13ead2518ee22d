from pathlib import Path

import av
import pytest

from mots.errors import MotsError
from mots.formats import kitti_mots
from mots.formats import saved_detections as saved
from mots.pipeline import Run
from mots.recording import record, save_detections
from mots.settings import load

REAL = "weights/yolov8n-seg.pt"


def test_a_real_video_becomes_results_and_an_annotated_video(shared: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the models extra is not installed")
    source = str(shared / "data/mots20/0005/images/00002?.jpg")  # 10 frames
    settings = load("mots20", changes={"detector.weights": str(shared / REAL), "detector.device": "cpu"})
    summary = record(Run(source, settings), tmp_path / "out", video=True, quiet=True)
    assert (summary.frames, summary.folder) == (10, tmp_path / "out")
    assert summary.tracks >= 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0005.mp4", "0005.txt", "tracks.csv"]
    results = {frame.frame: frame for frame in kitti_mots.read(tmp_path / "out/0005.txt")}
    truth = {frame.frame: frame for frame in kitti_mots.read(shared / "data/mots20/0005/instances.txt")}
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
        said = save_detections(Run(source, settings), tmp_path / name, quiet=True)
        assert said.startswith("10 frames, ")
        assert [each.frame for each in saved.read(tmp_path / name)] == list(range(20, 30))
        with pytest.raises(MotsError, match="add --overwrite"):
            save_detections(Run(source, settings), tmp_path / name, quiet=True)
    record(Run(source, settings), tmp_path / "direct", quiet=True)
    record(Run(tmp_path / "d.npz", settings), tmp_path / "later", quiet=True)
    assert (tmp_path / "later/d.txt").read_bytes() == (tmp_path / "direct/0005.txt").read_bytes()
