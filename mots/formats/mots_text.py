"""KITTI MOTS and MOTS20 text: `frame id class height width rle`, one object a line.

id = class * 1000 + instance, with class 1 car, 2 pedestrian, 10 the ignore region (truth only), and 11 + COCO's id for
every other class. The instance is the track's number, counted over all classes. From track 1,000 on it is class *
1,000,000 + instance: the short form ends below 1,000,000, so no two tracks share an id, and no id can belong to another
class (`split_id` reads both forms).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.classes import CLASS_IDS, IGNORE, MOTS_CAR, MOTS_IGNORE, MOTS_OTHERS, MOTS_PEDESTRIAN, to_mots
from mots.encodings import rle, run_kernels
from mots.encodings.runs import runs_of
from mots.errors import FormatError
from mots.formats.faults import Fault, Report, fail
from mots.formats.label_table import LARGEST, LabelTable
from mots.labels import FrameLabels, HasLabels

__all__ = ["LONG", "IdTable", "dumps", "join_id", "lines", "parse", "people_numbers", "read", "split_id"]

SHORT = 1_000  # factor of the class in an id of an instance up to 999
LONG = 1_000_000  # and above


def join_id(mots_class: int, instance: int) -> int:
    """The id of an instance (from 1) of a class as MOTS numbers it. Raises ValueError beyond 999,999 instances."""
    if not 1 <= instance < LONG:
        raise ValueError(f"instance {instance}: ids hold 1 to {LONG - 1} tracks of a class")
    return mots_class * (SHORT if instance < SHORT else LONG) + instance


def split_id(identity: int) -> tuple[int, int]:
    """Class, as MOTS numbers it, and instance of an id in either form."""
    return divmod(identity, SHORT if identity < LONG else LONG)


def people_numbers(ids: Iterable[int]) -> dict[int, int]:
    """What people see for each id of a file: the instance, where no two ids have one, as in our own results; otherwise
    the id itself."""
    unique = sorted(set(ids))
    instances = [split_id(identity)[1] for identity in unique]
    own = len(set(instances)) == len(unique) and all(instance > 0 for instance in instances)
    return dict(zip(unique, instances if own else unique, strict=True))


class IdTable:
    """The ids of tracks in a file: the instance is the track's own number, so that people meet one number
    everywhere."""

    def __init__(self) -> None:
        self.ids: dict[int, int] = {}

    def of(self, track: int, class_id: int) -> int:
        """The file's id of a track; `class_id`, an id of `mots.classes`, decides it when the track is new."""
        if track not in self.ids:
            self.ids[track] = join_id(to_mots(class_id), track)
        return self.ids[track]


def lines(frame: HasLabels, table: IdTable) -> str:
    """The lines of one frame, each with its line end; masks without pixels have none."""
    labels = frame.labels
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


def dumps(table: LabelTable) -> bytes:
    """A table as MOTS text, with the table's own ids."""
    height, width = table.size
    numbers = zip(table.frames.tolist(), table.ids.tolist(), table.classes.tolist(), strict=True)
    return b"".join(
        b"%d %d %d %d %d %b\n" % (frame, identity, to_mots(class_id), height, width, text)
        for (frame, identity, class_id), text in zip(numbers, rle.encode(table.runs), strict=True)
    )


