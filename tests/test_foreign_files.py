"""Files as the field's tools write them: CVAT, Datumaro, Roboflow, OVIS, mmdetection, Ultralytics."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mots.classes import IGNORE
from mots.cli import main
from mots.encodings import rle
from mots.encodings.runs import masks_of, runs_of
from mots.errors import FormatError, InputError, MotsWarning
from mots.formats.convert import convert, read, read_results, recognised
from mots.formats.faults import Fault
from mots.formats.label_table import LabelTable
from mots.trackers.masks import Masks

SIZE = (60, 80)
PERSON, CAR = 0, 2


def block(x1: int, y1: int, x2: int, y2: int) -> np.ndarray:
    image = np.zeros(SIZE, np.bool_)
    image[y1:y2, x1:x2] = True
    return image


def encoded(image: np.ndarray) -> str:
    return rle.encode(runs_of(Masks.from_images(image[None])))[0].decode("ascii")


def content(table: LabelTable) -> list[tuple[int, int, int, int]]:
    """Frame, id, class and area of each label."""
    columns = (table.frames, table.ids, table.classes, table.runs.areas)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def coco(path: Path, names: list[str], **image: Any) -> Path:
    square = [[5, 10, 25, 10, 25, 40, 5, 40]]
    whole = {
        "images": [{"id": k, "file_name": name, "height": 60, "width": 80, **image} for k, name in enumerate(names)],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [
            {"id": k, "image_id": k, "category_id": 1, "segmentation": square, "attributes": {"track_id": 3}}
            for k in range(len(names))
        ],
    }
    path.write_text(json.dumps(whole))
    return path


@pytest.mark.parametrize(
    ("names", "sequence", "frames"),
    [
        (["frame_000007.PNG", "frame_000003.PNG"], "c", [3, 7]),  # CVAT
        (["seq\\000007.jpg", "seq\\000008.jpg"], "seq", [7, 8]),  # Windows
        (["a_000012_jpg.rf.11aa.jpg", "a_000009_jpg.rf.99bb.jpg"], "c", [9, 12]),  # Roboflow
        (["s/1305031102.175304.png", "s/1305031102.211214.png"], "s", [0, 1]),
    ],
)
def test_coco_numbers_frames_by_the_pictures_names(
    names: list[str], sequence: str, frames: list[int], tmp_path: Path
) -> None:
    (name, table), *others = read(coco(tmp_path / "c.json", names)).items()
    assert (name, others) == (sequence, [])
    assert table.frames.tolist() == frames
    assert table.listed is not None
    assert table.listed.tolist() == frames


def changed(path: Path, change: Any) -> Path:
    whole = json.loads(path.read_text())
    change(whole)
    path.write_text(json.dumps(whole))
    return path


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["A/img1/1.jpg", "A/img1/2.jpg", "B/img1/1.jpg"], {"A": [1, 2], "B": [1]}),  # DanceTrack, SportsMOT
        (["x/A/1.jpg", "y/A/1.jpg", "y/A/2.jpg"], {"x-A": [1], "y-A": [1, 2]}),
        (["A/left/1.jpg", "A/right/1.jpg"], {"left": [1], "right": [1]}),
        (["a_1.jpg", "a_2.jpg", "b_1.jpg"], {"a": [1, 2], "b": [1]}),
        (["s/a_1_jpg.rf.0.jpg", "s/b_1_jpg.rf.1.jpg", "t/1.jpg"], {"a": [1], "b": [1], "t": [1]}),  # Roboflow
    ],
)
def test_coco_tells_sequences_apart_by_their_pictures_places(
    names: list[str], found: dict[str, list[int]], tmp_path: Path
) -> None:
    tables = read(coco(tmp_path / "c.json", names))
    assert {name: table.frames.tolist() for name, table in tables.items()} == found


def test_coco_tells_sequences_apart_by_their_video(tmp_path: Path) -> None:
    """mmtracking's form: `video_id`, `frame_id` from 0, and the videos by name."""

    def with_videos(whole: Any) -> None:
        for k, image in enumerate(whole["images"]):
            image.update(video_id=k // 2, frame_id=k % 2, file_name=image["file_name"].replace("/", ""))
        whole["videos"] = [{"id": 0, "name": "train/one"}, {"id": 1, "name": "val/one"}]

    path = changed(coco(tmp_path / "c.json", ["a", "b", "a", "b"]), with_videos)
    tables = read(path)
    assert {name: table.frames.tolist() for name, table in tables.items()} == {"train-one": [0, 1], "val-one": [0, 1]}
    changed(path, lambda whole: whole.pop("videos"))
    assert sorted(read(path)) == ["video0", "video1"]
    changed(path, lambda whole: [image.pop("frame_id") for image in whole["images"]])
    assert [table.frames.tolist() for table in read(path).values()] == [[0, 1], [0, 1]]
    changed(path, lambda whole: whole.update(videos=[{"id": k, "name": "one"} for k in range(2)]))
    told = convert(path, tmp_path / "t", "mots-text")
    assert [each for each in told if "several sequences are 'one': one of them is one-2 here" in each]
    assert sorted(each.name for each in (tmp_path / "t").iterdir()) == ["one-1.txt", "one-2.txt"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda whole: whole["images"][1].update(file_name="s/1.jpg"), "two images are '1.jpg', and nothing numbers"),
        (lambda whole: whole["images"][0].update(frame=3), "some images have a 'frame' and others do not"),
        (lambda whole: [each.update(frame=3) for each in whole["images"]], "image 1 is frame 3 a second time"),
        (
            lambda whole: whole["categories"].append({"id": 1, "name": "car"}),
            "category 1: 'car' has the id 1 of 'person'",
        ),
        (lambda whole: whole.update(videos=[{"id": 1}, {"id": 1}]), "video 1: a second video of the id 1"),
        (
            lambda whole: whole["annotations"][0].update(segmentation=[[0, 0, 9e9, 1, 5, 9]]),
            None,  # cut off at the frame
        ),
    ],
)
def test_coco_that_would_join_things_is_refused(change: Any, message: str | None, tmp_path: Path) -> None:
    path = changed(coco(tmp_path / "c.json", ["s/1.jpg", "s/2.jpg"]), change)
    if message is None:
        assert len(read(path)["s"]) == 2
        return
    with pytest.raises(FormatError, match=rf"c\.json: .*{message}"):
        read(path)


