"""CVAT for images, version 1.1: each picture with its masks and polygons, as annotators get single frames to label.

A picture is `<sequence>/<frame>.jpg`. The format has no tracks: a track's id is the attribute `track_id`, or the
shape's group where it has none. Shapes with neither are objects of their own, with ids from 1,000,001 on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from mots.classes import IGNORE, class_name
from mots.encodings import rle
from mots.encodings.runs import masks_of, runs_of
from mots.errors import FormatError
from mots.formats.annotations.coco import Categories, encoded_polygons
from mots.formats.annotations.cvat_xml import corners_of, mask_of, parsed, run_lengths
from mots.formats.faults import Fault, Report, fail
from mots.formats.label_table import IGNORE_ID, LabelRow, LabelTable, listed_frames, table_of_rows
from mots.names import components, ordered, printable, safe_name
from mots.storage.json_file import size_of, whole

__all__ = ["dumps", "is_one", "read"]

WITHOUT_TRACK = 1_000_000  # the ids of shapes without a track lie above
TRACK = "track_id"


def dumps(sequences: Mapping[str, LabelTable], names: Mapping[int, str] | None = None) -> str:
    """Sequences as one XML text. `names`: of classes that have no number here."""
    images, labels, count = [], set(), 0
    for name, table in sequences.items():
        height, width = table.size
        masks = masks_of(table.runs)
        for frame in listed_frames(table).tolist():
            file = quoteattr(f"{name}/{frame:06d}.jpg")
            images.append(f'<image id="{count}" name={file} width="{width}" height="{height}">')
            count += 1
            for row in np.flatnonzero(table.frames == frame).tolist():
                label = class_name(int(table.classes[row]), names)
                labels.add(label)
                left, top, right, bottom = masks.boxes[row].tolist()
                lengths = ", ".join(map(str, run_lengths(masks, row)))
                images.append(
                    f'<mask label={quoteattr(label)} source="auto" occluded="0" rle="{lengths}" left="{left}" '
                    f'top="{top}" width="{right - left}" height="{bottom - top}" z_order="0">'
                    f'<attribute name="{TRACK}">{int(table.ids[row])}</attribute></mask>'
                )
            images.append("</image>")
    attribute = (
        f"<attributes><attribute><name>{TRACK}</name><mutable>False</mutable><input_type>number</input_type>"
        "<default_value>0</default_value><values>0\n2147483647\n1</values></attribute></attributes>"
    )
    own = "".join(f"<label><name>{escape(label)}</name>{attribute}</label>" for label in sorted(labels))
    head = '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>'
    meta = f"<meta><task><name>frames</name><size>{count}</size><labels>{own}</labels></task></meta>"
    return f"{head}{meta}\n" + "\n".join(images) + "\n</annotations>\n"


def is_one(path: str | Path) -> bool:
    """Whether an XML file is of this kind. Raises FormatError for one that is no XML."""
    root = parsed(Path(path))
    return root.tag == "annotations" and root.find("image") is not None


def read(path: str | Path, report: Report = fail, own: dict[str, int] | None = None) -> dict[str, LabelTable]:
    """The sequences of a file, by the folders of its pictures; a frame's number is that in its picture's name.

    Faults go to `report`, and the shape is left out: a box, an ellipse, or one that `table_of_rows` refuses. Raises
    FormatError, with the picture, for what is not as CVAT has it.
    """
    path = Path(path)
    root = parsed(path)
    categories = Categories(str(path), report, own)
    folders: dict[str, list[tuple[str, ElementTree.Element]]] = {}
    for place, image in enumerate(root.findall("image")):
        parts = tuple(components(image.get("name", "")))
        if not parts:
            raise FormatError(f"{path}: image {place}: no name")
        name = safe_name("_".join(parts[:-1]) or path.stem, f"{path}: image {place}")
        folders.setdefault(name, []).append((parts[-1], image))
    tables, alone = {}, WITHOUT_TRACK
    for name, images in folders.items():
        rows: list[LabelRow] = []
        listed: list[int] = []
        sizes: set[tuple[int, int]] = set()
        for frame, place in numbered([file for file, _ in images]):
            file, image = images[place]
            where = f"{path}: {printable(str(PurePosixPath(name) / file))}"
            size = size_of(image.get("height", ""), image.get("width", ""), where)
            sizes.add(size)
            listed.append(frame)
            for shape in image:
                row, alone = shape_row(shape, frame, size, where, categories, alone)
                rows += [row] if row is not None else []
        if len(sizes) > 1:
            raise FormatError(f"{path}: {printable(name)}: pictures of several sizes in one sequence: {sorted(sizes)}")
        tables[name] = table_of_rows(rows, f"{path}: {name}", report, listed, sizes.pop(), False)
    return tables


def numbered(files: list[str]) -> list[tuple[int, int]]:
    """The frame's number and the place of each picture: the digits at the end of its name, as `dumps` writes them, or
    else what `names.ordered` makes of them."""
    ends = [re.search(r"([0-9]{1,9})$", PurePosixPath(file).stem) for file in files]
    numbers = [int(end[1]) for end in ends if end is not None]
    if len(set(numbers)) == len(files):
        return sorted(zip(numbers, range(len(files)), strict=True))
    return ordered(files)


def shape_row(
    shape: ElementTree.Element, frame: int, size: tuple[int, int], where: str, categories: Categories, alone: int
) -> tuple[LabelRow | None, int]:
    """A shape as a row, None for one that is no mask; and the last id that was given to one without a track."""
    if shape.tag == "mask":
        text = rle.encode(runs_of(mask_of(shape, size, where)))[0]
    elif shape.tag == "polygon":
        text = encoded_polygons([corners_of(shape.get("points", ""), where)], size, where)
    else:
        if shape.tag in ("box", "ellipse", "polyline", "points", "cuboid", "skeleton"):
            message = f"a {shape.tag}, which is no mask"
            categories.report(Fault("no mask", where, message, frame=frame))
        return None, alone
    class_id = categories.class_of(shape.get("label", ""))
    if class_id == IGNORE:
        return (frame, IGNORE_ID, IGNORE, text, size), alone
    attribute = next((each.text for each in shape.findall("attribute") if each.get("name") == TRACK), None)
    told = (attribute or "").strip() or shape.get("group_id", "")
    identity = whole(told, f"{where}, {TRACK}", 0, 2**31 - 1) if told else 0
    if identity == 0:
        alone += 1
        identity = alone
    return (frame, identity, class_id, text, size), alone
