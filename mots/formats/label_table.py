"""The labels of a sequence as one table: what every reader returns and every writer takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mots.classes import IGNORE
from mots.encodings import rle
from mots.encodings.runs import Runs, masks_of, merged, runs_of
from mots.formats.faults import Fault, Report, fail
from mots.labels import FrameLabels, HasLabels
from mots.trackers.masks import Masks

__all__ = [
    "IGNORE_ID",
    "LARGEST",
    "LabelRow",
    "LabelTable",
    "dense_frames",
    "listed_frames",
    "table_of_frames",
    "table_of_rows",
    "union",
]

LARGEST = 2**31  # frame numbers and ids are below
IGNORE_ID = 10_000  # the id of ignore regions in KITTI MOTS and MOTS20
LabelRow = tuple[int, int, int, bytes, tuple[int, int]]  # frame, id, class, compressed RLE, (height, width)


@dataclass(frozen=True, eq=False)
class LabelTable:
    """N labels of one sequence, one object in one frame each, in the order of the file.

    `origin`: the file or folder. `lines`: (N,) int64 line numbers from 1; the place in the file where it has no lines.
    `frames`: (N,) int64 as the file numbers them. `ids`: (N,) int64 as the file has them. `classes`: (N,) int64 ids of
    `mots.classes`, IGNORE for an ignore region. `runs`: N masks. `listed`: (F,) int64 the frames that the source says
    there are, with or without labels; None where its format does not say.
    """

    origin: str
    lines: NDArray[np.int64]
    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    classes: NDArray[np.int64]
    runs: Runs
    listed: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.lines)

    def __repr__(self) -> str:
        return f"LabelTable({self.origin}: {len(self)} labels in {len(np.unique(self.frames))} frames)"

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frames; zeros for an empty table."""
        return self.runs.size

    @staticmethod
    def empty(origin: str, size: tuple[int, int] = (0, 0)) -> LabelTable:
        """A table without labels."""
        none = np.zeros(0, np.int64)
        return LabelTable(origin, none, none, none, none, Runs.empty(size))

    def take(self, index: NDArray[np.generic]) -> LabelTable:
        """The labels at an integer or bool index (K,), in its order."""
        index = np.flatnonzero(index) if index.dtype == np.bool_ else index
        if len(index) == len(self) and (index == np.arange(len(self))).all():
            return self
        return LabelTable(
            self.origin,
            self.lines[index],
            self.frames[index],
            self.ids[index],
            self.classes[index],
            self.runs.take(np.asarray(index, np.int64)),
            self.listed,
        )

    def to_frames(self, frame_rate: float = 30.0) -> Iterator[FrameLabels]:
        """The frames that have labels, in order. Times are frame / frame_rate."""
        masks = masks_of(self.runs)
        order = np.argsort(self.frames, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(self.frames[order])) + 1) if len(order) else []:
            objects, ignored = rows[self.classes[rows] != IGNORE], rows[self.classes[rows] == IGNORE]
            frame = int(self.frames[rows[0]])
            yield FrameLabels(
                frame,
                frame / frame_rate,
                self.ids[objects],
                self.classes[objects],
                np.ones(len(objects), np.float32),
                masks.take(objects),
                masks.take(ignored),
            )


def table_of_frames(frames: Sequence[HasLabels], origin: str) -> LabelTable:
    """Frames in memory as a table; the place of a mask among all of them takes the part of the line number."""
    every = [each.labels for each in frames]
    size = every[0].size if every else (0, 0)
    parts: list[Masks] = []
    columns: list[NDArray[np.int64]] = []
    for each in every:
        parts += [each.masks, each.ignore]
        count, ignored = len(each), len(each.ignore)
        classes = np.concatenate([each.classes, np.full(ignored, IGNORE)])
        ids = np.concatenate([each.ids, np.full(ignored, IGNORE_ID)])
        columns.append(np.stack([np.full(count + ignored, each.frame), ids, classes]))
    numbers, ids, classes = np.concatenate([np.zeros((3, 0), np.int64), *columns], axis=1)
    runs = runs_of(Masks.concatenate(size, parts)) if parts else Runs.empty(size)
    return LabelTable(origin, np.arange(1, len(numbers) + 1), numbers, ids, classes, runs)


