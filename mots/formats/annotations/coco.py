"""COCO's JSON with a `track_id` for each annotation, as annotation tools (CVAT among them) read and write it.

An image is one frame, named `<sequence>/<frame>.jpg`; an annotation's mask is RLE, compressed or not, or polygons.
Categories are read by their names; `ignore` is the ignore region, and so is a crowd without a track's id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.classes import IGNORE, class_name, id_of, to_mots
from mots.encodings import coco_rle, rle
from mots.encodings.polygons import runs_of_polygons
from mots.encodings.runs import tight_boxes
from mots.errors import FormatError
from mots.formats.annotations.coco_images import frames_of
from mots.formats.faults import Fault, Report, fail
from mots.formats.label_table import IGNORE_ID, LabelRow, LabelTable, listed_frames, table_of_rows
from mots.names import printable
from mots.storage.json_file import item, items, load, number, text
from mots.storage.json_file import whole as whole_number

__all__ = [
    "Categories",
    "categories",
    "category_names",
    "crowd_fault",
    "dumps",
    "encoded_polygons",
    "read",
    "segmentation",
    "shown_id",
]

OWN_CLASSES = 1000  # the class of the first category that has no number here


class Categories:
    """The classes of a file's category names. One that has no number here gets an id of its own, which is reported."""

    def __init__(self, origin: str, report: Report, own: dict[str, int] | None = None) -> None:
        self.origin, self.report = origin, report
        self.own = {} if own is None else own
        self.told: set[str] = set()

    def class_of(self, name: str) -> int:
        """The class of a category's name, IGNORE for `ignore`."""
        class_id = id_of(name.replace("_", " "))
        if class_id is not None:
            return class_id
        self.own.setdefault(name, OWN_CLASSES + len(self.own))
        if name not in self.told:
            self.told.add(name)
            message = f"category '{printable(name)}' is none of the known ones: its class is {self.own[name]} here"
            self.report(Fault("category", self.origin, message, refused=False))
        return self.own[name]


def categories(sequences: Mapping[str, LabelTable], names: Mapping[int, str] | None = None) -> list[dict[str, Any]]:
    """The categories of all classes that occur; their ids are MOTS's class numbers. `names`: of those without one
    here."""
    classes = {int(c) for table in sequences.values() for c in np.unique(table.classes)}
    return [{"id": to_mots(c), "name": class_name(c, names)} for c in sorted(classes, key=to_mots)]


def dumps(sequences: Mapping[str, LabelTable], names: Mapping[int, str] | None = None) -> str:
    """Sequences as one JSON text. `names`: of classes that have no number here."""
    images: dict[tuple[str, int], dict[str, Any]] = {}
    annotations: list[str] = []  # as JSON already: they are many, and all of one form
    for name, table in sequences.items():
        height, width = table.size
        for frame in listed_frames(table).tolist():
            images[name, frame] = image_of(len(images) + 1, name, frame, table.size)
        boxes = tight_boxes(table.runs)
        boxes[:, 2:] -= boxes[:, :2]
        columns = (table.frames, table.classes, table.ids, table.runs.areas, boxes)
        rows = zip(rle.encode(table.runs), *(column.tolist() for column in columns), strict=True)
        for encoded, frame, class_id, identity, area, (x, y, wide, tall) in rows:
            image = images[name, frame]
            counts = encoded.decode("ascii").replace(
                "\\", "\\\\"
            )  # the only character of an encoding that JSON escapes
            annotations.append(
                f'{{"id":{len(annotations) + 1},"image_id":{image["id"]},"category_id":{to_mots(class_id)},'
                f'"segmentation":{{"size":[{height},{width}],"counts":"{counts}"}},"area":{area},'
                f'"bbox":[{x},{y},{wide},{tall}],"iscrowd":{int(class_id == IGNORE)},"track_id":{identity},'
                f'"attributes":{{"track_id":{identity}}}}}'
            )
    parts = (("images", list(images.values())), ("categories", categories(sequences, names)))
    heads = (f'"{key}":{json.dumps(part)}' for key, part in parts)
    return f'{{{",".join(heads)},"annotations":[{",".join(annotations)}]}}'


def image_of(number: int, name: str, frame: int, size: tuple[int, int]) -> dict[str, Any]:
    """The entry of an image."""
    file = f"{name}/{frame:06d}.jpg"
    return {"id": number, "file_name": file, "height": size[0], "width": size[1], "video": name, "frame": frame}


