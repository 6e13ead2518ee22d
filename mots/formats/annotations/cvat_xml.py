"""CVAT for video, version 1.1: tracks of masks and polygons, a shape for each frame; `outside` shapes are not shown."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from mots.encodings import rle
from mots.encodings.polygons import mask_of_polygons
from mots.encodings.runs import runs_of
from mots.errors import FormatError
from mots.files import read_file
from mots.formats.annotations.coco import Categories
from mots.formats.faults import Fault, Report, fail
from mots.formats.label_table import LabelRow, LabelTable, table_of_rows
from mots.names import printable, safe_name
from mots.storage.json_file import size_of, whole
from mots.trackers.masks import Masks

__all__ = ["read"]


def read(path: str | Path, report: Report = fail) -> dict[str, LabelTable]:
    """The sequence of a file, by the task's name; a track's id is CVAT's + 1, as ids count from 1 here.

    Faults go to `report`, and the shape is left out: a box, an ellipse, or one that `table_of_rows` refuses. Raises
    FormatError, with the track, for what is not as CVAT has it.
    """
    path = Path(path)
    try:
        content = read_file(path)
        if re.search(rb"<!\s*(DOCTYPE|ENTITY)", content, re.IGNORECASE):
            raise FormatError(f"{path}: declares entities, as no file of CVAT does")
        root = ElementTree.fromstring(content)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from error
    except (ElementTree.ParseError, ValueError, RecursionError, MemoryError) as error:
        raise FormatError(f"{path}: not XML ({error})") from error
    size_of_task = root.find(".//original_size")
    if root.tag != "annotations" or size_of_task is None:
        raise FormatError(f"{path}: not CVAT for video: no <annotations> with an <original_size>")
    high, wide = (size_of_task.findtext(name, "") for name in ("height", "width"))
    size = size_of(high, wide, f"{path}: original_size")
    title = root.findtext(".//task/name") or root.findtext(".//job/name") or path.stem
    name = safe_name(re.sub(r"[/\\]", "_", title.strip()) or path.stem, str(path))
    categories = Categories(str(path), report)
    rows: list[LabelRow] = []
    for track in root.findall("track"):
        where = f"{path}: track {printable(track.get('id', '?'))}"
        identity = whole(track.get("id"), f"{where}, id", 0, 2**31 - 2) + 1
        class_id = categories.class_of(track.get("label", ""))
        for shape in track:
            frame = whole(shape.get("frame"), f"{where}, frame")
            if shape.get("outside") == "1":
                continue
            if shape.tag == "polygon":
                masks = mask_of_polygons([corners_of(shape.get("points", ""), f"{where}, frame {frame}")], size)
            elif shape.tag == "mask":
                masks = mask_of(shape, size, f"{where}, frame {frame}")
            else:
                message = f"a {shape.tag}, which is no mask"
                report(Fault("no mask", f"{where}, frame {frame}", message, frame=frame, ids=(identity,)))
                continue
            rows.append((frame, identity, class_id, rle.encode(runs_of(masks))[0], size))
    frames = root.findtext(".//task/size") or root.findtext(".//job/size")
    count = whole(frames, f"{path}: size") if frames else 0
    listed = range(count) if 0 < count <= 10_000_000 else None
    return {name: table_of_rows(rows, f"{path}: {name}", report, listed, size, False)}


def corners_of(points: str, where: str) -> NDArray[np.float64]:
    """(K, 2) x y of `x,y;x,y;...`. Raises FormatError."""
    try:
        corners = np.array([[float(each) for each in point.split(",")] for point in points.split(";")])
    except ValueError:
        raise FormatError(f"{where}: points that are no x,y;x,y: '{printable(points[:40])}'") from None
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3 or not np.isfinite(corners).all():
        raise FormatError(f"{where}: a polygon of {len(corners)} points: wanted x,y of three or more")
    return np.asarray(np.clip(corners, -1e7, 1e7), np.float64)


def mask_of(shape: ElementTree.Element, size: tuple[int, int], where: str) -> Masks:
    """The mask of a `<mask>`: lengths of 0 and 1 in turn, row by row in a box of its own. Raises FormatError."""
    left, top, wide, tall = (
        whole(shape.get(name), f"{where}, {name}", 0, 10**7) for name in ("left", "top", "width", "height")
    )
    lengths = [whole(each, f"{where}, rle") for each in (shape.get("rle") or "").split(",")]
    if left + wide > size[1] or top + tall > size[0] or sum(lengths) != wide * tall:
        raise FormatError(f"{where}: a mask of {tall} x {wide} at {left}, {top} that does not fit its frame or its rle")
    values = np.arange(len(lengths)) % 2 == 1
    return Masks.from_crops(size, [(left, top)], [np.repeat(values, lengths).reshape(tall, wide)])
