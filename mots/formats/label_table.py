"""The labels of a sequence as one table: what every reader returns and every writer takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mots.classes import IGNORE
from mots.encodings import rle
from mots.encodings.runs import Runs, masks_of, runs_of
from mots.errors import FormatError
from mots.labels import FrameLabels, HasLabels
from mots.trackers.masks import Masks

__all__ = ["IGNORE_ID", "LabelRow", "LabelTable", "table_of_frames", "table_of_rows"]

IGNORE_ID = 10_000  # the id of ignore regions in KITTI MOTS and MOTS20
LabelRow = tuple[int, int, int, bytes, tuple[int, int]]  # frame, id, class, compressed RLE, (height, width)


@dataclass(frozen=True, eq=False)
class LabelTable:
    """N labels of one sequence, one object in one frame each, in the order of the file.

    `origin`: the file or folder. `lines`: (N,) int64 line numbers from 1; the place in the file where it has no lines.
    `frames`: (N,) int64 as the file numbers them. `ids`: (N,) int64 as the file has them. `classes`: (N,) int64 ids of
    `mots.classes`, IGNORE for an ignore region. `runs`: N masks.
    """

    origin: str
    lines: NDArray[np.int64]
    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    classes: NDArray[np.int64]
    runs: Runs

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


def table_of_rows(rows: Sequence[LabelRow], origin: str) -> LabelTable:
    """Rows of a file without lines as a table, in the order of frames.

    Raises FormatError for two frame sizes and for a mask that does not decode.
    """
    rows = sorted(rows, key=lambda row: row[0])
    size = rows[0][4] if rows else (0, 0)
    for row in rows:
        if row[4] != size:
            raise FormatError(f"{origin}: frame {row[0]}: {row[4][0]} x {row[4][1]} after {size[0]} x {size[1]}")
    try:
        runs = rle.decode([row[3] for row in rows], size) if rows else Runs.empty(size)
    except rle.RLEError as error:
        raise FormatError(f"{origin}: frame {rows[error.row][0]}: the mask does not decode: {error}") from error
    frames, ids, classes = np.array([row[:3] for row in rows], np.int64).reshape(-1, 3).T
    return LabelTable(origin, np.arange(1, len(rows) + 1), frames, ids, classes, runs)
