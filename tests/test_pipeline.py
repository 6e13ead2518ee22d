import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mots
from mots.detection import saved_detections as saved
from mots.errors import MotsError
from mots.pipeline.pipeline import Pipeline
from mots.settings import load
from mots.toy.world import World, WorldSettings
from mots.trackers.detections import Detections

WORLD = World(8, WorldSettings(height=90, width=160, walkers=6, vehicles=2))
ALL = ("person", "car", "bus", "truck")


class Oracle:
    """A detector that sees the world's noisy detections in place of pictures; frames tell their number by a pixel."""

    names: dict[int, str] = {}  # noqa: RUF012
    coarse = False

    def detect(self, images: Sequence[np.ndarray], classes: Sequence[int] = ()) -> list[Detections]:
        found = [WORLD.detections(int(image[0, 0, 0])) for image in images]
        return [each.take(np.isin(each.classes, classes)) for each in found]


def write_frames(folder: Path, numbers: range) -> Path:
    folder.mkdir()
    for k in numbers:
        image = np.zeros((90, 160, 3), np.uint8)
        image[0, 0] = k
        Image.fromarray(image).save(folder / f"{k:06d}.png")
    return folder


def save(path: Path, numbers: range) -> Path:
    writer = saved.DetectionWriter(path, 25.0, {})
    with writer:
        for k in numbers:
            writer.write(k, k / 25, WORLD.detections(k))
    return path


def ids_of(frames: list[mots.TrackedFrame]) -> list[tuple[int, list[int]]]:
    return [(frame.frame, frame.ids.tolist()) for frame in frames]


def test_frames_come_lazily_with_ids_masks_classes_time_and_image(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "walk", range(10, 40))
    frames = mots.track(folder, detector=Oracle(), classes=ALL, frame_rate=25.0)
    first = next(frames)
    assert (first.frame, first.time, first.image.shape) == (10, 0.0, (90, 160, 3))
    (folder / "000030.png").unlink()  # it was not read yet
    with pytest.warns(mots.MotsWarning, match="frame 30"):
        rest = list(frames)
    assert [f.frame for f in rest] == [k for k in range(11, 40) if k != 30]
    assert sum(len(f) for f in rest) > 30
    for frame in rest:
        assert len(frame.ids) == len(frame.masks) == len(frame.classes) == len(set(frame.ids.tolist()))
        common = frame.masks.intersections(frame.masks)
        assert (common == np.diag(frame.masks.areas())).all()


def test_saved_detections_track_as_the_network_would(tmp_path: Path) -> None:
    numbers = range(5, 45)
    folder = write_frames(tmp_path / "walk", numbers)
    direct = ids_of(list(mots.track(folder, detector=Oracle(), classes=ALL, frame_rate=25.0)))
    npz, text = save(tmp_path / "d.npz", numbers), save(tmp_path / "d.txt", numbers)
    assert ids_of(list(mots.track(npz, classes=ALL))) == direct
    assert ids_of(list(mots.track(folder, detections=npz, classes=ALL, frame_rate=25.0))) == direct
    rounded = ids_of(list(mots.track(text, classes=ALL, frame_rate=25.0)))
    assert [frame for frame, _ in rounded] == [frame for frame, _ in direct]
    together = ids_of(list(mots.track(folder, detections=text, classes=ALL, frame_rate=25.0)))
    assert together == rounded


def test_classes_are_filtered(tmp_path: Path) -> None:
    path = save(tmp_path / "d.npz", range(40))
    people = list(mots.track(path, classes=["person"]))
    assert {int(c) for f in people for c in f.classes} == {0}
    everything = list(mots.track(path, settings=load(changes={"classes": ()})))
    assert len({int(c) for f in everything for c in f.classes}) > 1
    with pytest.raises(MotsError, match="unknown class 'persn'"):
        mots.track(path, classes=["persn"])


def test_detections_must_belong_to_the_frames(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "walk", range(3))
    with pytest.raises(MotsError, match="no detections for any frame of walk"):
        list(mots.track(folder, detections=save(tmp_path / "later.npz", range(10, 12))))
    Image.fromarray(np.zeros((50, 50, 3), np.uint8)).save(tmp_path / "0.png")
    with pytest.raises(MotsError, match="detections of 90 x 160 frames for frames of 50 x 50"):
        list(mots.track(tmp_path / "0.png", detections=save(tmp_path / "now.npz", range(2))))
    with pytest.raises(MotsError, match="are both detections"):
        mots.track(tmp_path / "now.npz", detections=tmp_path / "later.npz")


def test_settings_can_be_an_object_a_file_or_flags(tmp_path: Path) -> None:
    path = save(tmp_path / "d.npz", range(30))
    (tmp_path / "s.toml").write_text("[tracker.lifecycle]\nnew_score = 1.0\n")
    assert sum(len(f) for f in mots.track(path, settings=tmp_path / "s.toml")) == 0
    assert sum(len(f) for f in mots.track(path, settings=load(), classes=ALL)) > 0
    run = Pipeline(path, load(changes={"detector.conf": 0.3}))
    assert run.settings.detector.conf == 0.3
    with pytest.raises(MotsError, match=r"frame_rate is -1\.0"):
        Pipeline(save(tmp_path / "t.txt", range(3)), load(changes={"frame_rate": -1.0}))


