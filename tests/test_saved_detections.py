from pathlib import Path

import numpy as np
import pytest
from conftest import files_of_at_most

from mots.cli import main
from mots.detection import npz_file as detections_npz
from mots.detection import saved_detections as saved
from mots.detection import text_file as detections_text
from mots.errors import MotsError, MotsWarning
from mots.pipeline.pipeline import track
from mots.toy.world import World, WorldSettings
from mots.trackers.detections import Detections
from mots.trackers.motion import STILL
from mots.video.writer import VideoWriter

WORLD = World(5, WorldSettings(height=90, width=160))


def frames(count: int) -> list[tuple[int, float, Detections]]:
    """Frames of a world; number 3 is missing and number 5 is empty."""
    return [
        (k, k / 25, Detections.empty(WORLD.size, 64) if k == 5 else WORLD.detections(k)) for k in range(count) if k != 3
    ]


def assert_same(one: Detections, two: Detections, tolerance: float = 0) -> None:
    assert np.abs(one.boxes - two.boxes).max(initial=0) <= tolerance
    assert np.abs(one.scores - two.scores).max(initial=0) <= tolerance
    assert (one.classes == two.classes).all()
    assert all((one.masks.image(i) == two.masks.image(i)).all() for i in range(len(one)))


def test_npz_gives_back_everything_over_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detections_npz, "BLOCK", 4)
    monkeypatch.setattr(detections_text, "BLOCK", 4)
    path = tmp_path / "d.npz"
    with saved.DetectionWriter(path, 25.0, {80: "forklift"}) as writer:
        for each in frames(14):
            writer.write(*each)
    back = saved.read(path)
    assert (back.frame_rate, back.length, back.names) == (25.0, 13, {80: "forklift"})
    for (number, time, one), two in zip(frames(14), back, strict=True):
        assert (number, time) == (two.frame, two.time)
        assert_same(one, two.detections)
        if len(one):
            assert (one.embeddings == two.detections.embeddings).all()


def test_npz_keeps_the_cameras_motion_and_does_without(tmp_path: Path) -> None:
    motion = np.array([[1.0, 0.01, 3.0], [-0.01, 1.0, 0.5]])
    with saved.DetectionWriter(tmp_path / "d.npz", 25.0, {}) as writer:
        for k, (number, time, found) in enumerate(frames(6)):
            writer.write(number, time, found, k * motion)
    assert [each.motion.tolist() for each in saved.read(tmp_path / "d.npz")] == [
        (k * motion).tolist() for k in range(5)
    ]
    with np.load(tmp_path / "d.npz") as file:
        arrays = {name: file[name] for name in file.files if not name.endswith("cameras")}
    np.savez(tmp_path / "old.npz", **arrays)
    assert all((each.motion == STILL).all() for each in saved.read(tmp_path / "old.npz"))


def test_saved_detections_are_tracked_as_the_frames_are(tmp_path: Path) -> None:
    world = World(5, WorldSettings(height=180, width=320))
    with VideoWriter(tmp_path / "walk.mp4", 25) as writer:
        for k, (image, _) in enumerate(world.frames(12)):
            writer.write(image, k / 25)
    assert (
        main(["detect", str(tmp_path / "walk.mp4"), "--weights", "demo", "--output", str(tmp_path / "walk.npz")]) == 0
    )
    for name in ("mp4", "npz"):
        command = ["track", str(tmp_path / f"walk.{name}"), "--weights", "demo", "--quiet"]
        assert main([*command, "--output", str(tmp_path / name)]) == 0
    assert (tmp_path / "mp4/walk.txt").read_bytes() == (tmp_path / "npz/walk.txt").read_bytes() != b""
    assert any((each.motion != STILL).any() for each in saved.read(tmp_path / "walk.npz"))


def test_text_gives_back_the_frames_that_were_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detections_npz, "BLOCK", 4)
    monkeypatch.setattr(detections_text, "BLOCK", 4)
    path = tmp_path / "d.txt"
    with saved.DetectionWriter(path, 25.0, {}) as writer:
        for each in frames(14):
            writer.write(*each)
    given = list(frames(14))
    opened = saved.read(path)
    assert opened.frame_rate == 25.0
    back = list(opened)
    assert [(each.frame, each.time) for each in back] == [each[:2] for each in given]
    for (_, _, one), read in zip(given, back, strict=True):
        assert_same(one, read.detections, 0.0)


def test_frames_without_lines_of_foreign_text_are_empty_and_long_gaps_are_gaps(tmp_path: Path) -> None:
    path = tmp_path / "d.txt"
    path.write_text("".join(f"{k} 0 0.5 1 1 5 5 20 30 hb0\n" for k in (3, 6, 2000, 2_000_000_000)))
    back = list(saved.read(path))
    assert [each.frame for each in back] == [3, 4, 5, 6, 2000, 2_000_000_000]
    assert [len(each.detections) for each in back] == [1, 0, 0, 1, 1, 1]
    assert all(np.isnan(each.time) for each in back)


