"""Masks with identities as one Parquet table: sequence, frame, id, class (as MOTS numbers it), height, width, rle."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mots.errors import MotsError
from mots.formats import rle
from mots.formats.coco_tracks import lines_of_rows
from mots.formats.kitti_mots import MotsLines

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
    columns = {
        "sequence": pyarrow.array([name for name, lines in sequences.items() for _ in range(len(lines))], "string"),
        "frame": np.concatenate([np.zeros(0, np.int64), *(lines.frames for lines in each)]),
        "id": np.concatenate([np.zeros(0, np.int64), *(lines.ids for lines in each)]),
        "class": np.concatenate([np.zeros(0, np.int64), *(lines.classes for lines in each)]),
        "height": np.repeat(np.array([x.runs.size[0] for x in each], np.int64), [len(x) for x in each]),
        "width": np.repeat(np.array([x.runs.size[1] for x in each], np.int64), [len(x) for x in each]),
        "rle": pyarrow.array([text.decode("ascii") for lines in each for text in rle.encode(lines.runs)], "string"),
    }
    output = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), output)
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
