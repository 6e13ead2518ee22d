"""CVAT for video, version 1.1: tracks of masks and polygons, a shape for each frame; `outside` shapes are not shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from mots.classes import class_name
from mots.encodings import rle
from mots.encodings.runs import masks_of, runs_of
from mots.errors import FormatError
from mots.files import read_file
from mots.formats.annotations.coco import Categories, encoded_polygons
from mots.formats.annotations.coco_images import video_names
from mots.formats.faults import Fault, Report, fail
from mots.formats.label_table import LabelRow, LabelTable, listed_frames, table_of_rows
from mots.names import printable
from mots.storage.json_file import size_of, whole
from mots.trackers.masks import Masks

__all__ = ["corners_of", "dumps", "mask_of", "parsed", "read", "run_lengths"]

MOST_FRAMES = 10_000_000  # of a task


def dumps(sequences: Mapping[str, LabelTable], names: Mapping[int, str] | None = None) -> str:
    """Sequences as one XML text, of one task, or of a project with a task each. Ids must be 1 or more. `names`: of
    classes that have no number here."""
    single = len(sequences) == 1
    tasks, tracks = [], []
    for task, (name, table) in enumerate(sequences.items(), start=1):
        height, width = table.size
        frames = listed_frames(table)
        size = int(frames.max()) + 1 if len(frames) else 0
        tasks.append(
            f"<task><id>{task}</id><name>{escape(name)}</name><size>{size}</size><mode>interpolation</mode>"
            f"<original_size><width>{width}</width><height>{height}</height></original_size></task>"
        )
        masks = masks_of(table.runs)
        own = "" if single else f' task_id="{task}"'
        for identity, class_id in np.unique(np.stack([table.ids, table.classes], axis=1), axis=0).tolist():
            rows = np.flatnonzero((table.ids == identity) & (table.classes == class_id))
            rows = rows[np.argsort(table.frames[rows], kind="stable")]
            label = quoteattr(class_name(class_id, names))
            tracks.append(f'<track id="{identity - 1}"{own} label={label} source="manual">')
            for row, following in zip(rows.tolist(), [*rows[1:].tolist(), None], strict=True):
                frame = int(table.frames[row])
                tracks.append(shape_text(masks, row, frame, False))
                # Until a shape that is outside, CVAT shows the last one.
                if frame + 1 < size and (following is None or int(table.frames[following]) > frame + 1):
                    tracks.append(shape_text(masks, row, frame + 1, True))
            tracks.append("</track>")
    meta = tasks[0] if single else f"<project><tasks>{''.join(tasks)}</tasks></project>"
    head = '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>'
    return f"{head}<meta>{meta}</meta>\n" + "\n".join(tracks) + "\n</annotations>\n"


def shape_text(masks: Masks, row: int, frame: int, outside: bool) -> str:
    """A mask as CVAT writes it."""
    left, top, right, bottom = masks.boxes[row].tolist()
    lengths = ",".join(map(str, run_lengths(masks, row)))
    return (
        f'<mask frame="{frame}" keyframe="1" outside="{int(outside)}" occluded="0" rle="{lengths}" '
        f'left="{left}" top="{top}" width="{right - left}" height="{bottom - top}" z_order="0"/>'
    )


def run_lengths(masks: Masks, row: int) -> list[int]:
    """The lengths of 0 and 1 in turn in a mask's box, row by row."""
    flat = masks.crop(row).ravel()
    edges = np.flatnonzero(np.diff(flat.astype(np.int8))) + 1
    lengths: list[int] = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return [0, *lengths] if flat[0] else lengths


@dataclass(frozen=True)
class Task:
    """A video of the file: its sequence's name, its (height, width), and its number of frames, 0 where none is told."""

    name: str
    size: tuple[int, int]
    length: int


