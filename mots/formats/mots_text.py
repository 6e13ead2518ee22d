"""KITTI MOTS and MOTS20 text: `frame id class height width rle`, one object a line.

id = class * 1000 + instance, with 1 car, 2 pedestrian, 10 the ignore region (truth only), and 11 + COCO's id for every
other class. A sequence with more than 999 tracks of a class goes on with class * 1,000,000 + instance: the short form
ends below 1,000,000, so no two tracks share an id and no id can be another class's (`split_id` reads both forms).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.classes import MOTS_IGNORE, from_mots, to_mots
from mots.encodings import rle, run_kernels
from mots.encodings.runs import Runs, masks_of, runs_of
from mots.errors import MotsError
from mots.formats.faults import Fault, Report, fail
from mots.labels import FrameLabels

__all__ = ["LONG", "IdTable", "MotsLines", "frames_of", "join_id", "lines", "parse", "read", "split_id"]

SHORT = 1_000  # factor of the class in an id of an instance up to 999
LONG = 1_000_000  # and above


def join_id(mots_class: int, instance: int) -> int:
    """The id of an instance (from 1) of a class as MOTS numbers it. Raises ValueError beyond 999,999 instances."""
    if not 1 <= instance < LONG:
        raise ValueError(f"instance {instance}: ids hold 1 to {LONG - 1} tracks of a class")
    return mots_class * (SHORT if instance < SHORT else LONG) + instance


def split_id(identity: int) -> tuple[int, int]:
    """Class and instance of an id in either form."""
    return divmod(identity, SHORT if identity < LONG else LONG)


class IdTable:
    """Numbers tracks for a file: each class counts its own instances from 1, in the order of first appearance."""

    def __init__(self) -> None:
        self.ids: dict[int, int] = {}
        self.count: dict[int, int] = {}

    def of(self, track: int, class_id: int) -> int:
        """The file's id of a track; `class_id`, one of ours, decides it when the track is new."""
        if track not in self.ids:
            mots_class = to_mots(class_id)
            self.count[mots_class] = self.count.get(mots_class, 0) + 1
            self.ids[track] = join_id(mots_class, self.count[mots_class])
        return self.ids[track]


def lines(labels: FrameLabels, table: IdTable) -> str:
    """The lines of one frame, each with its line end; masks without pixels have none."""
    height, width = labels.size
    encoded = rle.encode(runs_of(labels.masks))
    rows = []
    for track, class_id, box, mask in zip(
        labels.ids.tolist(), labels.classes.tolist(), labels.masks.boxes.tolist(), encoded, strict=True
    ):
        if box[2] > box[0]:
            identity = table.of(track, class_id)
            rows.append(f"{labels.frame} {identity} {split_id(identity)[0]} {height} {width} {mask.decode('ascii')}\n")
    return "".join(rows)


@dataclass(frozen=True, eq=False)
class MotsLines:
    """The N lines of a MOTS text file as they stand there, decoded.

    `numbers`: (N,) line numbers from 1. `frames`, `ids`: (N,) int64. `classes`: (N,) int64 as MOTS numbers them, 10 for
    the ignore region. `runs`: N masks.
    """

    origin: str
    numbers: NDArray[np.int64]
    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    classes: NDArray[np.int64]
    runs: Runs

    def __len__(self) -> int:
        return len(self.numbers)

    def at(self, row: int) -> str:
        """Where row i stands: `0002.txt:17`."""
        return f"{self.origin}:{self.numbers[row]}"


def read(path: Path, frame_rate: float = 30.0) -> Iterator[FrameLabels]:
    """The frames of a file that have lines, in order; ids are the file's own. Times are frame / frame_rate.

    Raises MotsError with the file, the line, what was found and what is wanted: another number of fields, a number that
    is none, an unknown class, an id twice in a frame, two frame sizes, a mask that does not decode.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MotsError(f"{path}: {error.strerror}") from error
    return frames_of(parse(content, str(path)), frame_rate)


def frames_of(found: MotsLines, frame_rate: float = 30.0) -> Iterator[FrameLabels]:
    """The frames that lines speak of, in order; ids are the lines' own. Times are frame / frame_rate."""
    masks = masks_of(found.runs)
    ours = np.array([-1 if c == MOTS_IGNORE else from_mots(c) for c in found.classes.tolist()], np.int64)
    order = np.argsort(found.frames, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(found.frames[order])) + 1) if len(order) else []:
        objects, ignored = rows[ours[rows] >= 0], rows[ours[rows] < 0]
        frame = int(found.frames[rows[0]])
        yield FrameLabels(
            frame,
            frame / frame_rate,
            found.ids[objects],
            ours[objects],
            np.ones(len(objects), np.float32),
            masks.take(objects),
            masks.take(ignored),
        )


