from pathlib import Path

import numpy as np
import pytest
from conftest import files_of_at_most

from mots.errors import MotsError
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
