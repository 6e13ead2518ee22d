from pathlib import Path

import numpy as np
import pytest
from conftest import random_images

from mots.errors import MotsError
from mots.formats import mots_text
from mots.formats.mots_text import IdTable, join_id, split_id
from mots.labels import FrameLabels
from mots.trackers.masks import Masks

SIZE = (20, 30)


def labels(rng: np.random.Generator, frame: int, ids: list[int], classes: list[int]) -> FrameLabels:
    masks, _ = Masks.from_images(random_images(rng, len(ids), SIZE, 0.8)).disjoint(np.zeros(len(ids)))
    none = Masks.empty(SIZE)
    return FrameLabels(frame, frame / 30, np.array(ids), np.array(classes), np.ones(len(ids), np.float32), masks, none)


def test_what_is_written_is_read_back(rng: np.random.Generator, tmp_path: Path) -> None:
    written = [labels(rng, frame, [11, 5, 9], [0, 2, 7]) for frame in (1, 2, 5)]
    table = IdTable()
    path = tmp_path / "0002.txt"
    path.write_text("".join(mots_text.lines(each, table) for each in written))
    back = list(mots_text.read(path))
    assert table.ids == {11: 2011, 5: 1005, 9: 18009}
    for one, two in zip(written, back, strict=True):
        full = np.flatnonzero(one.masks.areas())
        assert two.frame == one.frame
        assert two.time == pytest.approx(one.time)
        assert two.ids.tolist() == [table.ids[i] for i in one.ids[full].tolist()]
        assert two.classes.tolist() == one.classes[full].tolist()
        assert all((two.masks.image(i) == one.masks.image(j)).all() for i, j in enumerate(full.tolist()))


def test_real_truth_is_read_whole(shared: Path) -> None:
    frames = list(mots_text.read(shared / "data/mots20/0005/instances.txt"))
    text = (shared / "data/mots20/0005/instances.txt").read_text().splitlines()
    assert sum(len(f) + len(f.ignore) for f in frames) == len(text)
    assert sum(len(f.ignore) for f in frames) == sum(line.split()[2] == "10" for line in text)
    assert {int(i) // 1000 for f in frames for i in f.ids} == {2}
    table = IdTable()
    table.ids = {int(i): int(i) for f in frames for i in f.ids}
    again = "".join(mots_text.lines(frame, table) for frame in frames).splitlines()
    assert sorted(again) == sorted(line for line in text if line.split()[2] != "10")


def test_more_than_999_tracks_of_a_class_share_no_id_with_anything() -> None:
    table = IdTable()
    classes = {0: 2, 2: 1, 3: 14, 79: 90}
    ids = {track: table.of(track, list(classes)[track % 4]) for track in range(1, 10_000)}
    assert len(set(ids.values())) == len(ids)
    assert (ids[4], ids[996], ids[1000]) == (2004, 2996, 2_001_000)
    assert all(split_id(identity) == (list(classes.values())[track % 4], track) for track, identity in ids.items())
    # No short id of any class, and no long id of another one, can be what a class was given.
    assert join_id(999, 999) < join_id(1, 1000) < join_id(1, 999_999) < join_id(2, 1000)
    for wrong in (0, 1_000_000):
        with pytest.raises(ValueError, match="instance"):
            join_id(1, wrong)


GOOD = "3 2001 2 20 30 hb0"  # 600 clear pixels


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("3 2001 2 20 30", ":2: 5 fields where a KITTI MOTS line has 6"),
        ("3 2001 2 20 30 hb0 0", ":2: 7 fields"),
        ("x 2001 2 20 30 hb0", ":2: frame 'x': expected a whole number"),
        ("3 2.5 2 20 30 hb0", ":2: id '2.5'"),
        ("3 2001 2 20 99999999999999999999 hb0", ":2: width '9999"),
        ("-1 2001 2 20 30 hb0", ":2: frame -1"),
        ("3 2002 4 20 30 hb0", ":2: class 4 is none of"),
        ("3 2002 2 30 20 hb0", ":2: a frame of 30 x 20 where line 1 has 20 x 30"),
        ("3 2002 2 20 30 5", ":2: the mask does not decode: runs of 5 pixels"),
        ("3 2001 2 20 30 hb0", ":2: id 2001 a second time in frame 3"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_wanted(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "0002.txt"
    path.write_text(f"{GOOD}\n{line}\n")
    with pytest.raises(MotsError) as caught:
        list(mots_text.read(path))
    assert str(caught.value).startswith(f"{path}{message}"), caught.value


def test_an_empty_file_and_blank_lines_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "0002.txt"
    path.write_text("")
    assert list(mots_text.read(path)) == []
    path.write_text(f"\n{GOOD}\n\n")
    assert [frame.frame for frame in mots_text.read(path)] == [3]
    with pytest.raises(MotsError, match="No such file"):
        list(mots_text.read(tmp_path / "no.txt"))