def read(path: str | Path, report: Report = fail, own: dict[str, int] | None = None) -> dict[str, LabelTable]:
    """The sequences of a file, by name: of an image's `video`, `video_id` or folder (see `names.sequence_names`).

    A frame's number is its `frame`, the number in the name of its picture (see `names.ordered`), or its `frame_id`.
    Faults go to `report`, and the annotation is left out: one without a mask, or that `table_of_rows` refuses. Raises
    FormatError, with the annotation, for what is not as COCO has it.
    """
    path = Path(path)
    whole = load(path)
    frames = frames_of(whole, path, report)
    categories, crowds = Categories(str(path), report, own), 0
    names = category_names(whole, path)
    rows: dict[str, list[LabelRow]] = {name: [] for name, _, _ in frames.values()}
    for place, each in enumerate(items(item(whole, "annotations", str(path)), f"{path}: annotations")):
        where = f"{path}: annotation {shown_id(each, place)}"
        image = whole_number(item(each, "image_id", where), f"{where}, image_id")
        if image not in frames:
            raise FormatError(f"{where}: there is no image {image}")
        name, frame, size = frames[image]
        category = whole_number(item(each, "category_id", where), f"{where}, category_id")
        if category not in names:
            raise FormatError(f"{where}: there is no category {category}")
        track, crowd = track_of(each, where), item(each, "iscrowd", where, 0) in (1, True)
        if track is None and not crowd:
            raise FormatError(f"{where}: no track_id")
        class_id = IGNORE if track is None else categories.class_of(names[category])
        identity = IGNORE_ID if track is None else whole_number(track, f"{where}, track_id")
        crowds += crowd and class_id != IGNORE
        mask = segmentation(item(each, "segmentation", where, None), size, where)
        if mask is None:
            report(Fault("no mask", where, "no mask: a box alone is none", frame=frame, ids=(identity,)))
            continue
        rows[name].append((frame, identity, class_id, mask, size))
    if crowds:
        report(crowd_fault(str(path), crowds))
    sizes = {name: size for name, _, size in frames.values()}
    listed = {name: [frame for own, frame, _ in frames.values() if own == name] for name in rows}
    return {
        name: table_of_rows(each, f"{path}: {name}", report, listed[name], sizes[name], False)
        for name, each in rows.items()
    }


def track_of(annotation: Any, where: str) -> Any:
    """The track's id of an annotation, its own or among its attributes; None where it has none."""
    attributes = item(annotation, "attributes", where, None)
    track = item(annotation, "track_id", where, None)
    return attributes.get("track_id") if track is None and isinstance(attributes, Mapping) else track


def crowd_fault(origin: str, count: int) -> Fault:
    """What is told of crowds that have a track's id: tools mark masks so that were painted."""
    message = f"{count} annotations have iscrowd and a track's id: they are objects here"
    return Fault("crowd", origin, message, refused=False)


def shown_id(annotation: Any, place: int) -> str:
    """An annotation's own id where it has one, otherwise its place from 0."""
    own = annotation.get("id") if isinstance(annotation, Mapping) else None
    return str(own) if isinstance(own, int) else f"{place} of the list"


def category_names(content: Any, path: Path) -> dict[int, str]:
    """The names of a file's categories by their ids. Raises FormatError for an id of two names."""
    names: dict[int, str] = {}
    for place, each in enumerate(items(item(content, "categories", str(path)), f"{path}: categories")):
        where = f"{path}: category {place}"
        own = whole_number(item(each, "id", where), f"{where}, id")
        name = text(item(each, "name", where), f"{where}, name")
        if names.setdefault(own, name) != name:
            raise FormatError(f"{where}: '{printable(name)}' has the id {own} of '{printable(names[own])}'")
    return names


def segmentation(value: Any, size: tuple[int, int], where: str) -> bytes | None:
    """A mask in COCO's forms as compressed RLE: RLE compressed or not, or polygons; None where there is none.

    Raises FormatError for one that is none of these, or of another frame's size.
    """
    if value is None or value == []:
        return None
    if isinstance(value, Mapping):
        own = item(value, "size", where, list(size))
        if not isinstance(own, list) or own != list(size):
            raise FormatError(f"{where}: a mask of the size {own} for a frame of {list(size)} (height, width)")
        counts = item(value, "counts", where)
        if isinstance(counts, str):
            return counts.encode("ascii", "replace")
        lengths = [whole_number(each, f"{where}, counts") for each in items(counts, f"{where}, counts")]
        try:
            return rle.encode(coco_rle.runs_of_counts(lengths, size))[0]
        except ValueError as error:
            raise FormatError(f"{where}: {error}") from error
    polygons = []
    for polygon in items(value, f"{where}, segmentation"):
        corners = [number(each, f"{where}, segmentation") for each in items(polygon, f"{where}, segmentation")]
        if len(corners) < 6 or len(corners) % 2:
            raise FormatError(f"{where}: a polygon of {len(corners)} numbers: wanted x and y of three points or more")
        polygons.append(np.array(corners, np.float64).reshape(-1, 2))
    return encoded_polygons(polygons, size, where)


def encoded_polygons(polygons: Sequence[NDArray[np.float64]], size: tuple[int, int], where: str) -> bytes:
    """The compressed RLE of the mask inside polygons (see `polygons.runs_of_polygons`). Raises FormatError."""
    try:
        return rle.encode(runs_of_polygons(polygons, size))[0]
    except ValueError as error:
        raise FormatError(f"{where}: {error}") from error
