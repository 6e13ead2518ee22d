"""Masks with identities as one Parquet table: sequence, frame, id, class (as MOTS numbers it), height, width, rle."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.encodings import rle
from mots.errors import MotsError
from mots.formats.coco import lines_of_rows
from mots.formats.mots_text import MotsLines

__all__ = ["dumps", "read"]

NEEDS = "Parquet needs pyarrow: pip install 'mots-engine[parquet]'"


def dumps(sequences: Mapping[str, MotsLines]) -> bytes:
    """The table as a Parquet file's content. Raises MotsError where pyarrow is missing."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MotsError(NEEDS) from error
    each = list(sequences.values())
    counts = [len(lines) for lines in each]
    named = [name.encode("utf-8") for name, count in zip(sequences, counts, strict=True) for _ in range(count)]

    # From buffers: `pyarrow.array` first imports pandas, where there is one, to ask whether it was given its types.
    def numbers(values: Sequence[NDArray[np.integer]]) -> Any:
        whole = np.concatenate([np.zeros(0, np.int64), *values])
        return pyarrow.Array.from_buffers(pyarrow.int64(), len(whole), [None, pyarrow.py_buffer(whole)])

    def texts(values: Sequence[bytes]) -> Any:
        ends = np.cumsum([0, *map(len, values)], dtype=np.int64)
        buffers = [None, pyarrow.py_buffer(ends), pyarrow.py_buffer(b"".join(values))]
        return pyarrow.Array.from_buffers(pyarrow.large_string(), len(values), buffers).cast(pyarrow.string())

    columns = {
        "sequence": texts(named),
        "frame": numbers([lines.frames for lines in each]),
        "id": numbers([lines.ids for lines in each]),
        "class": numbers([lines.classes for lines in each]),
        "height": numbers([np.full(count, x.runs.size[0], np.int64) for x, count in zip(each, counts, strict=True)]),
        "width": numbers([np.full(count, x.runs.size[1], np.int64) for x, count in zip(each, counts, strict=True)]),
        "rle": texts([text for lines in each for text in rle.encode(lines.runs)]),
    }
    output = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_arrays(list(columns.values()), names=list(columns)), output)
    return output.getvalue()


def read(path: Path) -> dict[str, MotsLines]:
    """The sequences of a table, by name. Raises MotsError for another file."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise MotsError(NEEDS) from error
    try:
        table = parquet.read_table(path).to_pydict()
        rows: dict[str, list[tuple[int, int, int, bytes, tuple[int, int]]]] = {}
        names = ("sequence", "frame", "id", "class", "rle", "height", "width")
        for name, frame, identity, class_id, text, high, wide in zip(*(table[key] for key in names), strict=True):
            rows.setdefault(name, []).append((frame, identity, class_id, text.encode("ascii"), (high, wide)))
    except (OSError, KeyError, AttributeError, ValueError, ArrowException) as error:
        raise MotsError(f"{path}: not a table of masks ({error!r})") from error
    return {name: lines_of_rows(each, f"{path}: {name}") for name, each in rows.items()}
