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
from mots.formats.label_table import LabelRow, LabelTable, table_of_rows
from mots.optional import optional_import

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


def read(path: str | Path) -> dict[str, LabelTable]:
    """The sequences of a table, by name. Raises FormatError for another file, MissingDependency without pyarrow."""
    ArrowException = optional_import("pyarrow", PURPOSE, extra="parquet").ArrowException  # noqa: N806
    parquet = optional_import("pyarrow.parquet", PURPOSE, extra="parquet")
    try:
        table = parquet.read_table(path).to_pydict()
        rows: dict[str, list[LabelRow]] = {}
        names = ("sequence", "frame", "id", "class", "rle", "height", "width")
        for name, frame, identity, class_id, text, high, wide in zip(*(table[key] for key in names), strict=True):
            row = (frame, identity, from_mots(class_id), text.encode("ascii"), (high, wide))
            rows.setdefault(name, []).append(row)
    except (OSError, KeyError, AttributeError, ValueError, ArrowException) as error:
        raise FormatError(f"{path}: not a table of masks ({error!r})") from error
    return {name: table_of_rows(each, f"{path}: {name}") for name, each in rows.items()}
