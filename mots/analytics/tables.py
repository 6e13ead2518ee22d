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

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.analytics.feet import foot_points
from mots.classes import class_name, to_mots
from mots.errors import FormatError, MotsError
from mots.files import FrameFile, cannot_write, check_target, read_file
from mots.formats.mots_text import join_id, split_id
from mots.labels import FrameLabels, HasLabels
from mots.names import for_sheet
from mots.optional import optional_import
from mots.trackers.masks import Masks

__all__ = ["COLUMNS", "FrameTable", "FrameTableFile", "frames", "read", "table_of"]

COLUMNS = (
    "frame", "time_s", "track_id", "class", "score", "x1", "y1", "x2", "y2", "area", "foot_x", "foot_y", "occluded",
    "predicted", "mots_id",
)  # fmt: skip
WHOLE = {"frame", "track_id", "x1", "y1", "x2", "y2", "area", "predicted", "mots_id"}


@dataclass(frozen=True, eq=False)
class FrameTable:
    """The columns of the table as arrays (N,), in the order of frames; `class` is `classes`, of text."""

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
    """The table of frames in memory: of `mots.track`, or of `mots.read_results`, whose ids are those of MOTS text."""
    return from_rows([row for frame in results for row in rows_of(frame, names)])


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


def frames(results: Iterable[HasLabels] | str | Path) -> Any:
    """The table as a pandas DataFrame, of frames in memory or of a file `frames.csv` or `frames.parquet`.

    Raises MissingDependency without pandas, FormatError for another file.
    """
    pandas = optional_import("pandas", "tables", extra="parquet")
    table = read(Path(results)) if isinstance(results, (str, Path)) else table_of(results)
    corners = {
        f"{axis}{k}": table.boxes[:, place] for place, (axis, k) in enumerate((("x", 1), ("y", 1), ("x", 2), ("y", 2)))
    }
    whole = {
        "frame": table.frame, "time_s": table.time_s, "track_id": table.track_id, "class": table.classes,
        "score": table.score, **{name: values.astype(np.int64) for name, values in corners.items()}, "area": table.area,
        "foot_x": table.foot[:, 0], "foot_y": table.foot[:, 1], "occluded": table.occluded,
        "predicted": table.predicted.astype(np.int64), "mots_id": table.mots_id,
    }  # fmt: skip
    return pandas.DataFrame(whole)


def read(path: Path) -> FrameTable:
    """The table of a file, .csv or .parquet. Raises FormatError for another file, MissingDependency without pyarrow."""
    if path.suffix == ".parquet":
        pyarrow = optional_import("pyarrow", "reading Parquet", extra="parquet")
        parquet = optional_import("pyarrow.parquet", "reading Parquet", extra="parquet")
        try:
            with path.open("rb") as file:
                columns = parquet.ParquetFile(file).read(columns=list(COLUMNS)).to_pydict()
            texts = (map(str, columns[name]) for name in COLUMNS)
            return from_rows(
                [[value_of(*each) for each in zip(row, COLUMNS, strict=True)] for row in zip(*texts, strict=True)]
            )
        except (OSError, KeyError, ValueError, TypeError, pyarrow.ArrowException) as error:
            raise FormatError(f"{path}: not a table of frames ({str(error).splitlines()[0]})") from error
    try:
        lines = list(csv.reader(io.StringIO(read_file(path).decode("utf-8"))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path}: not a table of frames ({error})") from error
    if not lines or not set(COLUMNS) <= set(lines[0]):
        raise FormatError(f"{path}: not a table of frames: wanted the columns {', '.join(COLUMNS)}")
    places = [lines[0].index(name) for name in COLUMNS]
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        try:
            rows.append([value_of(line[place], name) for name, place in zip(COLUMNS, places, strict=True)])
        except (ValueError, IndexError) as error:
            raise FormatError(f"{path}:{number}: not a row of the table ({error})") from error
    return from_rows(rows)


LARGEST = 2**31  # no number of the table is as large


def value_of(text: str, name: str) -> Any:
    """A field as the value of its column. Raises ValueError for another one."""
    if name == "class":
        return text
    value = int(text) if name in WHOLE else float(text)
    if not abs(value) < LARGEST:
        raise ValueError(f"{name} is {text[:40]}")
    return value


class FrameTableFile:
    """Writes the table while frames are tracked, as `frames.csv`; at the end as Parquet where that was asked for.

    A context manager, as safe as the results are: where a run fails or is stopped, the rows so far are there, and an
    older table stays. Raises InputError where the file exists and `overwrite` is false, MotsError where it cannot be
    written.
    """

    def __init__(
        self, folder: Path, parquet: bool = False, overwrite: bool = False, names: Mapping[int, str] | None = None
    ) -> None:
        if parquet:
            optional_import("pyarrow.parquet", "writing Parquet", extra="parquet", otherwise="write csv")
        self.target = folder / ("frames.parquet" if parquet else "frames.csv")
        self.names = dict(names or {})
        check_target(self.target, overwrite, [])
        self.count = 0
        self.last: dict[str, tuple[str, str]] = {}  # class and id in MOTS text of each track, as they stand now
        self.changed = False  # whether one of them has been another before
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.file = FrameFile(folder / "frames.csv")
            self.file.append(f"{','.join(COLUMNS)}\n".encode())
        except OSError as error:
            raise cannot_write(folder, error, "choose another folder") from error

    def write(self, frame: HasLabels) -> None:
        """Add one frame. Raises MotsError when the disk is full; the frames before are kept."""
        output = io.StringIO()
        writer = csv.writer(output, lineterminator="\n")
        for row in rows_of(frame, self.names):
            own = (for_sheet(row[3]), str(row[-1]))
            self.changed |= self.last.setdefault(str(row[2]), own) != own
            self.last[str(row[2])] = own
            writer.writerow((*row[:3], own[0], *row[4:]))
        try:
            self.file.append(output.getvalue().encode("utf-8"))
        except OSError as error:
            raise MotsError(
                f"{self.file.path}: could not be written ({error.strerror}): make room and run again"
            ) from error
        self.count += 1

    def __enter__(self) -> FrameTableFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and self.count == 0:
            self.file.discard()
            return
        path = self.file.close(whole=kind is None)
        if self.changed:
            self._settle_classes(path)
        if self.target.suffix == ".parquet" and kind is None:
            as_parquet(path, self.target)

    def _settle_classes(self, path: Path) -> None:
        """Write the file again with each track's class throughout, as all of its frames decide it."""
        settled = FrameFile(path)
        try:
            with path.open(encoding="utf-8", newline="") as old:
                for number, row in enumerate(csv.reader(old)):
                    if number:
                        row[3], row[-1] = self.last[row[2]]
                    line = io.StringIO()
                    csv.writer(line, lineterminator="\n").writerow(row)
                    settled.append(line.getvalue().encode("utf-8"))
        except OSError as error:
            settled.discard()
            raise cannot_write(path, error, "the classes in the table are those of each frame") from error
        settled.close()


def as_parquet(source: Path, target: Path) -> None:
    """A table as Parquet in the place of its CSV. Raises MotsError where it cannot be written."""
    csv_reader = optional_import("pyarrow.csv", "writing Parquet", extra="parquet")
    parquet = optional_import("pyarrow.parquet", "writing Parquet", extra="parquet")
    part = target.with_name(f"{target.name}.part")
    try:
        parquet.write_table(csv_reader.read_csv(source), part)
        part.replace(target)
        source.unlink()
    except OSError as error:
        part.unlink(missing_ok=True)
        raise cannot_write(target, error, "the table is there as CSV") from error