def parse(content: bytes, origin: str, report: Report = fail, size: tuple[int, int] | None = None) -> MotsLines:
    """The lines of a file's content; `origin` names it. `size` is the (height, width) that masks must have, if known.

    Each fault is given to `report`: what was found where, and what is wanted. Where that does not raise, the line is
    left out.
    """
    if content and not content.endswith(b"\n"):
        content += b"\n"
    text = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(text == 10)
    whole, begins, scanned = run_kernels.scan_lines(text, ends)
    numbers = np.arange(1, len(ends) + 1)
    if scanned != len(ends) or np.count_nonzero(text <= 32) != 6 * len(ends):
        text, whole, begins, ends, numbers = split_lines(content, origin, report)
    wrong = np.zeros(len(whole), np.bool_)

    def tell(rule: str, row: int, message: str) -> None:
        frame, identity = int(whole[row, 0]), int(whole[row, 1])
        report(Fault(rule, origin, message, int(numbers[row]), frame, (identity,)))

    for rule, bad, message in (
        ("frame", whole[:, 0] < 0, "frame {0}: frames count from 0"),
        ("id", whole[:, 1] < 0, "id {1}: ids are 0 or more"),
        ("class", (whole[:, 2] < 1) | ((whole[:, 2] > 2) & (whole[:, 2] < MOTS_IGNORE)), CLASSES),
    ):
        for row in np.flatnonzero(bad & ~wrong).tolist():
            tell(rule, row, message.format(*whole[row].tolist()))
        wrong |= bad
    if wrong.any():
        whole, begins, ends, numbers = whole[~wrong], begins[~wrong], ends[~wrong], numbers[~wrong]
    if len(whole) == 0:
        none = np.zeros(0, np.int64)
        return MotsLines(origin, none, none, none, none, Runs.empty(size or (0, 0)))
    place = f"line {numbers[0]}" if size is None else "the truth"
    size = (int(whole[0, 3]), int(whole[0, 4])) if size is None else size
    kept = np.ones(len(whole), np.bool_)
    for row in np.flatnonzero((whole[:, 3] != size[0]) | (whole[:, 4] != size[1]) | (min(size) < 1)).tolist():
        found = f"a frame of {whole[row, 3]} x {whole[row, 4]}"
        tell("size", row, f"{found} where {place} has {size[0]} x {size[1]}")
        kept[row] = False
    objects = np.flatnonzero(kept & (whole[:, 2] != MOTS_IGNORE))
    keys = whole[objects, 0] * (whole[:, 1].max() + 1) + whole[objects, 1]
    _, first = np.unique(keys, return_index=True)
    for row in np.delete(objects, first).tolist():
        tell("twice", row, f"id {whole[row, 1]} a second time in frame {whole[row, 0]}: an id occurs once in a frame")
        kept[row] = False
    rows = np.flatnonzero(kept)
    try:
        runs = rle.decode_at(text, begins[rows], ends[rows], size)
    except rle.RLEError as first:
        for row in rows[first.row :].tolist():  # one by one, to find all that are broken
            try:
                rle.decode_at(text, begins[row : row + 1], ends[row : row + 1], size)
            except rle.RLEError as error:
                tell("mask", row, f"the mask does not decode: {error}")
                kept[row] = False
        rows = np.flatnonzero(kept)
        runs = rle.decode_at(text, begins[rows], ends[rows], size)
    return MotsLines(origin, numbers[rows], whole[rows, 0], whole[rows, 1], whole[rows, 2], runs)


CLASSES = "class {2} is none of 1 (car), 2 (pedestrian), 10 (ignore) or 11 and above"
FIELDS = ("frame", "id", "class", "height", "width")
Lines = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def split_lines(content: bytes, origin: str, report: Report) -> Lines:
    """The slow way over lines of any form: the encodings' text, (N, 5) numbers, begins, ends, and line numbers."""
    rows: list[list[int]] = []
    encodings: list[bytes] = []
    numbers: list[int] = []
    for number, line in enumerate(content.splitlines(), start=1):
        parts = line.split()
        if not parts:  # a blank line says nothing
            continue
        if len(parts) != 6:
            report(Fault("fields", origin, f"{len(parts)} fields where a KITTI MOTS line has 6", number))
            continue
        values = [whole_number(part) for part in parts[:5]]
        if None in values:
            bad = values.index(None)
            found = parts[bad].decode("ascii", "replace")
            report(Fault("number", origin, f"{FIELDS[bad]} '{found}' where a whole number is due", number))
            continue
        rows.append([value or 0 for value in values])
        encodings.append(parts[5])
        numbers.append(number)
    ends = np.cumsum(np.array([len(part) for part in encodings], np.int64))
    begins = np.concatenate([[0], ends[:-1]]).astype(np.int64) if len(ends) else ends
    text = np.frombuffer(b"".join(encodings), np.uint8)
    return text, np.array(rows, np.int64).reshape(-1, 5), begins, ends, np.array(numbers, np.int64)


def whole_number(text: bytes) -> int | None:
    """The number that a field says, of at most 12 digits; None where it is none."""
    return int(text) if re.fullmatch(rb"-?\d{1,12}", text) else None
