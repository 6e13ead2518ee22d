"""MOTChallenge's box text: `frame,id,x,y,width,height,confidence,class,visibility`, frames, x and y from 1.

Truth and results of MOT17, MOT20, DanceTrack and SportsMOT (Milan et al., MOT16, arXiv:1603.00831, section 4). Boxes
are read as TrackEval 1.3.0 reads them: x, y, width and height in pixels, without a shift, as IoU does not need one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mots.classes import CLASS_IDS, MOT_CHALLENGE_CLASSES
from mots.encodings.runs import tight_boxes
from mots.formats.faults import Fault, Report, fail
from mots.formats.label_table import LabelTable

__all__ = ["PEDESTRIAN", "BoxTable", "boxes_of_masks", "dumps", "from_one", "is_box_text", "parse"]

PEDESTRIAN = 1  # MOTChallenge's class number
MIN_FIELDS, CLASS_FIELD = 6, 7
LARGEST = 2**31  # no frame number, id or coordinate is beyond; larger ones lose digits


@dataclass(frozen=True, eq=False)
class BoxTable:
    """N boxes of one sequence, in the order of the file.

    `lines`: (N,) int64 line numbers from 1. `frames`, `ids`: (N,) int64. `classes`: (N,) int64 MOTChallenge's numbers;
    PEDESTRIAN where the file has none. `boxes`: (N, 4) float64 x1 y1 x2 y2 in pixels. `scored`: (N,) bool, False for
    truth that is marked as not to be scored (confidence 0).
    """

    origin: str
    lines: NDArray[np.int64]
    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    classes: NDArray[np.int64]
    boxes: NDArray[np.float64]
    scored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.lines)

    def __repr__(self) -> str:
        return f"BoxTable({self.origin}: {len(self)} boxes in {len(np.unique(self.frames))} frames)"

    def take(self, index: NDArray[np.generic]) -> BoxTable:
        """The boxes at an integer or bool index (K,), in its order."""
        columns = (self.lines, self.frames, self.ids, self.classes, self.boxes, self.scored)
        lines, frames, ids, classes, boxes, scored = (column[index] for column in columns)
        return BoxTable(self.origin, lines, frames, ids, classes, boxes, scored)


def is_box_text(content: bytes) -> bool:
    """Whether a file's first line with content has commas, which MOTS text never has."""
    first = next((line for line in content.splitlines() if line.strip()), b"")
    return b"," in first


def parse(content: bytes, origin: str, report: Report = fail) -> BoxTable:
    """The boxes of a file's content, in the order of frames; `origin` names it.

    Each fault is given to `report` (the default raises FormatError), and its line is left out: fewer than six fields, a
    field that is no finite number, a frame below 1, an id that is no whole number, a width or height of 0 or less, an
    id twice in a frame.
    """
    rows: list[tuple[float, ...]] = []
    seen: dict[tuple[int, int], int] = {}
    for number, line in enumerate(content.decode("utf-8-sig", "replace").splitlines(), start=1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split(",")]
        message, values = fault_of(fields)
        if not message:
            key = int(values[0]), int(values[1])
            if key in seen:
                message = f"id {key[1]} stands twice in frame {key[0]}: its first line is {seen[key]}"
            seen.setdefault(key, number)
        if message:
            report(Fault("box", origin, message, number))
            continue
        values += [1.0] * (CLASS_FIELD + 1 - len(values))
        rows.append((number, *values[: CLASS_FIELD + 1]))
    table = np.array(sorted(rows, key=lambda row: row[1]), np.float64).reshape(-1, CLASS_FIELD + 2)
    lines, frames, ids = (table[:, place].astype(np.int64) for place in range(3))
    classes = table[:, CLASS_FIELD + 1].astype(np.int64)
    corners = table[:, 3:5]
    return BoxTable(
        origin,
        lines,
        frames,
        ids,
        np.where(classes < 1, PEDESTRIAN, classes),
        np.concatenate([corners, corners + table[:, 5:7]], axis=1),
        table[:, 7].astype(np.int64) != 0,
    )


def fault_of(fields: list[str]) -> tuple[str, list[float]]:
    """What is wrong with the fields of a line, or an empty text; and their numbers."""
    if len(fields) < MIN_FIELDS:
        return f"{len(fields)} fields: wanted frame,id,x,y,width,height and up to three more", []
    values: list[float] = []
    for field in fields:
        try:
            values.append(float(field))
        except ValueError:
            return f"'{field[:40]}' is no number", []
    if not np.isfinite(values).all() or max(abs(value) for value in values[:MIN_FIELDS]) >= LARGEST:
        return f"a number is not finite or beyond {LARGEST}", []
    frame, identity, _, _, width, height = values[:MIN_FIELDS]
    if frame != int(frame) or frame < 1:
        return f"frame {fields[0]}: frames count from 1", []
    if identity != int(identity):
        return f"id {fields[1]}: ids are whole numbers", []
    if width <= 0 or height <= 0:
        return f"a box of {fields[4]} x {fields[5]} pixels: wanted a width and height above 0", []
    return "", values


def boxes_of_masks(table: LabelTable) -> BoxTable:
    """The tight boxes of the persons of a table of masks."""
    rows = np.flatnonzero((table.classes == CLASS_IDS["person"]) & (table.runs.areas > 0))
    persons = table.take(rows)
    boxes = np.asarray(tight_boxes(persons.runs), np.float64).reshape(-1, 4)
    order = np.argsort(persons.frames, kind="stable")
    count = len(rows)
    return BoxTable(
        table.origin,
        persons.lines,
        persons.frames,
        persons.ids,
        np.full(count, PEDESTRIAN),
        boxes,
        np.ones(count, bool),
    ).take(order)


def dumps(table: LabelTable) -> bytes:
    """The tight boxes of a table's masks, with MOTChallenge's class numbers; frames must count from 1."""
    columns = (table.frames, table.ids, table.classes, tight_boxes(table.runs))
    return "".join(
        f"{frame},{identity},{x1 + 1},{y1 + 1},{x2 - x1},{y2 - y1},1,{MOT_CHALLENGE_CLASSES[class_id]},1\n"
        for frame, identity, class_id, (x1, y1, x2, y2) in zip(*(column.tolist() for column in columns), strict=True)
    ).encode("ascii")


def from_one(table: LabelTable) -> tuple[LabelTable, list[str]]:
    """The table with frames from 1, as MOTChallenge counts them; a phrase where that changes them."""
    if len(table) == 0 or table.frames.min() >= 1:
        return table, []
    listed = None if table.listed is None else table.listed + 1
    moved = replace(table, frames=table.frames + 1, listed=listed)
    return moved, ["frames that count from 0: each number is one higher there"]
