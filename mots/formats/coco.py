"""COCO's JSON with a `track_id` for each annotation, as annotation tools (CVAT among them) read and write it.

An image is one frame, named `<sequence>/<frame>.jpg`; an annotation's mask is RLE, compressed or not, or polygons.
Categories are read by their names; `ignore` with `iscrowd` is the ignore region.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.classes import IGNORE, IGNORE_NAME, class_name, id_of, to_mots
from mots.encodings import coco_rle, rle
from mots.encodings.runs import runs_of, tight_boxes
from mots.errors import FormatError
from mots.formats.label_table import LabelRow, LabelTable, table_of_rows
from mots.trackers.masks import Masks

__all__ = ["categories", "class_of", "dumps", "read", "segmentation"]


def class_of(name: str, place: str) -> int:
    """The class of a category's name, IGNORE for `ignore`. Raises FormatError for an unknown one."""
    class_id = id_of(name)
    if class_id is None:
        raise FormatError(f"{place}: unknown category '{name}': wanted COCO's names, pedestrian or {IGNORE_NAME}")
    return class_id


def categories(sequences: Mapping[str, LabelTable]) -> list[dict[str, Any]]:
    """The categories of all classes that occur; their ids are MOTS's class numbers."""
    classes = {int(c) for table in sequences.values() for c in np.unique(table.classes)}
    return [{"id": to_mots(c), "name": class_name(c)} for c in sorted(classes, key=to_mots)]


def dumps(sequences: Mapping[str, LabelTable]) -> str:
    """Sequences as one JSON text."""
    images: dict[tuple[str, int], dict[str, Any]] = {}
    annotations: list[str] = []  # as JSON already: they are many, and all of one form
    for name, table in sequences.items():
        height, width = table.size
        boxes = tight_boxes(table.runs)
        boxes[:, 2:] -= boxes[:, :2]
        columns = (table.frames, table.classes, table.ids, table.runs.areas, boxes)
        rows = zip(rle.encode(table.runs), *(column.tolist() for column in columns), strict=True)
        for text, frame, class_id, identity, area, (x, y, wide, tall) in rows:
            image = images.setdefault(
                (name, frame),
                {
                    "id": len(images) + 1,
                    "file_name": f"{name}/{frame:06d}.jpg",
                    "height": height,
                    "width": width,
                    "video": name,
                    "frame": frame,
                },
            )
            counts = text.decode("ascii").replace("\\", "\\\\")  # the only character of an encoding that JSON escapes
            annotations.append(
                f'{{"id":{len(annotations) + 1},"image_id":{image["id"]},"category_id":{to_mots(class_id)},'
                f'"segmentation":{{"size":[{height},{width}],"counts":"{counts}"}},"area":{area},'
                f'"bbox":[{x},{y},{wide},{tall}],"iscrowd":{int(class_id == IGNORE)},"track_id":{identity},'
                f'"attributes":{{"track_id":{identity}}}}}'
            )
    parts = (("images", list(images.values())), ("categories", categories(sequences)))
    heads = (f'"{key}":{json.dumps(part)}' for key, part in parts)
    return f'{{{",".join(heads)},"annotations":[{",".join(annotations)}]}}'


def read(path: str | Path) -> dict[str, LabelTable]:
    """The sequences of a file, by name. Raises FormatError with the annotation that has no track, mask or image."""
    path = Path(path)
    try:
        whole = json.loads(path.read_bytes())
        images = {image["id"]: image for image in whole["images"]}
        names = {each["id"]: each["name"] for each in whole["categories"]}
        rows: dict[str, list[LabelRow]] = {}
        for each in whole["annotations"]:
            where = f"{path}: annotation {each['id']}"
            image = images[each["image_id"]]
            file = Path(image["file_name"])
            name, frame = str(image.get("video", file.parent.name or path.stem)), int(image.get("frame", file.stem))
            track = each.get("track_id", (each.get("attributes") or {}).get("track_id"))
            if track is None:
                raise FormatError(f"{where}: no track_id")
            size = (int(image["height"]), int(image["width"]))
            text = segmentation(each["segmentation"], size, where)
            class_id = class_of(names[each["category_id"]], where)
            rows.setdefault(name, []).append((frame, int(track), class_id, text, size))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path}: not COCO's JSON with tracks ({error!r})") from error
    return {name: table_of_rows(each, f"{path}: {name}") for name, each in rows.items()}


def segmentation(value: Any, size: tuple[int, int], where: str) -> bytes:
    """A mask in COCO's forms as compressed RLE: RLE compressed or not, or polygons."""
    if isinstance(value, dict) and isinstance(value["counts"], str):
        return bytes(value["counts"].encode("ascii"))
    if isinstance(value, dict):
        try:
            return rle.encode(coco_rle.runs_of_counts(value["counts"], size))[0]
        except ValueError as error:
            raise FormatError(f"{where}: {error}") from error
    picture = np.zeros(size, np.bool_)
    for polygon in value:
        picture |= filled(np.array(polygon, np.float64).reshape(-1, 2), size)
    return rle.encode(runs_of(Masks.from_images(picture[None])))[0]


def filled(corners: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W) the pixels whose centres lie inside a polygon of corners (K, 2) x y, by the even-odd rule."""
    x, y = np.arange(size[1]) + 0.5, np.arange(size[0]) + 0.5
    picture = np.zeros(size, np.bool_)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        rows = np.flatnonzero((y1 <= y) != (y2 <= y))  # of pixels, those that the edge crosses
        crossing = x1 + (y[rows] - y1) * (x2 - x1) / (y2 - y1) if len(rows) else np.zeros(0)
        picture[rows] ^= x[None, :] > crossing[:, None]
    return picture
