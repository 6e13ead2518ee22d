"""Ultralytics' `save_txt`: a text file a frame, a line an object: class, a polygon in shares of the frame, and, where
the source was tracked, the track's id at the end; a confidence may stand before it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mots.classes import CLASS_NAMES
from mots.errors import FormatError, InputError
from mots.formats.annotations.coco import encoded_polygons
from mots.formats.faults import Fault, Report, fail
from mots.formats.label_table import LabelRow, LabelTable, table_of_rows
from mots.names import beginnings, ordered, regular_files, safe_name

__all__ = ["is_one", "read"]

LABELS = "labels"  # the folder of the text files, in the run's folder
LINE = re.compile(rb"\d+(?: \d*\.?\d+(?:e-?\d+)?){7,}\s*")  # a class and four points or three and an id


def is_one(folder: Path) -> bool:
    """Whether a folder holds such files: numbers with decimals, in lines of more fields than MOTS text has."""
    for file in files_in(folder)[:20]:
        first = file.read_bytes()[:100_000].splitlines()[:1]
        if first:
            return LINE.fullmatch(first[0]) is not None and b"." in first[0]
    return False


def files_in(folder: Path) -> list[Path]:
    """The text files of a run, or of its folder of labels."""
    inner = folder / LABELS
    return regular_files(inner if inner.is_dir() else folder, {".txt"})


def read(folder: Path, size: tuple[int, int] | None, report: Report = fail) -> dict[str, LabelTable]:
    """The sequence of a folder, named after it, or the sequences of several videos in it, named as their files begin
    (`a_1.txt`, `b_1.txt`). `size`: (height, width) of the frames in pixels.

    Classes are COCO's. Faults go to `report`, and the line is left out. Raises InputError where there are no files or
    no size, FormatError, with the line, for what is not as Ultralytics has it.
    """
    if size is None:
        raise InputError(f"{folder}: holds shares of the frame: name the frames' size", parameters=("size",))
    files = files_in(folder) if folder.is_dir() else []
    if not files:
        raise InputError(f"{folder}: no text files here")
    alone = (folder.parent if folder.name == LABELS else folder).resolve().name
    names = beginnings([file.stem for file in files]) or [alone] * len(files)
    groups: dict[str, list[Path]] = {}
    for name, file in zip(names, files, strict=True):
        groups.setdefault(safe_name(name, str(folder)), []).append(file)
    return {name: sequence(name, own, str(folder), size, report) for name, own in groups.items()}


def sequence(name: str, files: list[Path], origin: str, size: tuple[int, int], report: Report) -> LabelTable:
    """The labels of one sequence's files, a frame each."""
    rows: list[LabelRow] = []
    listed: list[int] = []
    for frame, place in ordered([file.name for file in files]):
        listed.append(frame)
        rows += rows_of(files[place], frame, size, report)
    return table_of_rows(rows, f"{origin}: {name}", report, listed, size, False)


def rows_of(file: Path, frame: int, size: tuple[int, int], report: Report) -> Iterator[LabelRow]:
    """The labels of one frame."""
    lines = file.read_bytes().splitlines()
    fields = [fields_of(line, f"{file}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]
    # Class, pairs of x and y, an optional confidence, an id: with both, the number of fields is odd.
    scored = bool(fields) and all(len(each) % 2 == 1 and each[-1] >= 1 and each[-1] == int(each[-1]) for each in fields)
    for number, each in enumerate(fields, start=1):
        where = f"{file}:{number}"
        if len(each) % 2 == 1 and not scored:
            message = "no track's id at its end: track with Ultralytics first"
            report(Fault("id", str(file), message, number, frame))
            continue
        polygon = np.array(each[1 : -2 if scored else -1], np.float64)
        if len(polygon) < 6 or (polygon < 0).any() or (polygon > 1).any():
            raise FormatError(f"{where}: expected a class, x and y from 0 to 1 of three points or more, and an id")
        if each[0] != int(each[0]) or not 0 <= each[0] < len(CLASS_NAMES) or each[-1] != int(each[-1]):
            raise FormatError(f"{where}: class {each[0]:g} or id {each[-1]:g} is none")
        corners = polygon.reshape(-1, 2) * [size[1], size[0]]
        yield frame, int(each[-1]), int(each[0]), encoded_polygons([corners], size, where), size


def fields_of(line: bytes, where: str) -> list[float]:
    """The numbers of a line. Raises FormatError."""
    try:
        values = [float(field) for field in line.split()]
    except ValueError:
        raise FormatError(f"{where}: a field that is no number") from None
    if len(values) < 8 or not np.isfinite(values).all():
        raise FormatError(f"{where}: expected a class, three points or more, and an id")
    return values
