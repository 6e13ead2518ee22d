"""What every official kit asks of a sequence's lines: frames inside the sequence, masks that share no pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mots.classes import MOTS_IGNORE
from mots.encodings.runs import common_pixels
from mots.formats.faults import Fault, Report
from mots.formats.mots_text import MotsLines

__all__ = ["check_disjoint", "inside", "kept"]


def kept(lines: MotsLines, rows: NDArray[np.bool_]) -> MotsLines:
    """The lines of these rows."""
    if rows.all():
        return lines
    index = np.flatnonzero(rows)
    return MotsLines(
        lines.origin, lines.numbers[index], lines.frames[index], lines.ids[index], lines.classes[index],
        lines.runs.take(index),
    )  # fmt: skip


def inside(lines: MotsLines, first: int, last: int, report: Report) -> NDArray[np.bool_]:
    """(N,) whether each line's frame is one of the sequence's."""
    good = (lines.frames >= first) & (lines.frames <= last)
    for row in np.flatnonzero(~good).tolist():
        frame = int(lines.frames[row])
        message = f"frame {frame}: the sequence has frames {first} to {last}"
        report(Fault("frame", lines.origin, message, int(lines.numbers[row]), frame, (int(lines.ids[row]),)))
    return good


def check_disjoint(lines: MotsLines, report: Report) -> None:
    """Report masks of one frame that share pixels; ignore regions may overlap each other."""
    left, right, pixels = common_pixels(lines.runs, lines.frames, lines.runs, lines.frames)
    for a, b, count in zip(left.tolist(), right.tolist(), pixels.tolist(), strict=True):
        if lines.classes[a] == lines.classes[b] == MOTS_IGNORE:
            continue
        frame, ids = int(lines.frames[b]), (int(lines.ids[a]), int(lines.ids[b]))
        message = (
            f"frame {frame}: ids {ids[0]} and {ids[1]} share {count} pixel{'s' if count > 1 else ''}: "
            "masks of a frame must be disjoint"
        )
        report(Fault("overlap", lines.origin, message, int(lines.numbers[b]), frame, ids, count))
