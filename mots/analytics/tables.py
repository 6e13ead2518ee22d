"""The table of frames as a file, CSV or Parquet: written while frames are tracked, and read again.

The columns are those of `frame_table.COLUMNS`; with a ground also:

| column | unit |
|---|---|
| ground_x_m, ground_y_m | metres on the ground; empty at the horizon and above it |
| speed_mps | metres a second, of the second before (`ground.SpeedMeter`); empty where it is not known |
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from mots.analytics.feet import foot_points
from mots.analytics.frame_table import COLUMNS, FrameTable, from_rows, rows_of, table_of
from mots.analytics.ground import Ground, SpeedMeter
from mots.errors import FormatError, MotsError
from mots.files import FrameFile, cannot_write, check_target, read_file
from mots.labels import HasLabels
from mots.names import for_sheet
from mots.optional import optional_import

__all__ = ["FrameTableFile", "frames", "read"]

GROUND_COLUMNS = ("ground_x_m", "ground_y_m", "speed_mps")
WHOLE = {"frame", "track_id", "x1", "y1", "x2", "y2", "area", "predicted", "mots_id"}


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
        self,
        folder: Path,
        parquet: bool = False,
        overwrite: bool = False,
        names: Mapping[int, str] | None = None,
        ground: Ground | None = None,
    ) -> None:
        if parquet:
            optional_import("pyarrow.parquet", "writing Parquet", extra="parquet", otherwise="write csv")
        self.target = folder / ("frames.parquet" if parquet else "frames.csv")
        self.names = dict(names or {})
        self.ground, self.speeds = ground, None if ground is None else SpeedMeter(ground)
        check_target(self.target, overwrite, [])
        self.count = 0
        self.last: dict[str, tuple[str, str]] = {}  # class and id in MOTS text of each track, as they stand now
        self.changed = False  # whether one of them has been another before
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.file = FrameFile(folder / "frames.csv")
            columns = COLUMNS if ground is None else COLUMNS + GROUND_COLUMNS
            self.file.append(f"{','.join(columns)}\n".encode())
        except OSError as error:
            raise cannot_write(folder, error, "choose another folder") from error

    def write(self, frame: HasLabels) -> None:
        """Add one frame. Raises MotsError when the disk is full; the frames before are kept."""
        output = io.StringIO()
        writer = csv.writer(output, lineterminator="\n")
        places = self._on_ground(frame)
        more = 0 if self.ground is None else len(GROUND_COLUMNS)
        for row in rows_of(frame, self.names):
            own = (for_sheet(row[3]), str(row[-1]))
            self.changed |= self.last.setdefault(str(row[2]), own) != own
            self.last[str(row[2])] = own
            writer.writerow((*row[:3], own[0], *row[4:], *places.get(row[2], ("",) * more)))
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

    def _on_ground(self, frame: HasLabels) -> dict[int, tuple[str, str, str]]:
        """Place and speed on the ground of each track of a frame, as the file holds them."""
        if self.ground is None or self.speeds is None:
            return {}
        labels, speeds = frame.labels, self.speeds.update(frame)
        metres = self.ground.to_metres(foot_points(labels.masks)) if len(labels) else np.zeros((0, 2))
        return {
            identity: (known(x), known(y), known(speeds.get(identity, np.nan)))
            for identity, (x, y) in zip(labels.ids.tolist(), metres.tolist(), strict=True)
        }

    def _settle_classes(self, path: Path) -> None:
        """Write the file again with each track's class throughout, as all of its frames decide it."""
        settled = FrameFile(path)
        try:
            with path.open(encoding="utf-8", newline="") as old:
                for number, row in enumerate(csv.reader(old)):
                    if number:
                        row[3], row[len(COLUMNS) - 1] = self.last[row[2]]
                    line = io.StringIO()
                    csv.writer(line, lineterminator="\n").writerow(row)
                    settled.append(line.getvalue().encode("utf-8"))
        except OSError as error:
            settled.discard()
            raise cannot_write(path, error, "the classes in the table are those of each frame") from error
        settled.close()


def known(value: float) -> str:
    """A number with three decimals; empty where it is not known."""
    return f"{value:.3f}" if np.isfinite(value) else ""


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