def test_a_crowd_is_told_or_an_ignore_region(tmp_path: Path) -> None:
    path = coco(tmp_path / "c.json", ["s/1.jpg", "s/2.jpg"])
    changed(path, lambda whole: whole["annotations"][0].update(iscrowd=1))
    told = convert(path, tmp_path / "t", "mots-text")
    assert len(told) == 1
    assert told[0].endswith("1 annotations have iscrowd and a track's id: they are objects here")
    changed(path, lambda whole: whole["annotations"][0].pop("attributes"))  # as COCO's own crowds
    assert convert(path, tmp_path / "u", "mots-text") == []
    assert content(read(tmp_path / "u")["s"]) == [(1, 10_000, IGNORE, 600), (2, 3, PERSON, 600)]
    changed(path, lambda whole: whole["annotations"][0].update(track_id=3))
    with pytest.warns(MotsWarning, match="iscrowd"):
        read_results(path)


def test_a_polygon_too_long_to_draw_is_refused(tmp_path: Path) -> None:
    path = coco(tmp_path / "c.json", ["s/1.jpg"])
    changed(path, lambda whole: whole["images"][0].update(height=1, width=2_000_000_000))
    changed(path, lambda whole: whole["annotations"][0].update(segmentation=[[0, 0, 2e9, 0, 2e9, 1, 0, 1]]))
    with pytest.raises(FormatError, match=r"c\.json: annotation 0.*the limit is 20000000"):
        read(path)


CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><name>street/1</name><size>9</size>
<original_size><width>80</width><height>60</height></original_size></task></meta> <track id="0" label="person"
source="manual"> <polygon frame="3" keyframe="1" outside="0" occluded="0" points="5.0,10.0;25.0,10.0;25.0,40.0;5.0,40.0"
z_order="0"/> <polygon frame="4" keyframe="1" outside="1" occluded="0" points="5.0,10.0;25.0,10.0;25.0,40.0;5.0,40.0"
z_order="0"/> </track> <track id="1" label="car"><mask frame="3" keyframe="1" outside="0" rle="2,3,5,2" left="30"
top="5" width="4" height="3"/> <box frame="4" keyframe="1" outside="0" xtl="1" ytl="1" xbr="5"
ybr="5"/></track></annotations>"""


def test_cvat_for_video_is_read(tmp_path: Path) -> None:
    (tmp_path / "c.xml").write_text(CVAT)
    told = convert(tmp_path / "c.xml", tmp_path / "out.json", "coco")
    assert [each for each in told if "a box, which is no mask" in each and "track 1, frame 4" in each]
    ((name, table),) = read(tmp_path / "out.json").items()
    assert name == "street_1"
    assert content(table) == [(3, 1, PERSON, 600), (3, 2, CAR, 5)]
    assert table.listed is not None
    assert table.listed.tolist() == list(range(9))
    car = masks_of(table.runs.take(np.flatnonzero(table.ids == 2))).image(0)
    assert np.argwhere(car).tolist() == [[5, 32], [5, 33], [6, 30], [7, 32], [7, 33]]


def test_the_tasks_of_a_project_are_sequences(tmp_path: Path) -> None:
    task = "<task><id>{}</id><name>{}</name><size>9</size><original_size><width>{}</width><height>60</height>"
    tasks = "".join(f"{task.format(k, name, 80 + k)}</original_size></task>" for k, name in ((4, "a"), (7, "b")))
    text = (
        CVAT.split("<meta>")[0] + f"<meta><project><tasks>{tasks}</tasks></project></meta>" + CVAT.split("</meta>")[1]
    )
    (tmp_path / "c.xml").write_text(
        text.replace('<track id="0"', '<track task_id="4" id="0"').replace('<track id="1"', '<track task_id="7" id="1"')
    )
    told: list[Fault] = []
    tables = read(tmp_path / "c.xml", report=told.append)
    assert {name: (content(table), table.size) for name, table in tables.items()} == {
        "a": ([(3, 1, PERSON, 600)], (60, 84)),
        "b": ([(3, 2, CAR, 5)], (60, 87)),
    }
    assert [fault.rule for fault in told] == ["no mask"]
    (tmp_path / "c.xml").write_text(text)
    with pytest.raises(FormatError, match="track 0: there is no task ''"):
        read(tmp_path / "c.xml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("<track", '<image id="0" name="a.jpg"/><track', 1), "c/a.jpg, height"),
        (lambda text: text.replace('points="5.0,10.0;', 'points="x;'), "track 0, frame 3: points"),
        (lambda text: text.replace('rle="2,3,5,2"', 'rle="2,3,5"'), "track 1, frame 3: a mask of 3 x 4"),
        (lambda text: text.replace('left="30"', 'left="78"'), "does not fit"),
        (lambda text: text.replace("<width>80", "<width>1e9"), "original_size, width"),
        (
            lambda text: text.replace('<?xml version="1.0" encoding="utf-8"?>', "<!DOCTYPE x [<!ENTITY a 'b'>]>"),
            "entities",
        ),
        (lambda text: text[:200], "not XML"),
        (lambda text: "<x/>", "not CVAT"),
    ],
)
def test_what_cvat_does_not_write_is_refused(change: Any, message: str, tmp_path: Path) -> None:
    (tmp_path / "c.xml").write_text(change(CVAT))
    with pytest.raises(FormatError, match=rf"c\.xml.*{message}"):
        read(tmp_path / "c.xml")


def test_mots_png_of_cvat_and_datumaro_is_read_and_written(tmp_path: Path) -> None:
    folder = tmp_path / "task"
    (folder / "instances").mkdir(parents=True)
    (folder / "labels.txt").write_text("car\nperson\nkite\n")  # classes count from 1
    codes = np.where(block(5, 5, 20, 20), 2001, 0) + np.where(block(30, 5, 40, 20), 1007, 0)
    for k in (0, 1):
        Image.fromarray(codes.astype(np.uint16)).save(folder / f"instances/frame_{k:06d}.png")
    assert recognised(folder) == "cvat-mots-png"
    ((name, table),) = read(folder).items()
    assert name == "task"
    assert content(table) == [(k, i, c, a) for k in (0, 1) for i, c, a in ((1007, CAR, 150), (2001, PERSON, 225))]
    assert convert(folder, tmp_path / "again", "cvat-mots-png") == []
    assert (tmp_path / "again/task/labels.txt").read_text() == "car\nperson\n"
    assert content(read(tmp_path / "again")["task"]) == content(table)


def ultralytics(folder: Path, lines: dict[int, list[str]]) -> Path:
    (folder / "labels").mkdir(parents=True)
    for frame, each in lines.items():
        (folder / f"labels/match_{frame}.txt").write_text("".join(f"{line}\n" for line in each))
    return folder


def test_ultralytics_text_of_two_videos_is_two_sequences(tmp_path: Path) -> None:
    folder = tmp_path / "t"
    (folder / "labels").mkdir(parents=True)
    for name, identity in (("a_1", 1), ("a_2", 1), ("b_1", 1), ("b_3", 2)):
        (folder / f"labels/{name}.txt").write_text(f"0 {SQUARE} {identity}\n")
    found = {name: content(table) for name, table in read(folder, "ultralytics-text", size=SIZE).items()}
    assert found == {
        "a": [(1, 1, PERSON, 480), (2, 1, PERSON, 480)],
        "b": [(1, 1, PERSON, 480), (3, 2, PERSON, 480)],
    }


SQUARE = "0.0625 0.1 0.3125 0.1 0.3125 0.5 0.0625 0.5"  # 5..25 x 6..30


@pytest.mark.parametrize("ending", ["", "0.91 "])
def test_ultralytics_text_with_track_ids_is_read(ending: str, tmp_path: Path) -> None:
    lines = {9: [f"0 {SQUARE} {ending}4", f"2 {SQUARE} {ending}11"], 10: [f"0 {SQUARE} {ending}4"]}
    folder = ultralytics(tmp_path / "track", lines)
    assert recognised(folder) == "ultralytics-text" or ending  # a confidence makes the number of fields even
    ((name, table),) = read(folder, "ultralytics-text", size=SIZE).items()
    assert name == "track"
    assert content(table) == [(9, 4, PERSON, 480), (9, 11, CAR, 480), (10, 4, PERSON, 480)]
    with pytest.raises(InputError, match="name the frames' size"):
        read(folder, "ultralytics-text")


def test_ultralytics_text_without_ids_is_told(tmp_path: Path) -> None:
    folder = ultralytics(tmp_path / "t", {1: [f"0 {SQUARE}"]})
    with pytest.raises(FormatError, match="no track's id at its end"):
        read(folder, "ultralytics-text", size=SIZE)


def youtube(path: Path, masks: list[Any], **track: Any) -> Path:
    files = [f"clip/img_{k:07d}.jpg" for k in range(1, len(masks) + 1)]
    video = {"id": 5, "height": 60, "width": 80, "length": len(masks), "file_names": files}
    whole = {
        "videos": [video],
        "categories": [{"id": 25, "name": "Person"}, {"id": 3, "name": "Giant_panda"}],
        "annotations": [{"id": 9, "video_id": 5, "category_id": 25, "segmentations": masks, **track}],
    }
    path.write_text(json.dumps(whole))
    return path


def test_ovis_is_read(tmp_path: Path) -> None:
    flat = block(5, 10, 25, 40).T.ravel()
    counts = np.diff(np.concatenate([[0], np.flatnonzero(np.diff(flat.astype(int))) + 1, [flat.size]])).tolist()
    masks = [None, {"size": [60, 80], "counts": counts}, None]
    table = read(youtube(tmp_path / "o.json", masks))["clip"]
    assert content(table) == [(2, 9, PERSON, 600)]
    assert table.listed is not None
    assert table.listed.tolist() == [1, 2, 3]


def test_a_category_without_a_number_gets_one_and_is_told(tmp_path: Path) -> None:
    mask = {"size": [60, 80], "counts": encoded(block(5, 10, 25, 40))}
    told = convert(youtube(tmp_path / "o.json", [mask], category_id=3), tmp_path / "t", "mots-text")
    assert len(told) == 1
    assert "category 'Giant_panda' is none of the known ones: its class is 1000 here" in told[0]
    assert read(tmp_path / "t")["clip"].classes.tolist() == [1000]


def test_results_of_mmdetection_take_their_videos_from_the_annotations(tmp_path: Path) -> None:
    youtube(tmp_path / "a.json", [None, None])
    mask = {"size": [60, 80], "counts": encoded(block(5, 10, 25, 40))}
    track = {"video_id": 5, "score": 0.9, "category_id": 25, "segmentations": [mask, None]}
    (tmp_path / "r.json").write_text(json.dumps([track, {**track, "segmentations": [None, mask]}]))
    with pytest.raises(InputError, match="name the file that has them"):
        read(tmp_path / "r.json")
    found = read(tmp_path / "r.json", annotations=tmp_path / "a.json")
    assert content(found["clip"]) == [(1, 1, PERSON, 600), (2, 2, PERSON, 600)]


def test_two_videos_of_one_name_are_two_sequences(tmp_path: Path) -> None:
    mask = {"size": [60, 80], "counts": encoded(block(5, 10, 25, 40))}
    path = youtube(tmp_path / "y.json", [mask, None])

    def twice(whole: Any) -> None:
        whole["videos"].append({**whole["videos"][0], "id": 6})
        whole["annotations"].append({**whole["annotations"][0], "id": 10, "video_id": 6, "category_id": 3})

    changed(path, twice)
    told = convert(path, tmp_path / "t", "mots-text")
    assert [each for each in told if "several sequences are 'clip'" in each]
    found = read(tmp_path / "t")
    assert {name: (table.ids.tolist(), table.classes.tolist()) for name, table in found.items()} == {
        "clip-1": ([9], [PERSON]),
        "clip-2": ([10], [1000]),
    }
    changed(path, lambda whole: whole["videos"][1].update(file_names=["y/clip/1.jpg", "y/clip/1.jpg"]))
    with pytest.raises(FormatError, match="video 1: a picture stands twice"):
        read(path)
    changed(path, lambda whole: whole["videos"][1].update(file_names=["y/clip/1.jpg", "y/clip/2.jpg"]))
    assert sorted(read(path, report=lambda fault: None)) == ["clip", "y-clip"]
    changed(path, lambda whole: whole["videos"][1].update(id=5))
    with pytest.raises(FormatError, match="a second video of the id 5"):
        read(path)


def text_of(folder: Path, rows: list[tuple[int, int, int, np.ndarray]]) -> Path:
    folder.mkdir()
    lines = [f"{frame} {identity} {number} 60 80 {encoded(image)}\n" for frame, identity, number, image in rows]
    (folder / "0002.txt").write_text("".join(lines))
    return folder


def test_results_of_two_tools_for_two_classes_are_joined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cars = text_of(tmp_path / "cars", [(0, 1, 1, block(0, 0, 20, 20)), (1, 1, 1, block(0, 0, 20, 20))])
    people = text_of(tmp_path / "people", [(0, 1, 2, block(15, 0, 30, 20)), (0, 2, 2, block(40, 0, 50, 20))])
    assert main(["convert", str(cars), str(people), str(tmp_path / "both"), "--to", "mots-text"]) == 0
    said = capsys.readouterr().out
    assert "1 ids that an earlier source has too" in said
    assert "100 pixels that several masks claim: the first mask has them" in said
    table = read(tmp_path / "both")["0002"]
    assert content(table) == [(0, 1, CAR, 400), (0, 2, PERSON, 200), (0, 2001, PERSON, 200), (1, 1, CAR, 400)]
    assert main(["score", str(tmp_path / "both"), str(tmp_path / "both")]) == 0


def test_sources_of_two_frame_sizes_are_not_joined(tmp_path: Path) -> None:
    one = text_of(tmp_path / "a", [(0, 1, 1, block(0, 0, 20, 20))])
    (tmp_path / "b").mkdir()
    (tmp_path / "b/0002.txt").write_text("0 1 2 30 40 PPV1\n".replace("PPV1", encoded(block(0, 0, 1, 1))[:0] + "`U1"))
    with pytest.raises(FormatError, match=r"frames of \(30, 40\) where .* has \(60, 80\)"):
        convert([one, tmp_path / "b"], tmp_path / "c", "mots-text")


def test_a_polygon_without_pixels_is_told_and_no_empty_mask_is_written(tmp_path: Path) -> None:
    path = coco(tmp_path / "c.json", ["s/1.jpg", "s/2.jpg"])
    whole = json.loads(path.read_text())
    whole["annotations"][1]["segmentation"] = [[5, 5, 5.1, 5, 5.1, 5.1]]
    path.write_text(json.dumps(whole))
    told = convert(path, tmp_path / "t", "mots-text")
    assert any("frame 2, id 3: the mask has no pixels: left out" in each for each in told)
    assert read(tmp_path / "t")["s"].frames.tolist() == [1]


def with_category(path: Path, name: str, folder: str) -> Path:
    changed(coco(path, [f"{folder}/1.jpg"]), lambda whole: whole["categories"][0].update(name=name))
    return path


def test_categories_of_several_sources_stay_apart_and_keep_their_names(tmp_path: Path) -> None:
    sources = [with_category(tmp_path / f"{name}.json", name, name) for name in ("forklift", "crane")]
    told = convert(sources, tmp_path / "both.json", "coco")
    assert ["its class is 1000 here" in told[0], "its class is 1001 here" in told[1]] == [True, True]
    whole = json.loads((tmp_path / "both.json").read_text())
    assert [each["name"] for each in whole["categories"]] == ["forklift", "crane"]
    assert len({each["category_id"] for each in whole["annotations"]}) == 2


def test_an_empty_sequence_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "e").mkdir()
    (tmp_path / "e/empty.txt").write_text("")
    text_of(tmp_path / "x", [(0, 2001, 2, block(0, 0, 20, 20))])
    (tmp_path / "x/0002.txt").rename(tmp_path / "e/0002.txt")
    told = convert(tmp_path / "e", tmp_path / "e.json", "youtube-vis")
    assert "empty: no objects, so the sequence is not there" in told
    assert sorted(read(tmp_path / "e.json")) == ["0002"]


def test_frames_without_objects_of_a_joined_source_are_kept_and_added_ones_are_told(tmp_path: Path) -> None:
    full = coco(tmp_path / "full.json", ["A/1.jpg", "A/2.jpg"])
    empty = changed(
        coco(tmp_path / "empty.json", [f"A/{k}.jpg" for k in range(1, 11)]), lambda whole: whole["annotations"].clear()
    )
    convert([full, empty], tmp_path / "both.json", "coco")
    assert len(json.loads((tmp_path / "both.json").read_text())["images"]) == 10
    gap = coco(tmp_path / "gap.json", ["A/000001.jpg", "A/000009.jpg"])
    told = convert(gap, tmp_path / "png", "mots-png")
    assert "A: 7 frames that the source does not have are empty ones there" in told


def test_what_is_there_is_replaced_only_if_asked(tmp_path: Path) -> None:
    path = coco(tmp_path / "a.json", ["s/1.jpg"])
    (tmp_path / "b.json").write_text("precious")
    with pytest.raises(InputError, match=r"b\.json exists"):
        convert(path, tmp_path / "b.json", "coco")
    assert (tmp_path / "b.json").read_text() == "precious"
    convert(path, tmp_path / "b.json", "coco", overwrite=True)
    source = text_of(tmp_path / "in", [(0, 2001, 2, block(0, 0, 9, 9))])
    for target in (source / "new", source / "new.txt"):
        with pytest.raises(InputError, match="which is read"):
            convert(source, target, "mots-text")


def test_a_shape_beyond_its_task_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.xml").write_text(CVAT.replace('<polygon frame="3"', '<polygon frame="50"'))
    with pytest.raises(FormatError, match="track 0, frame 50: the task 'street_1' has 9 frames"):
        read(tmp_path / "c.xml")


def test_an_annotation_s_id_twice_is_no_track(tmp_path: Path) -> None:
    mask = {"size": [60, 80], "counts": encoded(block(5, 10, 25, 40))}
    path = youtube(tmp_path / "y.json", [mask, None])
    changed(path, lambda whole: whole["annotations"].append({**whole["annotations"][0], "segmentations": [None, mask]}))
    with pytest.raises(FormatError, match="a second annotation of this id"):
        read(path)


CVAT_IMAGES = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><id>3</id><name>t</name><size>3</size></task></meta>
<image id="0" name="street/000007.jpg" width="40" height="30">
  <mask label="person" source="auto" occluded="0" rle="0, 2, 1, 3" left="5" top="6" width="3" height="2" z_order="0">
    <attribute name="track_id">4</attribute></mask>
  <polygon label="car" source="manual" occluded="0" points="10.0,10.0;20.0,10.0;20.0,15.0;10.0,15.0" group_id="9"/>
  <polygon label="car" source="manual" occluded="0" points="30.0,20.0;38.0,20.0;38.0,25.0" z_order="0"/>
  <box label="car" xtl="1.0" ytl="1.0" xbr="5.0" ybr="5.0"/>
  <tag label="night"/>
</image>
<image id="1" name="street/000030.jpg" width="40" height="30"/>
<image id="2" name="yard/x_000003.png" width="20" height="10">
  <mask label="ignore" rle="0, 6" left="0" top="0" width="3" height="2"/>
</image>
</annotations>
"""


