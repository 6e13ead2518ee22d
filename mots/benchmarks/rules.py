"""The rules that every official kit has: frames inside the sequence, masks that share no pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mots.classes import IGNORE
from mots.encodings.runs import common_pixels
from mots.formats.faults import Fault, Report
from mots.formats.label_table import LabelTable
from mots.formats.mot_boxes import BoxTable

__all__ = ["check_disjoint", "inside"]


def inside(table: LabelTable | BoxTable, first: int, last: int, report: Report) -> NDArray[np.bool_]:
    """(N,) whether each label's frame is one of the sequence's; each other one is reported."""
    good = (table.frames >= first) & (table.frames <= last)
    for row in np.flatnonzero(~good).tolist():
        frame = int(table.frames[row])
        message = f"frame {frame}: the sequence has frames {first} to {last}"
        report(Fault("frame", table.origin, message, int(table.lines[row]), frame, (int(table.ids[row]),)))
    return good


def check_disjoint(table: LabelTable, report: Report) -> None:
    """Report masks of one frame that share pixels; ignore regions may overlap each other."""
    left, right, pixels = common_pixels(table.runs, table.frames, table.runs, table.frames)
    for a, b, count in zip(left.tolist(), right.tolist(), pixels.tolist(), strict=True):
        if table.classes[a] == table.classes[b] == IGNORE:
            continue
        frame, ids = int(table.frames[b]), (int(table.ids[a]), int(table.ids[b]))
        message = (
            f"frame {frame}: ids {ids[0]} and {ids[1]} share {count} pixel{'s' if count > 1 else ''}: "
            "masks of a frame must be disjoint"
        )
        report(Fault("overlap", table.origin, message, int(table.lines[b]), frame, ids, count))