def read(path: str | Path, report: Report = fail, own: dict[str, int] | None = None) -> dict[str, LabelTable]:
    """The sequences of a file, one a task, by the task's name; a track's id is CVAT's + 1, as ids count from 1 here.

    Faults go to `report`, and the shape is left out: a box, an ellipse, or one that `table_of_rows` refuses. Raises
    FormatError, with the track, for what is not as CVAT has it.
    """
    path = Path(path)
    root = parsed(path)
    tasks = tasks_of(root, path, report)
    categories = Categories(str(path), report, own)
    rows: dict[str, list[LabelRow]] = {task: [] for task in tasks}
    for track in root.findall("track"):
        where = f"{path}: track {printable(track.get('id', '?'))}"
        task = track.get("task_id", "")
        if len(tasks) == 1 and not (task and next(iter(tasks))):
            (task,) = tasks
        if task not in tasks:
            raise FormatError(f"{where}: there is no task '{printable(task)}'")
        rows[task] += shapes_of(track, tasks[task], where, categories)
    return {
        task.name: table_of_rows(
            rows[key], f"{path}: {task.name}", report, range(task.length) if task.length else None, task.size, False
        )
        for key, task in tasks.items()
    }


def parsed(path: Path) -> ElementTree.Element:
    """The root of a file. Raises FormatError."""
    try:
        content = read_file(path)
        if re.search(rb"<!\s*(DOCTYPE|ENTITY)", content, re.IGNORECASE):
            raise FormatError(f"{path}: declares entities, as no file of CVAT does")
        return ElementTree.fromstring(content)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from error
    except (ElementTree.ParseError, ValueError, RecursionError, MemoryError) as error:
        raise FormatError(f"{path}: not XML ({error})") from error


def tasks_of(root: ElementTree.Element, path: Path, report: Report) -> dict[str, Task]:
    """The videos of a file by their task's id: one of a task or a job, several of a project."""
    found = [*root.iterfind("./meta//task"), *root.iterfind("./meta/job")]
    if root.tag != "annotations" or root.find("./meta//original_size") is None:
        raise FormatError(f"{path}: not CVAT for video: no <annotations> with an <original_size>")
    folders: dict[str, tuple[str, ...]] = {}
    measures: dict[str, tuple[tuple[int, int], int]] = {}
    for each in found or [root]:
        key = each.findtext("id", "") if found else ""
        where = f"{path}: task {printable(key)}".rstrip()
        if key in folders:
            raise FormatError(f"{where}: a second task of this id")
        area = each.find("original_size")
        area = root.find("./meta/original_size") if area is None else area
        if area is None:
            raise FormatError(f"{where}: no original_size")
        size = size_of(area.findtext("height", ""), area.findtext("width", ""), f"{where}: original_size")
        length = each.findtext("size")
        count = whole(length, f"{where}: size", 0, MOST_FRAMES) if length else 0
        folders[key] = (re.sub(r"[/\\]", "_", (each.findtext("name") or "").strip()) or path.stem,)
        measures[key] = (size, count)
    names = video_names(folders, str(path), report)
    return {key: Task(names[key], *measures[key]) for key in folders}


def shapes_of(track: ElementTree.Element, task: Task, where: str, categories: Categories) -> Iterator[LabelRow]:
    """The masks of a track."""
    identity = whole(track.get("id"), f"{where}, id", 0, 2**31 - 2) + 1
    class_id = categories.class_of(track.get("label", ""))
    for shape in track:
        frame = whole(shape.get("frame"), f"{where}, frame")
        place = f"{where}, frame {frame}"
        if shape.get("outside") == "1":
            continue
        if task.length and frame >= task.length:
            raise FormatError(f"{place}: the task '{printable(task.name)}' has {task.length} frames, from 0")
        if shape.tag == "polygon":
            text = encoded_polygons([corners_of(shape.get("points", ""), place)], task.size, place)
        elif shape.tag == "mask":
            text = rle.encode(runs_of(mask_of(shape, task.size, place)))[0]
        else:
            message = f"a {printable(shape.tag)}, which is no mask"
            categories.report(Fault("no mask", place, message, frame=frame, ids=(identity,)))
            continue
        yield frame, identity, class_id, text, task.size


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
