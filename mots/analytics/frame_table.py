"""The table that everybody loads: one row for each object in each frame.

| column | unit |
|---|---|
| frame | number in the source's own numbering |
| time_s | seconds from the source's start |
| track_id | the track's number, as in videos and in Python |
| class | name |
| score | 0 to 1; 0 for predicted masks |
| x1, y1, x2, y2 | pixels: the mask's tight box, half-open |
| area | pixels of the mask |
| foot_x, foot_y | pixels: the middle of the mask's lowest rows, where an object touches the ground |
| occluded | share of the box that lies under other objects' masks, 0 to 1 |
| predicted | 1 where no detection shows the object (offline), else 0 |
| mots_id | the id in MOTS text |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.analytics.feet import foot_points
from mots.classes import class_name, to_mots
from mots.formats.mots_text import join_id, people_numbers, split_id
from mots.labels import FrameLabels, HasLabels, frames_in
from mots.trackers.masks import Masks

__all__ = ["COLUMNS", "FrameTable", "from_rows", "occlusion", "rows_of", "table_of"]

COLUMNS = (
    "frame", "time_s", "track_id", "class", "score", "x1", "y1", "x2", "y2", "area", "foot_x", "foot_y", "occluded",
    "predicted", "mots_id",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class FrameTable:
    """The columns of the table as arrays (N,), in the order of frames; `class` is `classes`, of text. `size`: (height,
    width) of the frames, zeros where it is not known."""

    frame: NDArray[np.int64]
    time_s: NDArray[np.float64]
    track_id: NDArray[np.int64]
    classes: NDArray[np.str_]
    score: NDArray[np.float64]
    boxes: NDArray[np.float64]
    area: NDArray[np.int64]
    foot: NDArray[np.float64]
    occluded: NDArray[np.float64]
    predicted: NDArray[np.bool_]
    mots_id: NDArray[np.int64]
    size: tuple[int, int] = (0, 0)

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        return f"FrameTable({len(self)} rows, {len(np.unique(self.track_id))} tracks)"


def occlusion(masks: Masks) -> NDArray[np.float64]:
    """(N,) the share of each mask's tight box that lies under the other masks."""
    x1, y1, x2, y2 = masks.boxes.T
    areas = (x2 - x1) * (y2 - y1)
    corners = np.stack([x1, y1], axis=1)
    whole = Masks.from_crops(
        masks.size, corners, [np.ones((h, w), np.bool_) for h, w in zip(y2 - y1, x2 - x1, strict=True)]
    )
    shared = whole.intersections(masks).astype(np.float64)
    np.fill_diagonal(shared, 0.0)
    return np.asarray(np.minimum(shared.sum(axis=1) / np.maximum(areas, 1), 1.0))


def rows_of(frame: HasLabels, names: Mapping[int, str] | None = None) -> list[tuple[Any, ...]]:
    """The rows of one frame, in the order of COLUMNS. `FrameLabels` have the ids of a file, other frames tracks'
    own."""
    labels, of_file = frame.labels, isinstance(frame, FrameLabels)
    predicted = np.asarray(getattr(frame, "predicted", np.zeros(len(labels), np.bool_)), np.int64)
    boxes, feet, covered = labels.masks.boxes.tolist(), foot_points(labels.masks), occlusion(labels.masks)
    rows: list[tuple[Any, ...]] = []
    columns = (labels.ids, labels.classes, labels.scores, labels.masks.areas(), feet, covered, predicted)
    for box, (identity, class_id, score, area, foot, share, guessed) in zip(
        boxes, zip(*(column.tolist() for column in columns), strict=True), strict=True
    ):
        if area:
            mots_id, number = (
                (identity, split_id(identity)[1]) if of_file else (join_id(to_mots(class_id), identity), identity)
            )
            name = class_name(class_id, names)
            mask = (*box, area, round(foot[0], 2), round(foot[1], 2), round(share, 4), guessed, mots_id)
            rows.append((labels.frame, round(labels.time, 6), number, name, round(score, 4), *mask))
    return rows


def table_of(results: Iterable[HasLabels], names: Mapping[int, str] | None = None) -> FrameTable:
    """The table of frames in memory: of `mots.track`, or of `mots.read_results`, whose ids are those of MOTS text.
    Raises InputError for what are no frames."""
    rows: list[tuple[Any, ...]] = []
    size, of_file = (0, 0), False
    for frame in frames_in(results):
        rows += rows_of(frame, names)
        size, of_file = frame.labels.size, of_file or isinstance(frame, FrameLabels)
    table = replace(from_rows(rows), size=size)
    if of_file:  # objects of two classes may have one instance
        numbers = people_numbers(table.mots_id.tolist())
        table = replace(table, track_id=np.array([numbers[each] for each in table.mots_id.tolist()], np.int64))
    return table


def from_rows(rows: Sequence[Sequence[Any]]) -> FrameTable:
    """Rows in the order of COLUMNS as a table."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(COLUMNS)
    by_name = dict(zip(COLUMNS, columns, strict=True))

    def numbers(*names: str) -> NDArray[np.float64]:
        return np.array([by_name[name] for name in names], np.float64).T.reshape(len(rows), len(names))

    return FrameTable(
        np.array(by_name["frame"], np.int64),
        np.array(by_name["time_s"], np.float64),
        np.array(by_name["track_id"], np.int64),
        np.array(by_name["class"], np.str_),
        np.array(by_name["score"], np.float64),
        numbers("x1", "y1", "x2", "y2"),
        np.array(by_name["area"], np.int64),
        numbers("foot_x", "foot_y"),
        np.array(by_name["occluded"], np.float64),
        np.array(by_name["predicted"], np.float64) != 0,
        np.array(by_name["mots_id"], np.int64),
    )