def read(path: str | Path, frame_rate: float = 30.0) -> Iterator[FrameLabels]:
    """The frames of a file that have lines, in order; ids are the file's own. Times are frame / frame_rate.

    Raises FormatError with the file, the line, what was found and what is wanted: another number of fields, a field
    that is no number, an unknown class, an id twice in a frame, two frame sizes, a mask that does not decode.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise FormatError(f"{path}: {error.strerror}") from error
    return parse(content, str(path)).to_frames(frame_rate)


def parse(content: bytes, origin: str, report: Report = fail, size: tuple[int, int] | None = None) -> LabelTable:
    """The labels of a file's content; `origin` names it. `size`: the (height, width) that masks must have, if known.

    Each fault is given to `report`: what was found where, and what is wanted. If that does not raise, the line is
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
        ("frame", (whole[:, 0] < 0) | (whole[:, 0] >= LARGEST), "frame {0}: frames count from 0 to 2147483647"),
        ("id", (whole[:, 1] < 0) | (whole[:, 1] >= LARGEST), "id {1}: ids are 0 to 2147483647"),
        ("class", whole[:, 2] >= LARGEST, "class {2} is beyond 2147483647"),
        ("class", (whole[:, 2] < 1) | ((whole[:, 2] > 2) & (whole[:, 2] < MOTS_IGNORE)), CLASSES),
    ):
        for row in np.flatnonzero(bad & ~wrong).tolist():
            tell(rule, row, message.format(*whole[row].tolist()))
        wrong |= bad
    if wrong.any():
        whole, begins, ends, numbers = whole[~wrong], begins[~wrong], ends[~wrong], numbers[~wrong]
    if len(whole) == 0:
        return LabelTable.empty(origin, size or (0, 0))
    place = f"line {numbers[0]}" if size is None else "the truth"
    size = (int(whole[0, 3]), int(whole[0, 4])) if size is None else size
    good = np.ones(len(whole), np.bool_)
    if not (1 <= size[0] < LARGEST and 1 <= size[1] < LARGEST and size[0] * size[1] < LARGEST):
        for row in range(len(whole)):
            tell("size", row, f"a frame of {whole[row, 3]} x {whole[row, 4]}: wanted 1 to 2147483647 pixels")
        return LabelTable.empty(origin)
    for row in np.flatnonzero((whole[:, 3] != size[0]) | (whole[:, 4] != size[1])).tolist():
        tell("size", row, f"a frame of {whole[row, 3]} x {whole[row, 4]} where {place} has {size[0]} x {size[1]}")
        good[row] = False
    objects = np.flatnonzero(good & (whole[:, 2] != MOTS_IGNORE))
    keys = whole[objects, 0] * (whole[:, 1].max() + 1) + whole[objects, 1]
    _, first = np.unique(keys, return_index=True)
    for row in np.delete(objects, first).tolist():
        tell("twice", row, f"id {whole[row, 1]} a second time in frame {whole[row, 0]}: an id occurs once in a frame")
        good[row] = False
    rows = np.flatnonzero(good)
    try:
        runs = rle.decode_at(text, begins[rows], ends[rows], size)
    except rle.RLEError as first:
        for row in rows[first.row :].tolist():  # one by one, to find all that do not decode
            try:
                rle.decode_at(text, begins[row : row + 1], ends[row : row + 1], size)
            except rle.RLEError as error:
                tell("mask", row, f"the mask does not decode: {error}")
                good[row] = False
        rows = np.flatnonzero(good)
        runs = rle.decode_at(text, begins[rows], ends[rows], size)
    return LabelTable(origin, numbers[rows], whole[rows, 0], whole[rows, 1], engine_classes(whole[rows, 2]), runs)


CLASSES = "class {2} is none of 1 (car), 2 (pedestrian), 10 (ignore) or 11 and above"
FIELDS = ("frame", "id", "class", "height", "width")
Lines = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def engine_classes(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """(N,) ids of `mots.classes` for valid class numbers of MOTS text, all at once; see `classes.from_mots`."""
    classes = numbers - MOTS_OTHERS
    classes[numbers == MOTS_CAR] = CLASS_IDS["car"]
    classes[numbers == MOTS_PEDESTRIAN] = CLASS_IDS["person"]
    classes[numbers == MOTS_IGNORE] = IGNORE
    return classes


def split_lines(content: bytes, origin: str, report: Report) -> Lines:
    """The slow way over lines of any form: the encodings' text, (N, 5) numbers, begins, ends, and line numbers."""
    rows: list[list[int]] = []
    encodings: list[bytes] = []
    numbers: list[int] = []
    for number, line in enumerate(content.splitlines(), start=1):
        parts = line.split()
        if not parts:  # a blank line
            continue
        if len(parts) != 6:
            report(Fault("fields", origin, f"{len(parts)} fields where a KITTI MOTS line has 6", number))
            continue
        values = [whole_number(part) for part in parts[:5]]
        if None in values:
            bad = values.index(None)
            text = parts[bad].decode("ascii", "replace")
            report(Fault("number", origin, f"{FIELDS[bad]} '{text}': expected a whole number", number))
            continue
        rows.append([value or 0 for value in values])
        encodings.append(parts[5])
        numbers.append(number)
    ends = np.cumsum(np.array([len(part) for part in encodings], np.int64))
    begins = np.concatenate([[0], ends[:-1]]).astype(np.int64) if len(ends) else ends
    joined = np.frombuffer(b"".join(encodings), np.uint8)
    return joined, np.array(rows, np.int64).reshape(-1, 5), begins, ends, np.array(numbers, np.int64)


def whole_number(text: bytes) -> int | None:
    """The number of a field, of at most 12 digits; None for other text."""
    return int(text) if re.fullmatch(rb"-?\d{1,12}", text) else None
