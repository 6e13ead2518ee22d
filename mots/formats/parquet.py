"""Labels as one Parquet table: sequence, frame, id, class (as MOTS text numbers it), height, width, rle."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.classes import from_mots, to_mots
from mots.encodings import rle
from mots.errors import FormatError
from mots.formats.faults import Report, fail
from mots.formats.label_table import LabelRow, LabelTable, table_of_rows
from mots.names import safe_name
from mots.optional import optional_import
from mots.storage.json_file import size_of, whole

__all__ = ["dumps", "read"]

PURPOSE = "reading and writing Parquet"


def dumps(sequences: Mapping[str, LabelTable]) -> bytes:
    """The table as a Parquet file's content. Raises MissingDependency where pyarrow is not installed."""
    pyarrow = optional_import("pyarrow", PURPOSE, extra="parquet")
    parquet = optional_import("pyarrow.parquet", PURPOSE, extra="parquet")
    each = list(sequences.values())
    counts = [len(table) for table in each]
    named = [name.encode("utf-8") for name, count in zip(sequences, counts, strict=True) for _ in range(count)]

    # From buffers: `pyarrow.array` imports pandas first, where it is installed, to look for its types.
    def numbers(values: Sequence[NDArray[np.integer]]) -> Any:
        whole = np.concatenate([np.zeros(0, np.int64), *values])
        return pyarrow.Array.from_buffers(pyarrow.int64(), len(whole), [None, pyarrow.py_buffer(whole)])

    def texts(values: Sequence[bytes]) -> Any:
        ends = np.cumsum([0, *map(len, values)], dtype=np.int64)
        buffers = [None, pyarrow.py_buffer(ends), pyarrow.py_buffer(b"".join(values))]
        return pyarrow.Array.from_buffers(pyarrow.large_string(), len(values), buffers).cast(pyarrow.string())

    columns = {
        "sequence": texts(named),
        "frame": numbers([table.frames for table in each]),
        "id": numbers([table.ids for table in each]),
        "class": numbers([np.array([to_mots(c) for c in table.classes.tolist()], np.int64) for table in each]),
        "height": numbers([np.full(count, x.runs.size[0], np.int64) for x, count in zip(each, counts, strict=True)]),
        "width": numbers([np.full(count, x.runs.size[1], np.int64) for x, count in zip(each, counts, strict=True)]),
        "rle": texts([text for table in each for text in rle.encode(table.runs)]),
    }
    output = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_arrays(list(columns.values()), names=list(columns)), output)
    return output.getvalue()


def read(path: str | Path, report: Report = fail) -> dict[str, LabelTable]:
    """The sequences of a table, by name. Faults go to `report`, and the row is left out, as in `table_of_rows`.

    Raises FormatError for another file and for a row of other types, MissingDependency without pyarrow.
    """
    path = Path(path)
    ArrowException = optional_import("pyarrow", PURPOSE, extra="parquet").ArrowException  # noqa: N806
    parquet = optional_import("pyarrow.parquet", PURPOSE, extra="parquet")
    names = ("sequence", "frame", "id", "class", "rle", "height", "width")
    try:
        # Opened here: pyarrow takes a path for that of a data set, and reads the folders' names as columns.
        if not path.is_file():
            raise OSError("not a file")
        with path.open("rb") as file:
            table = parquet.ParquetFile(file).read(columns=list(names)).to_pydict()
        columns = [table[key] for key in names]
    except (OSError, KeyError, ValueError, ArrowException) as error:
        raise FormatError(f"{path}: not a table of masks ({first_line(error)})") from error
    rows: dict[str, list[LabelRow]] = {}
    for place, (name, frame, identity, number, text, high, wide) in enumerate(zip(*columns, strict=True)):
        where = f"{path}: row {place}"
        size = size_of(high, wide, where)
        numbers = whole(frame, f"{where}, frame"), whole(identity, f"{where}, id")
        try:
            class_id = from_mots(whole(number, f"{where}, class"))
        except ValueError as error:
            raise FormatError(f"{where}: {error}") from error
        if not isinstance(text, str):
            raise FormatError(f"{where}: no rle")
        rows.setdefault(safe_name(name, where), []).append((*numbers, class_id, text.encode("ascii", "replace"), size))
    return {name: table_of_rows(each, f"{path}: {name}", report) for name, each in rows.items()}


def first_line(error: Exception) -> str:
    """A library's message in one short line."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]