def test_an_interrupted_writer_leaves_whole_frames(tmp_path: Path) -> None:
    for writer in (
        saved.DetectionWriter(tmp_path / "d.npz", 25.0, {}),
        saved.DetectionWriter(tmp_path / "d.txt", 25.0, {}),
    ):
        for each in frames(3):
            writer.write(*each)
        writer.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert len(list(saved.read(tmp_path / "d.npz"))) == len(list(saved.read(tmp_path / "d.txt"))) == 3


def test_real_detections_are_read(shared: Path) -> None:
    back = list(saved.read(shared / "acceptance/detections/0005.txt"))
    assert [each.frame for each in back] == list(range(1, 838))
    assert sum(len(each.detections) for each in back) == 12767
    assert back[0].detections.size == (480, 640)
    for each in back:
        each.detections.check()


GOOD = "0 0 0.5 1 1 5 5 20 30 hb0"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0 0.5 1 1 5 5 20 30", ":2: 9 fields where a line of detections has 10"),
        ("0 x 0.5 1 1 5 5 20 30 hb0", ":2: expected a whole number, found 'x'"),
        ("0 0 y 1 1 5 5 20 30 hb0", ":2: expected a number, found 'y'"),
        ("0 0 1.5 1 1 5 5 20 30 hb0", ":2: a score outside 0 to 1"),
        ("0 0 nan 1 1 5 5 20 30 hb0", ":2: a score outside 0 to 1"),
        ("0 0 0.5 1 1 inf 5 20 30 hb0", ":2: a number that is not finite"),
        ("0 0 0.5 5 1 1 5 20 30 hb0", ":2: a box with x2 < x1"),
        ("0 -1 0.5 1 1 5 5 20 30 hb0", ":2: a class outside 0 to 2,147,483,647"),
        ("0 4294967296 0.5 1 1 5 5 20 30 hb0", ":2: a class outside 0 to 2,147,483,647"),
        ("0 0 0.5 1 1 5 1e20 20 30 hb0", ":2: a box far outside of the 20 x 30 frame"),
        ("0 0 0.5 90 1 95 5 20 30 hb0", ":2: a box far outside of the 20 x 30 frame"),
        ("0 0 0.5 -9 -9 -1 -1 20 30 hb0", ":2: a box far outside of the 20 x 30 frame"),
        ("0 0 0.5 1 1 5 5 30 20 hb0", ":2: another frame size than 20 x 30 before"),
        ("0 0 0.5 1 1 5 5 20 30 hb", ":2: the mask does not decode"),
        ("-1 0 0.5 1 1 5 5 20 30 hb0", ":2: a frame number outside 0 to 2,147,483,647"),
    ],
)
def test_a_wrong_line_is_named(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "d.txt"
    path.write_text(f"{GOOD}\n{line}\n")
    with pytest.raises(MotsError) as caught:
        list(saved.read(path))
    assert str(caught.value).startswith(f"{path}{message}"), caught.value


def test_files_that_are_none_say_so(tmp_path: Path) -> None:
    with pytest.raises(MotsError, match="no such file"):
        saved.read(tmp_path / "d.npz")
    (tmp_path / "d.npz").write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(MotsError, match="not an npz file"):
        saved.read(tmp_path / "d.npz")
    np.savez(tmp_path / "e.npz", x=np.zeros(3))
    with pytest.raises(MotsError, match="no array 'about'"):
        saved.read(tmp_path / "e.npz")
    (tmp_path / "d.csv").write_text("")
    with pytest.raises(MotsError, match=r"end in \.npz or \.txt"):
        saved.read(tmp_path / "d.csv")


def fill(writer: saved.DetectionWriter, many: list[tuple[int, float, Detections]]) -> None:
    with writer:
        for each in many:
            writer.write(*each)


@pytest.mark.parametrize("name", ["d.npz", "d.txt"])
def test_a_full_disk_leaves_a_file_of_what_did_fit(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detections_npz, "BLOCK", 1)
    one = WORLD.detections(0).take([0])
    many = [(k, k / 25, one) for k in range(200)]
    limit = 6000
    path = tmp_path / name
    writer = saved.DetectionWriter(path, 25.0, {})
    with files_of_at_most(limit), pytest.raises(OSError, match="File too large"):
        fill(writer, many)
    assert path.stat().st_size <= limit
    frames = list(saved.read(path))
    assert 0 < len(frames) < 200
    assert [each.frame for each in frames] == list(range(len(frames)))


def test_detections_of_another_length_are_told(tmp_path: Path) -> None:
    world = World(3, WorldSettings(height=90, width=160))
    for name, count in (("short", 4), ("long", 9)):
        with saved.DetectionWriter(tmp_path / f"{name}.npz", 25.0, {}) as writer:
            for k in range(count):
                writer.write(k, k / 25, world.detections(k))
    images = [world.frame(k)[0] for k in range(6)]
    with pytest.warns(MotsWarning, match="the last 2 frames of arrays have no detections"):
        assert len(list(track(images, detections=tmp_path / "short.npz"))) == 6
    with pytest.warns(MotsWarning, match="detections of 3 frames are not used: arrays has no such frames"):
        assert len(list(track(images, detections=tmp_path / "long.npz"))) == 6
