"""BDD's classes, from its own JSON and from the other readers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import boxes_as_detections

import mots
from mots.classes import BDD_CLASSES, id_of
from mots.encodings.coco_rle import encodings_of
from mots.formats import mots_text
from mots.formats.convert import convert
from mots.labels import FrameLabels, label

SIZE = (120, 200)
# (id, class, x) of one object each
OBJECTS = ((1, "person", 0), (2, "car", 30), (3, "bus", 70), (4, "truck", 110), (5, "rider", 150))


def frames(count: int = 6) -> list[FrameLabels]:
    """Five objects of five classes that drift to the right."""
    result = []
    for k in range(count):
        boxes = [(x + k, 20, x + k + 20, 60) for _, _, x in OBJECTS]
        classes = np.array([id_of(name) for _, name, _ in OBJECTS], np.int64)
        ids = np.array([identity for identity, _, _ in OBJECTS], np.int64)
        result.append(label(boxes_as_detections(boxes, size=SIZE), ids, classes, k, k / 5)[0])
    return result


def scalabel(truth: list[FrameLabels], names: dict[int, str]) -> list[dict[str, Any]]:
    """The same frames as Scalabel's JSON."""
    return [
        {
            "name": f"video-{frame.frame:07d}.jpg",
            "videoName": "video",
            "frameIndex": frame.frame,
            "labels": [
                {"id": str(identity), "category": names[number], "rle": encoding}
                for identity, number, encoding in zip(
                    frame.ids.tolist(), frame.classes.tolist(), encodings_of(frame.masks), strict=True
                )
            ],
        }
        for frame in truth
    ]


def test_each_class_is_scored_as_itself() -> None:
    scores = mots.score(frames(), frames(), benchmark="bdd-mots").to_dict()["combined"]
    for name in ("car", "bus", "truck", "rider"):
        assert scores[name]["HOTA"] == 1
        assert scores[name]["TP"] == 6
    assert scores["pedestrian"]["TP"] == 6


def test_a_wrong_class_is_wrong() -> None:
    cars = [
        FrameLabels(f.frame, f.time, f.ids, np.where(f.classes == 5, 2, f.classes), f.scores, f.masks, f.ignore)
        for f in frames()
    ]
    scores = mots.score(frames(), cars, benchmark="bdd-mots").to_dict()["combined"]
    assert (scores["bus"]["FN"], scores["bus"]["TP"]) == (6, 0)
    assert (scores["car"]["FP"], scores["car"]["TP"]) == (6, 6)


def test_mots_text_is_perfect_against_the_json_of_the_same_frames(tmp_path: Path) -> None:
    names = {number: name for name, number in BDD_CLASSES.items()}
    (tmp_path / "video.json").write_text(json.dumps(scalabel(frames(), names)))
    table = mots_text.IdTable()
    (tmp_path / "results").mkdir()
    (tmp_path / "results/video.txt").write_text("".join(mots_text.lines(frame, table) for frame in frames()))
    scores = mots.score(tmp_path / "video.json", tmp_path / "results", benchmark="bdd-mots").to_dict()["combined"]
    for name in ("pedestrian", "car", "bus", "truck", "rider"):
        assert scores[name]["HOTA"] == 1, name
        assert scores[name]["TP"] == 6, name
    back = mots.read_results(tmp_path / "results/video.txt")
    assert [frame.classes.tolist() for frame in back] == [frame.classes.tolist() for frame in frames()]


def test_labels_of_other_categories_are_told_and_a_frame_twice_is_refused(tmp_path: Path) -> None:
    names = {number: name for name, number in BDD_CLASSES.items()}
    content = scalabel(frames(), names)
    for each in content:
        each["labels"][0]["category"] = "other vehicle"
    path = tmp_path / "video.json"
    path.write_text(json.dumps(content))
    told = convert(path, tmp_path / "out", "mots-text")
    assert told == [f"{path}: category 'other vehicle' is none of BDD100K's: 6 labels are left out"]
    with pytest.warns(mots.MotsWarning, match="6 labels are left out"):
        mots.score(path, tmp_path / "out", benchmark="bdd-mots")
    content[3]["frameIndex"] = content[1]["frameIndex"]
    path.write_text(json.dumps(content))
    with pytest.raises(mots.FormatError, match="frame 3 of the list: frame 1 of video a second time"):
        convert(path, tmp_path / "again", "mots-text")
