"""YouTube-VIS' JSON: one annotation a track, with a mask or null for each frame of its video.

OVIS writes the same, with uncompressed run lengths. Results of mmdetection and of the challenges are a list of tracks
with a score, without videos and categories: those are taken from an annotation file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mots.classes import to_mots
from mots.encodings import rle
from mots.errors import FormatError
from mots.formats.annotations.coco import (
    Categories,
    categories,
    category_names,
    crowd_fault,
    segmentation,
    shown_id,
)
from mots.formats.annotations.coco_images import video_names
from mots.formats.faults import Report, fail
from mots.formats.label_table import LabelRow, LabelTable, dense_frames, table_of_rows
from mots.names import components, ordered
from mots.storage.json_file import item, items, load, size_of, text, whole

__all__ = ["dumps", "read", "read_results"]


def dumps(sequences: Mapping[str, LabelTable], first_frame: int = 0, names: Mapping[int, str] | None = None) -> str:
    """Sequences as one JSON text; each video's list of frames begins with `first_frame`, unless its numbers are a
    clock's: then it has the frames that are there."""
    videos: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for name, table in sequences.items():
        height, width = table.size
        numbers = dense_frames(table, first_frame)
        files = [f"{name}/{frame:06d}.jpg" for frame in numbers.tolist()]
        length = len(files)
        video = {"id": len(videos) + 1, "height": height, "width": width, "length": length, "file_names": files}
        videos.append(video)
        encoded = rle.encode(table.runs)
        places = np.searchsorted(numbers, table.frames).tolist()
        keys = np.stack([table.ids, table.classes], axis=1)
        unique, which = np.unique(keys, axis=0, return_inverse=True)
        rows_of: list[list[int]] = [[] for _ in unique]
        for row, each in enumerate(which.ravel().tolist()):
            rows_of[each].append(row)
        for (identity, class_id), rows in zip(unique.tolist(), rows_of, strict=True):
            masks: list[Any] = [None] * length
            areas: list[Any] = [None] * length
            for row in rows:
                masks[places[row]] = {"size": [height, width], "counts": encoded[row].decode("ascii")}
                areas[places[row]] = int(table.runs.areas[row])
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "video_id": video["id"],
                    "category_id": to_mots(class_id),
                    "track_id": identity,
                    "iscrowd": 0,
                    "segmentations": masks,
                    "areas": areas,
                }
            )
    whole = {"videos": videos, "categories": categories(sequences, names), "annotations": annotations}
    return json.dumps(whole, separators=(",", ":"))


@dataclass(frozen=True)
class FileVideo:
    """A video's name, the numbers of its frames in their order, and their (height, width)."""

    name: str
    frames: list[int]
    size: tuple[int, int]


def read(path: str | Path, report: Report = fail, own: dict[str, int] | None = None) -> dict[str, LabelTable]:
    """The sequences of a file, by name; a track without `track_id` has its annotation's id.

    Faults go to `report`, as in `coco.read`. Raises FormatError, with the annotation, for what is not as YouTube-VIS
    has it.
    """
    path = Path(path)
    content = load(path)
    names, videos = header(content, path, report)
    rows: dict[str, list[LabelRow]] = {video.name: [] for video in videos.values()}
    known = Categories(str(path), report, own)
    crowds, seen = 0, set()
    for place, each in enumerate(items(item(content, "annotations", str(path), None), f"{path}: annotations")):
        where = f"{path}: annotation {shown_id(each, place)}"
        if isinstance(each, Mapping) and "track_id" not in each and "id" in each:
            if each["id"] in seen:
                raise FormatError(f"{where}: a second annotation of this id")
            seen.add(each["id"])
        add_track(rows, each, (place + 1, where), names, videos, known)
        crowds += item(each, "iscrowd", where, 0) in (1, True)
    if crowds:
        report(crowd_fault(str(path), crowds))
    return tables(rows, videos, path, report)


