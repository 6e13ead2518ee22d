from pathlib import Path

import numpy as np
import pytest
from conftest import boxes_as_detections, files_of_at_most

from mots.toy.world import World, WorldSettings
from mots.trackers.lifecycle import LifecycleSettings
from mots.trackers.tracker import Tracker, TrackerSettings

WORLD = World(11, WorldSettings(height=120, width=200, walkers=6, vehicles=2))


def test_a_video_in_two_pieces_is_tracked_as_in_one(tmp_path: Path) -> None:
    frames = [WORLD.detections(k) for k in range(90)]
    whole, first = Tracker(frame_rate=25), Tracker(frame_rate=25)
    wanted = [whole.update(found).tolist() for found in frames]
    found = [first.update(each).tolist() for each in frames[:30]]
    first.save(tmp_path / "state.npz")
    second = Tracker.load(tmp_path / "state.npz")
    found += [second.update(each).tolist() for each in frames[30:]]
    assert max(max(ids, default=0) for ids in wanted) >= 3
    assert found == wanted
    whole.save(tmp_path / "a.npz")
    second.save(tmp_path / "b.npz")
    with np.load(tmp_path / "a.npz") as a, np.load(tmp_path / "b.npz") as b:
        assert a.files == b.files
        assert all(a[name].tobytes() == b[name].tobytes() for name in a.files)  # bit for bit


def test_a_tracker_that_saw_nothing_can_be_saved(tmp_path: Path) -> None:
    Tracker(frame_rate=12.5).save(tmp_path / "new.npz")
    loaded = Tracker.load(tmp_path / "new.npz")
    assert loaded.frame_rate == 12.5
    assert loaded.update(boxes_as_detections([(0, 0, 10, 10)], [0.9])).tolist() == [1]


def test_what_is_no_state_is_refused(tmp_path: Path) -> None:
    settings = TrackerSettings(lifecycle=LifecycleSettings(memory=9.0))
    Tracker(settings).save(tmp_path / "x.npz")
    with pytest.raises(ValueError, match="memory"):
        Tracker.load(tmp_path / "x.npz", TrackerSettings())
    assert Tracker.load(tmp_path / "x.npz", settings).alive == 0
    (tmp_path / "y.npz").write_bytes(b"something else")
    np.savez(tmp_path / "z.npz", boxes=np.zeros(3))
    for name in ("y.npz", "z.npz"):
        with pytest.raises(ValueError, match="not the state of a tracker"):
            Tracker.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        Tracker.load(tmp_path / "nothing.npz")


def test_a_full_disk_leaves_the_state_before(tmp_path: Path) -> None:
    tracker = Tracker()
    tracker.save(tmp_path / "x.npz")
    before = (tmp_path / "x.npz").read_bytes()
    for k in range(5):
        tracker.update(WORLD.detections(k))
    with files_of_at_most(2000), pytest.raises(OSError, match="File too large"):
        tracker.save(tmp_path / "x.npz")
    assert (tmp_path / "x.npz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]
