"""Scored events as CSV or Parquet: one match, switch, miss or false positive a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from mots.errors import InputError
from mots.files import cannot_write, write_whole
from mots.names import for_sheet
from mots.optional import optional_import

__all__ = ["COLUMNS", "write"]

COLUMNS = ("sequence", "class", "frame", "event", "object", "hypothesis", "iou")
Row = tuple[str, str, int, str, int | None, int | None, float | None]


def write(path: str | Path, rows: Sequence[Row]) -> None:
    """Write rows of COLUMNS by the name's ending, .csv or .parquet; a missing id or IoU is empty.

    Raises InputError for another ending, MissingDependency where pyarrow is not installed, MotsError where the file
    cannot be written.
    """
    path = Path(path)
    try:
        if path.suffix == ".csv":
            output = io.StringIO()
            writer = csv.writer(output, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows((for_sheet(sequence), *rest) for sequence, *rest in rows)
            write_whole(path, output.getvalue().encode("utf-8"))
        elif path.suffix == ".parquet":
            write_whole(path, parquet(rows))
        else:
            raise InputError(f"{path}: events are written as .csv or .parquet")
    except OSError as error:
        raise cannot_write(path, error) from error


def parquet(rows: Sequence[Row]) -> bytes:
    """The rows as a Parquet file."""
    pyarrow = optional_import("pyarrow", "writing Parquet", extra="parquet", otherwise="write .csv")
    files = optional_import("pyarrow.parquet", "writing Parquet", extra="parquet")
    kinds = (pyarrow.string(), pyarrow.string(), pyarrow.int64(), pyarrow.string(), pyarrow.int64(), pyarrow.int64())
    schema = pyarrow.schema(list(zip(COLUMNS, (*kinds, pyarrow.float64()), strict=True)))
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    table = pyarrow.table([pyarrow.array(list(c), t.type) for c, t in zip(columns, schema, strict=True)], schema)
    output = io.BytesIO()
    files.write_table(table, output)
    return output.getvalue()
