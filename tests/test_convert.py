import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco
from test_validation import good, mask

from mots.cli import main
from mots.encodings import rle
from mots.encodings.runs import masks_of
from mots.errors import MotsError
from mots.formats.annotations import coco as coco_tracks
from mots.formats.convert import WRITABLE, convert, read

IGNORED = b"2 10000 10 60 90 " + mask(slice(29, 30), slice(0, 90))
HELD = {"mots-text", "mots-png", "coco", "youtube-vis", "parquet"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two sequences in MOTS text, one of them with an ignore region."""
    folder = tmp_path / "source"
    folder.mkdir()
    for seed, name in enumerate(("0002", "0006")):
        lines = good(seed)
        if seed:
            lines.append(IGNORED)
        lines.sort(key=lambda line: [int(part) for part in line.split(b" ")[:2]])
        (folder / f"{name}.txt").write_bytes(b"".join(line + b"\n" for line in lines))
    return folder


def target_of(folder: Path, kind: str) -> Path:
    endings = {"coco": ".json", "youtube-vis": ".json", "parquet": ".parquet"}
    return folder / f"{kind}{endings.get(kind, '')}"


def texts(folder: Path) -> dict[str, bytes]:
    """Each file's lines in the order of frames and ids."""
    found = {}
    for file in sorted(folder.glob("*.txt")):
        lines = sorted(file.read_bytes().splitlines(), key=lambda line: [int(part) for part in line.split(b" ")[:2]])
        found[file.name] = b"\n".join(lines)
    return found


@pytest.mark.parametrize("kind", sorted(HELD))
def test_what_both_sides_hold_comes_back_as_it_was(kind: str, source: Path, tmp_path: Path) -> None:
    target = target_of(tmp_path, kind)
    assert convert(source, target, kind) == []
    assert convert(target, tmp_path / "back", "mots-text") == []  # its format is recognised
    assert texts(tmp_path / "back") == texts(source)


def test_kitti_step_holds_things_alone(source: Path, tmp_path: Path) -> None:
    (lost,) = convert(source, tmp_path / "step", "kitti-step")
    assert lost == "0006: 1 masks of ignore"
    convert(tmp_path / "step", tmp_path / "back", "mots-text")
    before = texts(source)
    assert texts(tmp_path / "back")["0002.txt"] == before["0002.txt"]
    assert texts(tmp_path / "back")["0006.txt"] == before["0006.txt"].replace(IGNORED + b"\n", b"")


def test_boxes_count_from_one_and_hold_no_masks(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/0002.txt").write_bytes(
        b"7 2003 2 60 90 %b\n7 1001 1 60 90 %b\n"
        % (mask(slice(3, 10), slice(20, 25)), mask(slice(0, 60), slice(30, 32)))
    )
    assert convert(tmp_path / "s", tmp_path / "boxes", "mot-boxes") == ["masks: boxes only"]
    assert (tmp_path / "boxes/0002.txt").read_text() == "7,2003,21,4,5,7,1,1,1\n7,1001,31,1,2,60,1,3,1\n"
    with pytest.raises(MotsError, match="mot-boxes hold no masks"):
        convert(tmp_path / "boxes", tmp_path / "x", "mots-text", "mot-boxes")


def test_pictures_name_what_they_cannot_hold(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    lines = [
        b"1 1000001 1 60 90 " + mask(slice(3, 10), slice(20, 25)),
        b"1 2001 2 60 90 " + mask(slice(20, 30), slice(0, 9)),
        b"1 2002 2 60 90 " + mask(slice(25, 40), slice(0, 9)),
    ]
    (tmp_path / "s/0002.txt").write_bytes(b"\n".join(lines))
    lost = convert(tmp_path / "s", tmp_path / "png", "mots-png")
    assert lost == [
        "0002: 45 pixels that several masks claim: the first mask has them",
        "0002: ids that are not class * 1000 + instance: 1000001 (car) is 1001 there",
    ]
    back = read(tmp_path / "png", "mots-png")["0002"]
    assert back.ids.tolist() == [1001, 2001, 2002]
    assert back.runs.areas.tolist() == [35, 90, 90]


def annotations(path: Path) -> Any:
    return json.loads(path.read_text())


def test_coco_is_what_pycocotools_reads(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "c.json", "coco")
    whole = annotations(tmp_path / "c.json")
    assert {each["name"] for each in whole["categories"]} == {"person", "car", "ignore"}
    for each in whole["annotations"]:
        assert coco.area(each["segmentation"]) == each["area"]
        assert coco.toBbox(each["segmentation"]).tolist() == each["bbox"]
        assert each["iscrowd"] == (each["track_id"] == 10000)


def test_an_annotator_s_edits_come_back(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "c.json", "coco")
    whole = annotations(tmp_path / "c.json")
    for each in whole["annotations"]:  # as CVAT writes it: ids among the attributes, masks without compression
        each["attributes"]["track_id"] = 2500 if each.pop("track_id") == 2001 else each["attributes"]["track_id"]
        counts = rle_counts(each["segmentation"]["counts"], (60, 90))
        each["segmentation"] = {"size": [60, 90], "counts": counts}
    (tmp_path / "c.json").write_text(json.dumps(whole))
    convert(tmp_path / "c.json", tmp_path / "back", "mots-text")
    wanted = {name: text.replace(b" 2001 2 ", b" 2500 2 ") for name, text in texts(source).items()}
    got = texts(tmp_path / "back")
    assert {n: sorted(t.splitlines()) for n, t in got.items()} == {n: sorted(t.splitlines()) for n, t in wanted.items()}


def rle_counts(text: str, size: tuple[int, int]) -> list[int]:
    """The lengths of runs of 0 and 1 in turn."""
    runs = rle.decode([text.encode()], size)
    edges = [0, *np.stack([runs.starts, runs.stops], axis=1).ravel().tolist(), size[0] * size[1]]
    return [int(length) for length in np.diff(edges)]


def test_polygons_are_filled() -> None:
    polygons = [[10, 5, 20, 5, 20, 15, 10, 15], [50, 50, 58, 50, 58, 58], [52, 50, 60, 50, 60, 52, 52, 52]]
    drawn = rle.decode([coco_tracks.segmentation(polygons, (60, 90), "x") or b""], (60, 90))
    wanted = np.zeros((1, 60, 90), np.bool_)
    wanted[0, 5:15, 10:20] = True
    for k in range(8):
        wanted[0, 50 + k, 50 + k + 1 : 58] = True
    wanted[0, 50:52, 52:60] = True
    assert (masks_of(drawn).image(0) == wanted[0]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda whole: whole["annotations"][0].pop("track_id") and whole["annotations"][0].pop("attributes"),
            "no track_id",
        ),
        (lambda whole: whole.pop("images"), r"c\.json: no 'images'"),
        (
            lambda whole: whole["annotations"][2].update(image_id=1e400),
            "annotation 3, image_id: inf where a whole number",
        ),
        (lambda whole: whole["annotations"][2].update(category_id=77), "annotation 3: there is no category 77"),
        (lambda whole: whole["images"][0].update(height=10**6, width=10**6), "has more than 2147483647 pixels"),
        (lambda whole: whole["images"][0].update(video="../x"), r"'\.\./x' is no name of a sequence"),
        (lambda whole: whole["annotations"][0]["segmentation"].update(counts=[5]), "do not fill a frame of 60 x 90"),
        (lambda whole: whole["annotations"][0]["segmentation"].update(counts="0P"), "the mask does not decode"),
    ],
)
def test_mistakes_are_named(change: Any, message: str, source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "c.json", "coco")
    whole = annotations(tmp_path / "c.json")
    change(whole)
    (tmp_path / "c.json").write_text(json.dumps(whole))
    with pytest.raises(MotsError, match=message):
        convert(tmp_path / "c.json", tmp_path / "back", "mots-text")


def test_the_command(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["convert", str(source), str(tmp_path / "step"), "--to", "kitti-step"]
    assert main(arguments) == 0
    assert "not held by kitti-step: 0006: 1 masks of ignore" in capsys.readouterr().out
    assert main(arguments) == 2
    assert main([*arguments, "--overwrite"]) == 0
    assert main(["convert", str(source), str(tmp_path / "x"), "--to", "gif"]) == 2
    said = capsys.readouterr().err
    assert all(kind in said for kind in WRITABLE)
    assert main(["convert", str(tmp_path / "no"), str(tmp_path / "x"), "--to", "coco"]) == 2