def read_results(
    path: str | Path, annotations: str | Path, report: Report = fail, own: dict[str, int] | None = None
) -> dict[str, LabelTable]:
    """Results of a challenge, a list of tracks, with the videos and categories of an annotation file.

    A track's id is its place in the list, from 1.
    """
    path = Path(path)
    names, videos = header(load(Path(annotations)), Path(annotations), report)
    rows: dict[str, list[LabelRow]] = {video.name: [] for video in videos.values()}
    known = Categories(str(annotations), report, own)
    for place, each in enumerate(items(load(path), str(path))):
        add_track(rows, each, (place + 1, f"{path}: track {place} of the list"), names, videos, known)
    return tables(rows, videos, path, report)


def header(content: Any, path: Path, report: Report) -> tuple[dict[int, str], dict[int, FileVideo]]:
    """The names of a file's categories, and its videos, by their ids."""
    folders: dict[int, tuple[str, ...]] = {}
    numbers: dict[int, list[int]] = {}
    sizes: dict[int, tuple[int, int]] = {}
    for place, each in enumerate(items(item(content, "videos", str(path)), f"{path}: videos")):
        where = f"{path}: video {place}"
        number = whole(item(each, "id", where), f"{where}, id")
        if number in folders:
            raise FormatError(f"{where}: a second video of the id {number}")
        files = [text(file, f"{where}, file_names") for file in items(item(each, "file_names", where), where)]
        if len(set(files)) < len(files):
            raise FormatError(f"{where}: a picture stands twice in its file_names")
        paths = [components(file) or [""] for file in files]
        name = text(item(each, "name", where, ""), f"{where}, name")
        own = tuple(paths[0][:-1]) if paths and len({tuple(each[:-1]) for each in paths}) == 1 else ()
        folders[number] = own or tuple(components(name)) or (f"video{number}",)
        numbers[number] = [0] * len(files)
        for frame, at in ordered([each[-1] for each in paths]):
            numbers[number][at] = frame
        sizes[number] = size_of(item(each, "height", where), item(each, "width", where), where)
    names = video_names(folders, str(path), report)
    videos = {number: FileVideo(names[number], numbers[number], sizes[number]) for number in folders}
    return category_names(content, path), videos


def add_track(
    rows: dict[str, list[LabelRow]],
    track: Any,
    place: tuple[int, str],
    names: dict[int, str],
    videos: dict[int, FileVideo],
    known: Categories,
) -> None:
    """Add a track's masks to the rows of its video; `place`: its number where it has none, and what messages call
    it."""
    own, where = place
    video_id = whole(item(track, "video_id", where), f"{where}, video_id")
    category = whole(item(track, "category_id", where), f"{where}, category_id")
    if video_id not in videos:
        raise FormatError(f"{where}: there is no video {video_id}")
    if category not in names:
        raise FormatError(f"{where}: there is no category {category}")
    video, class_id = videos[video_id], known.class_of(names[category])
    identity = whole(item(track, "track_id", where, item(track, "id", where, own)), f"{where}, track_id")
    masks = list(items(item(track, "segmentations", where), f"{where}, segmentations"))
    if len(masks) != len(video.frames):
        raise FormatError(f"{where}: {len(masks)} masks for a video of {len(video.frames)} frames")
    for frame, mask in zip(video.frames, masks, strict=True):
        encoded = segmentation(mask, video.size, f"{where}, frame {frame}")
        if encoded is not None:
            rows[video.name].append((frame, identity, class_id, encoded, video.size))


def tables(
    rows: dict[str, list[LabelRow]], videos: dict[int, FileVideo], path: Path, report: Report
) -> dict[str, LabelTable]:
    """The rows of each video as a table."""
    by_name = {video.name: video for video in videos.values()}
    return {
        name: table_of_rows(each, f"{path}: {name}", report, by_name[name].frames, by_name[name].size, False)
        for name, each in rows.items()
    }
