"""YouTube-VIS' JSON: one annotation a track, with a mask in compressed RLE or null for each frame of its video."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mots.classes import to_mots
from mots.encodings import rle
from mots.errors import FormatError
from mots.formats.coco import categories, class_of, segmentation
from mots.formats.label_table import LabelRow, LabelTable, table_of_rows

__all__ = ["dumps", "read"]


def dumps(sequences: Mapping[str, LabelTable], first_frame: int = 0) -> str:
    """Sequences as one JSON text; each video's list of frames begins with `first_frame`."""
    videos: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for name, table in sequences.items():
        height, width = table.size
        length = int(table.frames.max(initial=first_frame - 1)) - first_frame + 1
        files = [f"{name}/{first_frame + k:06d}.jpg" for k in range(length)]
        video = {"id": len(videos) + 1, "height": height, "width": width, "length": length, "file_names": files}
        videos.append(video)
        encoded = rle.encode(table.runs)
        keys = np.stack([table.ids, table.classes], axis=1)
        for identity, class_id in np.unique(keys, axis=0).tolist():
            masks: list[Any] = [None] * length
            areas: list[Any] = [None] * length
            for row in np.flatnonzero((table.ids == identity) & (table.classes == class_id)).tolist():
                place = int(table.frames[row]) - first_frame
                masks[place] = {"size": [height, width], "counts": encoded[row].decode("ascii")}
                areas[place] = int(table.runs.areas[row])
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
    whole = {"videos": videos, "categories": categories(sequences), "annotations": annotations}
    return json.dumps(whole, separators=(",", ":"))


def read(path: str | Path) -> dict[str, LabelTable]:
    """The sequences of a file, by name; a track without `track_id` has its annotation's id. Raises FormatError."""
    path = Path(path)
    try:
        whole = json.loads(path.read_bytes())
        names = {each["id"]: each["name"] for each in whole["categories"]}
        videos = {video["id"]: video for video in whole["videos"]}
        rows: dict[str, list[LabelRow]] = {
            str(Path(video["file_names"][0]).parent.name): [] for video in videos.values() if video["file_names"]
        }
        for each in whole["annotations"]:
            video = videos[each["video_id"]]
            size = (int(video["height"]), int(video["width"]))
            where = f"{path}: annotation {each['id']}"
            class_id = class_of(names[each["category_id"]], where)
            for file, mask in zip(video["file_names"], each["segmentations"], strict=True):
                if mask is not None:
                    place = Path(file)
                    text = segmentation(mask, size, where)
                    identity = int(each.get("track_id", each["id"]))
                    rows[place.parent.name].append((int(place.stem), identity, class_id, text, size))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path}: not YouTube-VIS' JSON ({error!r})") from error
    return {name: table_of_rows(each, f"{path}: {name}") for name, each in rows.items()}
