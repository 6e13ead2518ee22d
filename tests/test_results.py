import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import files_of_at_most

from mots.errors import MotsError, MotsWarning
from mots.formats import mots_text
from mots.labels import FrameLabels
from mots.pipeline.results import ResultFolder
from mots.trackers.masks import Masks

SIZE = (40, 60)
PERSON, CAR, TRUCK = 0, 2, 7


def frame(number: int, objects: dict[int, int], score: float = 0.5) -> FrameLabels:
    """Objects (track to class), each a block of its own."""
    corners = [(6 * (track % 10), 5) for track in objects]
    masks = Masks.from_crops(SIZE, corners, [np.ones((20, 5))] * len(objects))
    ids, classes = np.array(list(objects), np.int64), np.array(list(objects.values()), np.int64)
    scores = np.full(len(objects), score, np.float32)
    return FrameLabels(number, number / 10, ids, classes, scores, masks, Masks.empty(SIZE))


def table(folder: Path) -> list[list[str]]:
    return [line.split(",") for line in (folder / "tracks.csv").read_text().splitlines()]


def test_a_run_leaves_mots_text_and_a_table_of_tracks(tmp_path: Path) -> None:
    with ResultFolder(tmp_path / "runs/a", "0002", overwrite=False) as results:
        results.write(frame(3, {1: PERSON, 2: CAR}, 0.5))
        results.write(frame(4, {}))
        results.write(frame(6, {2: CAR}, 1.0))
    back = list(mots_text.read(tmp_path / "runs/a/0002.txt"))
    assert [(f.frame, f.ids.tolist(), f.classes.tolist()) for f in back] == [
        (3, [2001, 1002], [PERSON, CAR]),
        (6, [1002], [CAR]),
    ]
    assert table(tmp_path / "runs/a") == [
        ["id", "class", "first_frame", "last_frame", "frames", "mean_score", "mean_confidence", "mots_id", "sequence"],
        ["1", "person", "3", "3", "1", "0.5000", "", "2001", "0002"],
        ["2", "car", "3", "6", "2", "0.7500", "", "1002", "0002"],
    ]
    assert sorted(path.name for path in (tmp_path / "runs/a").iterdir()) == ["0002.txt", "tracks.csv"]


def test_a_track_that_changes_its_class_has_one_id_and_one_class_throughout(tmp_path: Path) -> None:
    with ResultFolder(tmp_path, "x", overwrite=False) as results:
        results.write(frame(0, {1: TRUCK, 2: CAR}))
        results.write(frame(1, {1: CAR, 2: CAR}))
    back = list(mots_text.read(tmp_path / "x.txt"))
    assert [(f.ids.tolist(), f.classes.tolist()) for f in back] == [([1001, 1002], [CAR, CAR])] * 2
    assert [row[:2] for row in table(tmp_path)[1:]] == [["1", "car"], ["2", "car"]]


def test_nothing_is_replaced_unless_asked(tmp_path: Path) -> None:
    for overwrite in (False, True):
        with ResultFolder(tmp_path, "x", overwrite) as results:
            results.write(frame(0, {1: PERSON}))
    before = (tmp_path / "x.txt").read_bytes()
    with pytest.raises(MotsError, match=r"x\.txt exists: choose another folder or replace it"):
        ResultFolder(tmp_path, "x", overwrite=False)
    assert (tmp_path / "x.txt").read_bytes() == before


def interrupted(results: ResultFolder) -> None:
    with results:
        results.write(frame(0, {1: PERSON}))
        raise KeyboardInterrupt


def test_an_interrupted_run_keeps_its_frames(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(ResultFolder(tmp_path, "x", overwrite=False))
    assert [f.frame for f in mots_text.read(tmp_path / "x.txt")] == [0]
    assert len(table(tmp_path)) == 2


def fill(results: ResultFolder) -> None:
    with results:
        for number in range(1000):
            results.write(frame(number, {1: TRUCK if number == 0 else CAR, 2: PERSON}))


def test_a_full_disk_leaves_whole_frames_and_says_so(tmp_path: Path) -> None:
    with files_of_at_most(700), pytest.raises(MotsError, match=r"frame \d+ could not be written .*make room"):
        fill(ResultFolder(tmp_path, "x", overwrite=False))
    frames = list(mots_text.read(tmp_path / "x.txt"))
    assert 3 < len(frames) < 30
    assert all(len(f) == 2 for f in frames)
    assert (tmp_path / "x.txt").stat().st_size <= 700


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MotsError, match="cannot be written"):
        ResultFolder(tmp_path / "file", "x", overwrite=False)


def failing(results: ResultFolder, frames: int, error: type[BaseException] = KeyboardInterrupt) -> None:
    with results:
        for k in range(frames):
            results.write(frame(k, {7: CAR}))
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, MotsError])
def test_an_older_result_stays_until_a_new_one_is_whole(error: type[BaseException], tmp_path: Path) -> None:
    with ResultFolder(tmp_path, "x") as results:
        results.write(frame(0, {1: PERSON}))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    said = r"the older result is kept; the 3 frames so far are in x\.txt\.partial"
    with pytest.warns(MotsWarning, match=said), pytest.raises(error):
        failing(ResultFolder(tmp_path, "x", overwrite=True), 3, error)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert [f.frame for f in mots_text.parse(after.pop("x.txt.partial"), "x").to_frames()] == [0, 1, 2]
    assert after == before
    with ResultFolder(tmp_path, "x", overwrite=True) as results:
        results.write(frame(5, {2: PERSON}))
    assert [f.frame for f in mots_text.read(tmp_path / "x.txt")] == [5]


def test_a_run_that_fails_at_once_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        failing(ResultFolder(tmp_path / "runs/new/deep", "x"), 0)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "there").mkdir()
    (tmp_path / "there/notes.txt").write_text("mine")
    with pytest.raises(KeyboardInterrupt):
        failing(ResultFolder(tmp_path / "there", "x"), 0)
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["notes.txt"]


def test_two_clips_in_one_folder_are_both_in_the_table(tmp_path: Path) -> None:
    for name, track in (("a", 1), ("b", 2), ("=c", 3), ("a", 4)):
        with ResultFolder(tmp_path, name, overwrite=True) as results:
            results.write(frame(0, {track: PERSON}))
    assert [(row[0], row[-1]) for row in table(tmp_path)[1:]] == [("2", "b"), ("3", "'=c"), ("4", "a")]


def test_another_table_of_this_name_is_nobody_s_to_change(tmp_path: Path) -> None:
    (tmp_path / "tracks.csv").write_text("a,b\n1,2\n")
    with pytest.raises(MotsError, match=r"tracks\.csv: a table of other columns"):
        ResultFolder(tmp_path, "x")
    assert [path.name for path in tmp_path.iterdir()] == ["tracks.csv"]


def test_a_second_run_of_one_name_is_refused(tmp_path: Path) -> None:
    with ResultFolder(tmp_path, "x") as results:
        results.write(frame(0, {1: PERSON}))
        code = f"from mots.pipeline.results import ResultFolder; ResultFolder({str(tmp_path)!r}, 'x', True)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "another run is writing this file" in done.stderr
        results.write(frame(1, {1: PERSON}))
    assert [f.frame for f in mots_text.read(tmp_path / "x.txt")] == [0, 1]
