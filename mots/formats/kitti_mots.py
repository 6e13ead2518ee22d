"""KITTI MOTS and MOTS20 text: `frame id class height width rle`, one object a line.

id = class * 1000 + instance, with 1 car, 2 pedestrian, 10 the ignore region (truth only), and 11 + COCO's id for every
other class. A sequence with more than 999 tracks of a class goes on with class * 1,000,000 + instance: the short form
ends below 1,000,000, so no two tracks share an id and no id can be another class's (`split_id` reads both forms).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.classes import MOTS_IGNORE, from_mots, to_mots
from mots.errors import MotsError
from mots.formats import rle
from mots.labels import FrameLabels
from mots.trackers.masks import Masks

__all__ = ["LONG", "IdTable", "join_id", "lines", "read", "split_id"]

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
    encoded = rle.encode(rle.runs_of(labels.masks))
    rows = []
    for track, class_id, box, mask in zip(
        labels.ids.tolist(), labels.classes.tolist(), labels.masks.boxes.tolist(), encoded, strict=True
    ):
        if box[2] > box[0]:
            identity = table.of(track, class_id)
            rows.append(f"{labels.frame} {identity} {split_id(identity)[0]} {height} {width} {mask.decode('ascii')}\n")
    return "".join(rows)


def read(path: Path, frame_rate: float = 30.0) -> Iterator[FrameLabels]:
    """The frames of a file that have lines, in order; ids are the file's own. Times are frame / frame_rate.

    Raises MotsError with the file, the line, what was found and what is wanted: another number of fields, a number that
    is none, an unknown class, an id twice in a frame, two frame sizes, a mask that does not decode.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise MotsError(f"{path}: {error.strerror}") from error
    fields = [line.split() for line in text.splitlines()]
    kept = [row for row, parts in enumerate(fields) if parts]  # blank lines say nothing
    for row in kept:
        if len(fields[row]) != 6:
            raise MotsError(f"{path}:{row + 1}: {len(fields[row])} fields where a KITTI MOTS line has 6")
    whole = whole_numbers(path, fields, kept)
    if len(kept) == 0:
        return
    size = (int(whole[0, 3]), int(whole[0, 4]))
    ours = np.full(len(kept), -1, np.int64)
    seen: set[tuple[int, int]] = set()
    for place, (row, (frame, identity, mots_class, height, width)) in enumerate(zip(kept, whole.tolist(), strict=True)):
        at = f"{path}:{row + 1}:"
        if frame < 0:
            raise MotsError(f"{at} frame {frame}: frames count from 0")
        if (height, width) != size or min(size) < 1:
            raise MotsError(f"{at} a frame of {height} x {width} where line {kept[0] + 1} has {size[0]} x {size[1]}")
        if mots_class == MOTS_IGNORE:
            continue
        try:
            ours[place] = from_mots(mots_class)
        except ValueError as error:
            raise MotsError(f"{at} {error}") from error
        if (frame, identity) in seen:
            raise MotsError(f"{at} id {identity} a second time in frame {frame}: an id occurs once in a frame")
        seen.add((frame, identity))
    try:
        masks = rle.masks_of(rle.decode([fields[row][5] for row in kept], size))
    except rle.RLEError as error:
        raise MotsError(f"{path}:{kept[error.row] + 1}: the mask does not decode: {error}") from error
    order = np.argsort(whole[:, 0], kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(whole[order, 0])) + 1):
        yield one_frame(whole[rows], ours[rows], masks.take(rows), frame_rate)


def one_frame(whole: NDArray[np.int64], ours: NDArray[np.int64], masks: Masks, frame_rate: float) -> FrameLabels:
    """The labels of the lines of one frame; `ours` is -1 where a line is an ignore region."""
    objects, ignored = np.flatnonzero(ours >= 0), np.flatnonzero(ours < 0)
    frame = int(whole[0, 0])
    return FrameLabels(
        frame,
        frame / frame_rate,
        whole[objects, 1],
        ours[objects],
        np.ones(len(objects), np.float32),
        masks.take(objects),
        masks.take(ignored),
    )


def whole_numbers(path: Path, fields: list[list[bytes]], kept: list[int]) -> NDArray[np.int64]:
    """(rows, 5) frame, id, class, height and width."""
    try:
        return np.array([[int(part) for part in fields[row][:5]] for row in kept], np.int64).reshape(-1, 5)
    except (ValueError, OverflowError):
        for row in kept:
            for name, part in zip(("frame", "id", "class", "height", "width"), fields[row][:5], strict=True):
                try:
                    np.int64(int(part))
                except (ValueError, OverflowError):
                    found = part.decode("ascii", "replace")
                    raise MotsError(f"{path}:{row + 1}: {name} '{found}' where a whole number is due") from None
        raise
