"""COCO's JSON with a `track_id` for each annotation, as annotation tools (CVAT among them) read and write it.

An image is one frame, named `<sequence>/<frame>.jpg`; an annotation's mask is RLE, compressed or not, or polygons.
Categories go by their names; `ignore` with `iscrowd` is the ignore region.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.classes import CLASS_IDS, MOTS_IGNORE, class_name, from_mots, to_mots
from mots.encodings import rle
from mots.encodings.runs import Runs, runs_of, tight_boxes
from mots.errors import MotsError
from mots.formats.mots_text import MotsLines
from mots.trackers.masks import Masks

__all__ = ["IGNORE", "category", "dumps", "lines_of_rows", "mots_class", "read", "segmentation"]

IGNORE = "ignore"
ALIASES = {"pedestrian": "person"}


def category(mots_id: int) -> str:
    """The name of a class as MOTS numbers it."""
    return IGNORE if mots_id == MOTS_IGNORE else class_name(from_mots(mots_id))


def mots_class(name: str, place: str) -> int:
    """The class of a name, as MOTS numbers it. Raises MotsError for an unknown one."""
    name = ALIASES.get(name.lower(), name.lower())
    if name == IGNORE:
        return MOTS_IGNORE
    if name not in CLASS_IDS:
        raise MotsError(f"{place}: unknown category '{name}': wanted COCO's names, pedestrian or {IGNORE}")
    return to_mots(CLASS_IDS[name])


def dumps(sequences: Mapping[str, MotsLines]) -> str:
    """Sequences as one JSON text."""
    classes = sorted({int(c) for lines in sequences.values() for c in lines.classes})
    images: dict[tuple[str, int], dict[str, Any]] = {}
    annotations: list[str] = []  # as JSON already: there are many, and all of one form
    for name, lines in sequences.items():
        height, width = lines.runs.size
        boxes = tight_boxes(lines.runs)
        boxes[:, 2:] -= boxes[:, :2]
        columns = (lines.frames, lines.classes, lines.ids, lines.runs.areas, boxes)
        rows = zip(rle.encode(lines.runs), *(column.tolist() for column in columns), strict=True)
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
            counts = text.decode("ascii").replace("\\", "\\\\")  # the only sign of an encoding that JSON escapes
            annotations.append(
                f'{{"id":{len(annotations) + 1},"image_id":{image["id"]},"category_id":{class_id},'
                f'"segmentation":{{"size":[{height},{width}],"counts":"{counts}"}},"area":{area},'
                f'"bbox":[{x},{y},{wide},{tall}],"iscrowd":{int(class_id == MOTS_IGNORE)},"track_id":{identity},'
                f'"attributes":{{"track_id":{identity}}}}}'
            )
    categories = [{"id": c, "name": category(c)} for c in classes]
    heads = (
        f'"{key}":{json.dumps(part)}' for key, part in (("images", list(images.values())), ("categories", categories))
    )
    return f'{{{",".join(heads)},"annotations":[{",".join(annotations)}]}}'


def read(path: Path) -> dict[str, MotsLines]:
    """The sequences of a file, by name. Raises MotsError with the annotation that has no track, mask or image."""
    try:
        whole = json.loads(path.read_bytes())
        images = {image["id"]: image for image in whole["images"]}
        names = {each["id"]: each["name"] for each in whole["categories"]}
        rows: dict[str, list[tuple[int, int, int, bytes, tuple[int, int]]]] = {}
        for each in whole["annotations"]:
            where = f"{path}: annotation {each['id']}"
            image = images[each["image_id"]]
            file = Path(image["file_name"])
            name, frame = str(image.get("video", file.parent.name or path.stem)), int(image.get("frame", file.stem))
            track = each.get("track_id", (each.get("attributes") or {}).get("track_id"))
            if track is None:
                raise MotsError(f"{where}: no track_id")
            size = (int(image["height"]), int(image["width"]))
            text = segmentation(each["segmentation"], size, where)
            class_id = mots_class(names[each["category_id"]], where)
            rows.setdefault(name, []).append((frame, int(track), class_id, text, size))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MotsError(f"{path}: not COCO's JSON with tracks ({error!r})") from error
    return {name: lines_of_rows(each, f"{path}: {name}") for name, each in rows.items()}


def segmentation(found: Any, size: tuple[int, int], where: str) -> bytes:
    """A mask in COCO's forms as compressed RLE: RLE compressed or not, or polygons."""
    if isinstance(found, dict) and isinstance(found["counts"], str):
        return bytes(found["counts"].encode("ascii"))
    if isinstance(found, dict):
        edges = np.cumsum(np.array(found["counts"], np.int64))
        if len(edges) == 0 or edges[-1] != size[0] * size[1]:
            raise MotsError(f"{where}: runs that do not fill a frame of {size[0]} x {size[1]}")
        starts, stops = edges[0::2][: len(edges) // 2], edges[1::2]
        kept = stops > starts
        first, last = starts[kept].astype(np.int32), stops[kept].astype(np.int32)
        bounds = np.array([0, len(first)], np.int64)
        return rle.encode(Runs(size, first, last, bounds, np.array([(last - first).sum()], np.int64)))[0]
    picture = np.zeros(size, np.bool_)
    for polygon in found:
        picture |= filled(np.array(polygon, np.float64).reshape(-1, 2), size)
    return rle.encode(runs_of(Masks.from_images(picture[None])))[0]


def filled(corners: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W) the pixels whose middles lie inside a polygon of corners (K, 2) x y, by the even-odd rule."""
    x, y = np.arange(size[1]) + 0.5, np.arange(size[0]) + 0.5
    picture = np.zeros(size, np.bool_)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        rows = np.flatnonzero((y1 <= y) != (y2 <= y))  # of pixels whose line the edge crosses
        crossing = x1 + (y[rows] - y1) * (x2 - x1) / (y2 - y1) if len(rows) else np.zeros(0)
        picture[rows] ^= x[None, :] > crossing[:, None]
    return picture


def lines_of_rows(rows: list[tuple[int, int, int, bytes, tuple[int, int]]], origin: str) -> MotsLines:
    """Frame, id, class, RLE and size of each mask as lines, in the order of frames."""
    rows = sorted(rows, key=lambda row: row[0])
    size = rows[0][4] if rows else (0, 0)
    for row in rows:
        if row[4] != size:
            raise MotsError(f"{origin}: frame {row[0]}: {row[4][0]} x {row[4][1]} after {size[0]} x {size[1]}")
    try:
        runs = rle.decode([row[3] for row in rows], size) if rows else Runs.empty(size)
    except rle.RLEError as error:
        raise MotsError(f"{origin}: frame {rows[error.row][0]}: the mask does not decode: {error}") from error
    frames, ids, classes = np.array([row[:3] for row in rows], np.int64).reshape(-1, 3).T
    return MotsLines(origin, np.arange(1, len(rows) + 1), frames, ids, classes, runs)
