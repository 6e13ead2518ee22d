"""YouTube-VIS' JSON: one annotation a track, with a mask in compressed RLE or null for each frame of its video."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mots.encodings import rle
from mots.errors import MotsError
from mots.formats.coco import category, lines_of_rows, mots_class, segmentation
from mots.formats.mots_text import MotsLines

__all__ = ["dumps", "read"]


def dumps(sequences: Mapping[str, MotsLines], first_frame: int = 0) -> str:
    """Sequences as one JSON text; a video's list of frames begins with `first_frame`."""
    classes = sorted({int(c) for lines in sequences.values() for c in lines.classes})
    videos: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for name, lines in sequences.items():
        height, width = lines.runs.size
        length = int(lines.frames.max(initial=first_frame - 1)) - first_frame + 1
        files = [f"{name}/{first_frame + k:06d}.jpg" for k in range(length)]
        video = {"id": len(videos) + 1, "height": height, "width": width, "length": length, "file_names": files}
        videos.append(video)
        encoded = rle.encode(lines.runs)
        keys = np.stack([lines.ids, lines.classes], axis=1)
        for identity, class_id in np.unique(keys, axis=0).tolist():
            masks: list[Any] = [None] * length
            areas: list[Any] = [None] * length
            for row in np.flatnonzero((lines.ids == identity) & (lines.classes == class_id)).tolist():
                place = int(lines.frames[row]) - first_frame
                masks[place] = {"size": [height, width], "counts": encoded[row].decode("ascii")}
                areas[place] = int(lines.runs.areas[row])
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "video_id": video["id"],
                    "category_id": class_id,
                    "track_id": identity,
                    "iscrowd": 0,
                    "segmentations": masks,
                    "areas": areas,
                }
            )
    categories = [{"id": c, "name": category(c)} for c in classes]
    return json.dumps({"videos": videos, "categories": categories, "annotations": annotations}, separators=(",", ":"))


def read(path: Path) -> dict[str, MotsLines]:
    """The sequences of a file, by name; a track without `track_id` has its annotation's id."""
    try:
        whole = json.loads(path.read_bytes())
        names = {each["id"]: each["name"] for each in whole["categories"]}
        videos = {video["id"]: video for video in whole["videos"]}
        rows: dict[str, list[tuple[int, int, int, bytes, tuple[int, int]]]] = {
            str(Path(video["file_names"][0]).parent.name): [] for video in videos.values() if video["file_names"]
        }
        for each in whole["annotations"]:
            video = videos[each["video_id"]]
            size = (int(video["height"]), int(video["width"]))
            where = f"{path}: annotation {each['id']}"
            class_id = mots_class(names[each["category_id"]], where)
            for file, mask in zip(video["file_names"], each["segmentations"], strict=True):
                if mask is not None:
                    place = Path(file)
                    text = segmentation(mask, size, where)
                    identity = int(each.get("track_id", each["id"]))
                    rows[place.parent.name].append((int(place.stem), identity, class_id, text, size))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MotsError(f"{path}: not YouTube-VIS' JSON ({error!r})") from error
    return {name: lines_of_rows(each, f"{path}: {name}") for name, each in rows.items()}
