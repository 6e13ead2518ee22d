import json
from contextlib import suppress
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


@pytest.fixture(scope="module")
def saved_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracker's file with live, lost and remembered tracks."""
    settings = TrackerSettings(lifecycle=LifecycleSettings(memory=0.2, occluded_memory=0.2))
    tracker = Tracker(settings, 25)
    for k in range(120):
        tracker.update(WORLD.detections(k))
    path = tmp_path_factory.mktemp("state") / "x.npz"
    tracker.save(path)
    with np.load(path) as file:
        assert len(file["ids"]) > 2
        assert len(file["archive.ids"]) > 0
    return path


def changes(array: np.ndarray) -> dict[str, np.ndarray | None]:
    """What a damaged or crafted file may have in an array's place; None: nothing."""
    found: dict[str, np.ndarray | None] = {"missing": None, "text": np.array(["x"]), "complex": array.astype(complex)}
    if array.ndim:
        found["a row too few"] = array[:-1]
        found["a row too many"] = np.concatenate([array, array[:1]])
        found["another axis"] = array[..., None]
    for value in (-1, 2**30, np.nan, np.inf, -np.inf):
        if array.dtype.kind == "f" or (array.dtype.kind in "iu" and np.isfinite(value)):
            if array.dtype.kind in "iu" and not np.iinfo(array.dtype).min <= value <= np.iinfo(array.dtype).max:
                continue
            found[f"all {value}"] = np.full_like(array, value)
    return found


def test_every_array_of_a_crafted_file_is_checked(saved_state: Path, tmp_path: Path) -> None:
    with np.load(saved_state) as file:
        arrays = {name: file[name] for name in file.files}
    refused = 0
    for name, array in arrays.items():
        if array.dtype.kind not in "iuf":
            continue
        for change, other in changes(array).items():
            crafted = {key: value for key, value in {**arrays, name: other}.items() if value is not None}
            np.savez(tmp_path / "crafted.npz", **crafted)
            try:
                tracker = Tracker.load(tmp_path / "crafted.npz")
            except ValueError:
                refused += 1
                continue
            # What is let through must be a state that tracking goes on from, or that refuses the next frame; pixels
            # after the last mask are never read.
            harmless = name.endswith("masks.pixels") and change == "a row too many"
            assert harmless or change.startswith("all ") or (other is not None and np.array_equal(other, array))
            with suppress(ValueError):
                tracker.update(WORLD.detections(120))
    assert refused > 150


def test_a_file_from_before_a_setting_was_added_is_taken(saved_state: Path, tmp_path: Path) -> None:
    with np.load(saved_state) as file:
        arrays = {name: file[name] for name in file.files}
    texts = [name for name, array in arrays.items() if array.dtype.kind == "U" and "memory" in str(array)]
    (name,) = texts
    stored = json.loads(str(arrays[name]))
    memory = stored["lifecycle"].pop("occluded_coverage")
    assert memory == LifecycleSettings().occluded_coverage
    arrays[name] = np.array(json.dumps(stored))
    np.savez(tmp_path / "older.npz", **arrays)
    older, whole = Tracker.load(tmp_path / "older.npz"), Tracker.load(saved_state)
    assert older.settings == whole.settings
    for k in range(120, 130):
        assert older.update(WORLD.detections(k)).tolist() == whole.update(WORLD.detections(k)).tolist()