def test_cvat_for_images_is_read_by_its_pictures_names(tmp_path: Path) -> None:
    (tmp_path / "c.xml").write_text(CVAT_IMAGES)
    told: list[Fault] = []
    tables = read(tmp_path / "c.xml", report=told.append)
    street, yard = tables["street"], tables["yard"]
    assert street.size == (30, 40)
    assert street.listed is not None
    assert street.listed.tolist() == [7, 30]
    assert list(zip(street.frames.tolist(), street.ids.tolist(), street.classes.tolist(), strict=True)) == [
        (7, 4, 0), (7, 9, 2), (7, 1_000_001, 2),
    ]  # fmt: skip
    assert street.runs.areas[0] == 5
    assert yard.frames.tolist() == [3]
    assert yard.classes.tolist() == [-1]
    assert [fault.rule for fault in told] == ["no mask"]
    with pytest.raises(FormatError, match="a box, which is no mask"):
        read(tmp_path / "c.xml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name="street/000030.jpg"', "", "image 1: no name"),
        ('height="30"/>', 'height="31"/>', "pictures of several sizes in one sequence"),
        ("0, 2, 1, 3", "0, 2, 1, 4", "a mask of 2 x 3 at 5, 6 that does not fit"),
        (">4<", ">four<", "track_id"),
        ("points=\"10.0,10.0;", "points=\"a;", "points that are no x,y"),
    ],
)  # fmt: skip
def test_what_cvat_for_images_does_not_write_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in CVAT_IMAGES
    (tmp_path / "c.xml").write_text(CVAT_IMAGES.replace(old, new, 1))
    with pytest.raises(FormatError, match=message):
        read(tmp_path / "c.xml", report=lambda _: None)