def table_of_rows(
    rows: Sequence[LabelRow],
    origin: str,
    report: Report = fail,
    listed: Iterable[int] | None = None,
    size: tuple[int, int] | None = None,
    with_empty: bool = True,
) -> LabelTable:
    """Rows of a file without lines as a table, in the order of frames, with the checks of the text format.

    `listed`: the frames that the file says there are. `size`: of the frames, where there may be no rows. `with_empty`:
    whether masks without pixels are kept, or reported. Faults go to `report`, and the row is left out: a frame number
    or an id that cannot be, another frame size, a mask that does not decode. An id a second time in a frame is
    reported, and the masks of one class are joined: annotation tools store an object of two parts so.
    """
    rows = sorted(rows, key=lambda row: row[0])
    if size is None:
        size = rows[0][4] if rows else (0, 0)
    kept: list[tuple[int, LabelRow]] = []
    parts: list[Runs] = []
    first: dict[tuple[int, int], int] = {}
    for place, row in enumerate(rows, start=1):
        frame, identity, class_id, text, own = row

        def tell(rule: str, message: str, frame: int = frame, identity: int = identity, place: int = place) -> None:
            report(Fault(rule, f"{origin}, frame {frame}, id {identity}", message, 0, frame, (identity,)))

        if not (0 <= frame < LARGEST and 0 <= identity < LARGEST):
            tell("number", f"frames and ids are numbers from 0 to {LARGEST - 1}")
            continue
        if own != size:
            tell("size", f"a frame of {own[0]} x {own[1]} where the first has {size[0]} x {size[1]}")
            continue
        try:
            runs = rle.decode([text], size)
        except rle.RLEError as error:
            tell("mask", f"the mask does not decode: {error}")
            continue
        if not with_empty and not runs.areas[0]:
            tell("no mask", "the mask has no pixels: left out")
            continue
        before = first.get((frame, identity)) if class_id != IGNORE else None
        if before is None:
            first[frame, identity] = len(kept)
            kept.append((place, row))
            parts.append(runs)
        elif kept[before][1][2] == class_id:
            tell("twice", "a second mask in one frame: the two are joined to one")
            parts[before] = union(parts[before], runs)
        else:
            tell("twice", "a second time in one frame, as another class: left out")
    numbers, ids, classes = np.array([row[:3] for _, row in kept], np.int64).reshape(-1, 3).T
    places = np.array([place for place, _ in kept], np.int64)
    there = None if listed is None else np.unique(np.array(sorted(listed), np.int64))
    return LabelTable(origin, places, numbers, ids, classes, Runs.concatenate(size, parts), there)


def listed_frames(table: LabelTable) -> NDArray[np.int64]:
    """(F,) the frames with labels, and those that the source lists, ascending."""
    return np.union1d(table.frames, np.zeros(0, np.int64) if table.listed is None else table.listed).astype(np.int64)


MANY_GAPS = 10  # more numbers than this a frame, and the numbers are a clock's


def dense_frames(table: LabelTable, first: int) -> NDArray[np.int64]:
    """(F,) all frame numbers from `first`, or an earlier one that is there, to the last one that is there or listed.

    Where most of them would be without a frame, as numbers are a clock's, only those that are there.
    """
    there = listed_frames(table)
    if len(there) == 0:
        return there
    first, last = min(first, int(there[0])), int(there[-1])
    if last - first > MANY_GAPS * len(there) + 10_000:
        return there
    return np.arange(first, last + 1)


def union(one: Runs, other: Runs) -> Runs:
    """The pixels of two masks as one; each has one mask."""
    starts, stops = np.concatenate([one.starts, other.starts]), np.concatenate([one.stops, other.stops])
    return merged(one.size, starts.astype(np.int64), stops.astype(np.int64))