def test_importing_mots_imports_nothing_heavy() -> None:
    code = "import sys, mots; print([m for m in ('torch', 'cv2', 'pandas', 'matplotlib', 'scipy') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
    assert "track" in dir(mots)
    with pytest.raises(AttributeError, match="nothing"):
        _ = mots.nothing
    assert all(getattr(mots, name) is not None for name in mots.__all__)


def test_tracking_takes_flat_memory(tmp_path: Path) -> None:
    path = save(tmp_path / "d.npz", range(300))
    code = (
        "import sys, resource, mots\n"
        "peaks = []\n"
        "for n, f in enumerate(mots.track(sys.argv[1], classes=['person', 'car'])):\n"
        "    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        "print(peaks[-1] / peaks[80])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1.05


def test_an_offline_run_sees_tentative_frames_and_gives_every_picture(tmp_path: Path) -> None:
    numbers = range(5, 65)
    folder = write_frames(tmp_path / "walk", numbers)
    online = list(mots.track(folder, detector=Oracle(), classes=ALL, frame_rate=25.0))
    offline = list(mots.track(folder, detector=Oracle(), classes=ALL, frame_rate=25.0, offline=True))
    assert [frame.frame for frame in offline] == [frame.frame for frame in online] == list(numbers)
    assert [int(frame.image[0, 0, 0]) for frame in offline] == list(numbers)
    for frame in offline:
        common = frame.masks.intersections(frame.masks)
        assert (common == np.diag(frame.masks.areas())).all()
        assert len(frame.predicted) == len(frame)
    truth = {"w": [WORLD.truth(k) for k in numbers]}
    people = {
        name: mots.score(truth, {"w": frames}, benchmark="kitti-mots").combined["pedestrian"].numbers()
        for name, frames in (("online", online), ("offline", offline))
    }
    assert people["offline"]["FN"] < people["online"]["FN"]
    assert people["offline"]["HOTA"] > people["online"]["HOTA"]


def test_a_frame_is_taken_apart_with_its_marks(tmp_path: Path) -> None:
    frames = list(mots.track(save(tmp_path / "d.npz", range(40)), classes=ALL, offline=True))
    frame = next(each for each in frames if each.predicted.any())
    rest = frame.take(np.flatnonzero(~frame.predicted))
    assert not rest.predicted.any()
    assert len(rest) == len(frame) - frame.predicted.sum()
    assert (frame.scores[frame.predicted] == 0).all()
    assert (frame.confidence[frame.predicted] == 0).all()
    assert rest.confidence.tolist() == frame.confidence[~frame.predicted].tolist()
    every = np.concatenate([each.confidence for each in frames])
    assert every.min() >= 0
    assert np.median(every) > 0.5
    assert every.max() <= 1


@pytest.mark.parametrize("hole", [0, 20, 5000])
def test_saved_as_npz_and_as_text_detections_get_the_same_ids(hole: int, tmp_path: Path) -> None:
    numbers = [*range(15), *(k + hole for k in range(15, 40))]
    for ending in (".npz", ".txt"):
        with saved.DetectionWriter(tmp_path / f"d{ending}", 25.0) as writer:
            for k, number in enumerate(numbers):
                found = WORLD.detections(k) if k % 7 else Detections.empty((90, 160))
                writer.write(number, number / 25, found)
    npz = list(mots.track(tmp_path / "d.npz", classes=ALL))
    text = list(mots.track(tmp_path / "d.txt", classes=ALL))
    assert ids_of(npz) == ids_of(text)
    assert [frame.time for frame in npz] == [frame.time for frame in text]
    ids = [
        {identity for frame in npz if (frame.frame < 15) is early for identity in frame.ids.tolist()}
        for early in (True, False)
    ]
    assert bool(ids[0] & ids[1]) is (hole < 5000)


class OtherSize:
    names: dict[int, str] = {}  # noqa: RUF012
    coarse = False

    def detect(self, images: Sequence[np.ndarray], classes: Sequence[int] = ()) -> list[Detections]:
        return [Detections.from_masks(mots.Masks.from_crops((45, 80), [(5, 5)], [np.ones((20, 9), bool)]), [0.9], [0])]


def test_masks_of_another_size_than_the_frame_are_refused(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "walk", range(3))
    with pytest.raises(MotsError, match="frame 0: detections with masks of 45 x 80 for a frame of 90 x 160"):
        list(mots.track(folder, detector=OtherSize()))
    stream = mots.Stream(detector=OtherSize())
    with pytest.raises(MotsError, match="masks of 45 x 80 for a frame of 90 x 160"):
        stream.update(np.zeros((90, 160, 3), np.uint8))


def test_settings_without_sense_are_refused_whoever_made_them(tmp_path: Path) -> None:
    path = save(tmp_path / "d.npz", range(3))
    settings = dataclasses.replace(load(), frame_rate=float("nan"))
    with pytest.raises(MotsError, match="frame_rate is nan"):
        Pipeline(path, settings)
