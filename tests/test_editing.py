"""Edits by hand, their record, and suggestions."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_report import Rows, box, text_of

import mots
from mots.analytics import tables
from mots.cli import main
from mots.editing import edits as edits_file
from mots.editing.apply import write_edited
from mots.editing.edits import Edit, TrackRef
from mots.editing.suggest import suggestions, thumbnails_of
from mots.rendering.saved_results import SavedResults
from mots.trackers.masks import Masks
from mots.video.arrays import Arrays

SIZE = (120, 200)


def run_of(tmp_path: Path, name: str = "run", first: int = 1) -> Path:
    """A run with a table: one object, seen in two parts as tracks `first` and 2, and another one, 3."""

    class Detects:
        k = 0

        def detect(self, images: Any, classes: Any = ()) -> list[mots.Detections]:
            k = self.k
            self.k += 1
            corners = [(10 + 4 * k, 40)] * (k < 12 or k >= 22) + [(150, 20)] * (k > 3)
            masks = Masks.from_crops(SIZE, corners, [np.ones((50, 20), bool)] * len(corners))
            return [mots.Detections.from_masks(masks, [0.9] * len(corners), [0] * len(corners))]

    images = [np.full((*SIZE, 3), 90, np.uint8) for _ in range(40)]
    changes = {"tracker.lifecycle.memory": 0.3, "tracker.reentry.memory": 0.0}
    mots.record(
        Arrays(images, 10.0, name), tmp_path / name, detector=Detects(), table="csv", quiet=True, reid="off",  # type: ignore[arg-type]
        changes=changes,
    )  # fmt: skip
    return tmp_path / name


def ids_in(folder: Path) -> dict[int, tuple[int, int]]:
    """First and last frame of each track."""
    table = tables.read(folder / "frames.csv")
    return {
        int(k): (int(table.frame[table.track_id == k].min()), int(table.frame[table.track_id == k].max()))
        for k in np.unique(table.track_id)
    }


def test_tracks_are_joined_split_deleted_renamed_and_given_a_class(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    spans = ids_in(run)
    one, other, two = 1, 2, 3
    assert spans[one][1] < spans[two][0]
    words = ["edit", str(run), "--join", str(one), str(two), "--split", f"{other}@20", "--rename", str(one), "No. 10",
             "--class", str(other), "bus", "--delete", "4", "--output", str(tmp_path / "fixed")]  # fmt: skip
    assert main(words) == 0
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before  # the run stays
    fixed = ids_in(tmp_path / "fixed")
    assert fixed == {one: (spans[one][0], spans[two][1]), other: (spans[other][0], 19)}
    assert json.loads((tmp_path / "fixed/names.json").read_text()) == {"1": "No. 10"}
    with (tmp_path / "fixed/tracks.csv").open() as lines:
        rows = {row["id"]: row for row in csv.DictReader(lines)}
    assert rows["2"]["class"] == "bus"
    (text,) = (tmp_path / "fixed").glob("*.txt")
    assert {frame.frame for frame in mots.read_results(text)} <= set(range(40))
    # Times are the run's own.
    assert tables.read(tmp_path / "fixed/frames.csv").time_s.max() == pytest.approx(3.9)


def test_a_record_is_replayed_on_a_run_with_other_ids(tmp_path: Path) -> None:
    rows: Rows = {k: {1: box(10 + 4 * k), 2: box(150, 20)} for k in range(20)}
    other: Rows = {k: {7: own[1], 5: own[2]} for k, own in rows.items()}
    first, second = text_of(tmp_path / "a/v.txt", rows), text_of(tmp_path / "b/v.txt", other)
    edits = [
        Edit("rename", (TrackRef(1),), "No. 10"),
        Edit("split", (TrackRef(2),), 8),
        Edit("class", (TrackRef(1),), "car"),
    ]
    write_edited(first, edits, tmp_path / "fixed")
    assert (
        main(["edit", str(second), "--replay", str(tmp_path / "fixed/edits.toml"), "--output", str(tmp_path / "q")])
        == 0
    )
    assert json.loads((tmp_path / "q/names.json").read_text()) == {"7": "No. 10"}
    found = SavedResults(tmp_path / "q")
    assert {int(k) for k in found.frames[3].labels.ids} == {7, 5}
    assert {int(k) for k in found.frames[12].labels.ids} == {7, 8}
    assert found.frames[3].labels.classes[found.frames[3].labels.ids == 7].tolist() == [2]
    # Where the track is not, the record says so.
    away = text_of(tmp_path / "c/v.txt", {k: {1: box(170, 60)} for k in range(20)})
    with pytest.raises(mots.InputError, match=r"rename 1 No\. 10: there is no track near x .* in frame 10"):
        write_edited(away, edits_file.load(tmp_path / "fixed/edits.toml"), tmp_path / "r")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--join", "1", "99"], "join 1 99: there is no track 99"),
        (["--join", "1", "2"], "both are seen in 20 frames, as in 0"),
        (["--join", "1", "1"], "two different tracks"),
        (["--split", "1@50"], "the track goes from frame 0 to 19: wanted one after 0"),
        (["--split", "1"], "wanted ID@FRAME"),
        (["--class", "1", "spaceship"], "unknown class 'spaceship'"),
        (["--class", "1", "all"], "'all' is no single class"),
        (["--delete", "x"], "wanted the id of a track"),
        ([], "nothing to do"),
        (["--delete", "1", "--suggest"], "--suggest only lists"),
    ],
)
def test_an_edit_that_cannot_be_done_changes_nothing(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: Rows = {k: {1: box(10 + 4 * k), 2: box(150, 20)} for k in range(20)}
    text = text_of(tmp_path / "a/v.txt", rows)
    assert main(["edit", str(text), *words, "--output", str(tmp_path / "fixed")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "fixed").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[edit]]\ndo = 'melt'\n", "edit 1: wanted do = one of join"),
        ("[[edit]]\ndo = 'join'\ntracks = [1]\n", "a join names 2 tracks"),
        ("[[edit]]\ndo = 'split'\ntracks = [1]\n", "a split has do, frame, tracks"),
        ("[[edit]]\ndo = 'delete'\ntracks = [{ id = 1, at = [2] }]\n", r"at is \[frame, x, y\]"),
        ("x = 1\n", r"holds tables \[\[edit\]\]"),
        ("[[edit\n", "not TOML"),
    ],
)
def test_a_wrong_record_is_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "e.toml").write_text(text)
    with pytest.raises(mots.MotsError, match=rf"e\.toml: .*{message}|e\.toml: {message}"):
        edits_file.load(tmp_path / "e.toml")


def test_what_goes_on_near_by_and_looks_alike_is_suggested(tmp_path: Path) -> None:
    rows: Rows = {}
    for k in range(40):
        rows[k] = {}
        if k < 15:
            rows[k][1] = box(10 + 3 * k)
        elif k >= 20:
            rows[k][2] = box(10 + 3 * k)  # goes on where 1 was going
        if k >= 22:
            rows[k][3] = box(0, 65)  # elsewhere
    results = SavedResults(text_of(tmp_path / "v.txt", rows))
    found = suggestions(results)
    assert [(each.first, each.second) for each in found] == [(1, 2)]
    assert found[0].confidence > 0.8
    assert found[0].gap == pytest.approx(6 / 30)

    def image(colour: tuple[int, int, int]) -> np.ndarray:
        picture = np.full((*SIZE, 3), 30, np.uint8)
        picture[:, :] = colour
        return picture

    alike = [image((200, 40, 40))] * 40
    unlike = [image((200, 40, 40))] * 18 + [image((30, 90, 220))] * 22
    likely = suggestions(results, thumbnails_of(Arrays(alike, 30.0), results))
    assert likely[0].confidence == pytest.approx(found[0].confidence)
    thumbnails = thumbnails_of(Arrays(unlike, 30.0), results)
    assert suggestions(results, thumbnails) == []
    assert thumbnails.pair(1, 2).size[0] > 50


def test_suggestions_are_listed_with_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    rows: Rows = {k: ({1: box(10 + 3 * k)} if k < 15 else {2: box(10 + 3 * k)} if k >= 18 else {}) for k in range(40)}
    text = text_of(tmp_path / "v.txt", rows)
    (tmp_path / "frames").mkdir()
    for k in range(40):
        Image.new("RGB", SIZE[::-1], (90, 90, 90)).save(tmp_path / f"frames/{k:03d}.png")
    words = ["edit", str(text), "--suggest", "--source", str(tmp_path / "frames"), "--pictures", str(tmp_path / "p")]
    assert main(words) == 0
    assert capsys.readouterr().out.startswith("--join 1 2   confidence ")
    assert [path.name for path in (tmp_path / "p").iterdir()] == ["1-2.png"]


@pytest.mark.parametrize("name", ["Ace \U0001f600", 'a "quote" and \\', "tab\there", "del\x7f", "Mül\u0085ler"])
def test_every_name_that_is_taken_can_be_replayed(name: str, tmp_path: Path) -> None:
    run = run_of(tmp_path)
    write_edited(run, [Edit("rename", (TrackRef(1),), name)], tmp_path / "e")
    write_edited(run, edits_file.load(tmp_path / "e/edits.toml"), tmp_path / "again")
    assert json.loads((tmp_path / "again/names.json").read_text()) == {"1": name}


@pytest.mark.parametrize("name", ["", "  ", "a\udcffb"])
def test_a_name_that_no_file_can_hold_is_refused_before_anything_is_written(name: str, tmp_path: Path) -> None:
    run = run_of(tmp_path)
    with pytest.raises(mots.InputError, match="rename 1: the name is"):
        write_edited(run, [Edit("rename", (TrackRef(1),), name)], tmp_path / "e")
    assert not (tmp_path / "e").exists()


@pytest.mark.parametrize(
    "text",
    [
        'do = "delete"\ntracks = [{ id = 1, at = [nan, 1.0, 2.0] }]',
        'do = "delete"\ntracks = [{ id = 1, at = [inf, 1.0, 2.0] }]',
        'do = "delete"\ntracks = [{ id = 1, at = [1e300, 1.0, 2.0] }]',
        'do = "delete"\ntracks = [{ id = 1, at = [true, 1.0, 2.0] }]',
        'do = ["delete"]\ntracks = [1]',
        'do = "split"\nframe = true\ntracks = [1]',
        'do = "rename"\nname = " "\ntracks = [1]',
    ],
)
def test_a_record_that_was_changed_by_hand_is_refused_with_its_entry(text: str, tmp_path: Path) -> None:
    (tmp_path / "e.toml").write_text(f"[[edit]]\n{text}\n")
    with pytest.raises(mots.FormatError, match=r"e\.toml: edit 1: "):
        edits_file.load(tmp_path / "e.toml")


def test_confidences_and_scores_of_a_run_are_kept(tmp_path: Path) -> None:
    run = run_of(tmp_path)

    def rows(folder: Path) -> dict[str, dict[str, str]]:
        with (folder / "tracks.csv").open(newline="") as lines:
            return {row["id"]: row for row in csv.DictReader(lines)}

    before = rows(run)
    (run / "frames.csv").unlink()
    write_edited(run, [Edit("rename", (TrackRef(1),), "one")], tmp_path / "e")
    assert rows(tmp_path / "e") == before


def test_suggestions_need_the_right_source_and_keep_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    run = run_of(tmp_path)
    for name, size in (("small", (64, 48)), ("right", (SIZE[1], SIZE[0]))):
        (tmp_path / name).mkdir()
        for k in range(40):
            Image.new("RGB", size).save(tmp_path / name / f"{k:06d}.png")
    assert main(["edit", str(run), "--suggest", "--source", str(tmp_path / "small")]) == 2
    assert "masks of 120 x 200 for frames of 48 x 64" in capsys.readouterr().err
    words = ["edit", str(run), "--suggest", "--source", str(tmp_path / "right"), "--pictures", str(tmp_path / "pairs")]
    assert main(words) == 0
    pairs = sorted((tmp_path / "pairs").iterdir())
    assert pairs
    pairs[0].write_bytes(b"mine")
    assert main(words) == 2
    assert pairs[0].read_bytes() == b"mine"
    assert main([*words, "--overwrite"]) == 0
    assert pairs[0].read_bytes() != b"mine"
