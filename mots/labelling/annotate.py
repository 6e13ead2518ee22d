"""`mots annotate`: keyframe labels become labels of every frame, in a folder of results."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mots.errors import FormatError
from mots.files import cannot_write, write_whole
from mots.labelling.keyframes import AnnotatedFrame
from mots.pipeline.interrupts import interruptible
from mots.pipeline.results import ResultFolder

__all__ = ["CONFIDENCE", "FrameRow", "frame_confidences", "next_keyframe", "write_annotations"]

CONFIDENCE = ".confidence.csv"  # after the sequence's name
SURE = 0.9  # where no frame is less sure, no further keyframe is advised


@dataclass(frozen=True)
class FrameRow:
    """A row of `<name>.confidence.csv`."""

    frame: int
    time: float
    confidence: float
    objects: int
    keyframe: bool


def write_annotations(
    frames: Iterable[AnnotatedFrame], folder: Path, name: str, overwrite: bool = False
) -> list[FrameRow]:
    """Write frames into `<folder>/<name>.txt` (MOTS text) as they come, and `<name>.confidence.csv`; its rows.

    Raises InputError where results are there and `overwrite` is false, MotsError where they cannot be written.
    """
    rows: list[FrameRow] = []
    with ResultFolder(folder, name, overwrite) as results:
        for frame in interruptible(frames):
            results.write(frame.labels)
            labels = frame.labels
            rows.append(FrameRow(labels.frame, labels.time, frame.confidence, len(labels), frame.keyframe))
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(["frame", "time_s", "confidence", "objects", "keyframe"])
    for row in rows:
        writer.writerow([row.frame, f"{row.time:.3f}", f"{row.confidence:.4f}", row.objects, int(row.keyframe)])
    try:
        write_whole(folder / f"{name}{CONFIDENCE}", output.getvalue().encode("utf-8"))
    except OSError as error:
        raise cannot_write(folder / f"{name}{CONFIDENCE}", error) from error
    return rows


def frame_confidences(labels: Path) -> dict[int, float]:
    """The confidence of each frame in the table beside a file of labels; empty where there is none. Raises FormatError
    for another table."""
    path = labels.with_name(f"{labels.stem}{CONFIDENCE}")
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return {int(row["frame"]): float(row["confidence"]) for row in csv.DictReader(lines)}
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise FormatError(f"{path}: not a table of frames' confidence ({error})") from error


def next_keyframe(rows: Sequence[FrameRow]) -> FrameRow | None:
    """The frame that is to be labelled next: the middle of the stretch of least confidence; None where all are sure.

    A stretch is a run of frames below the middle of the lowest confidence and `SURE`; the one that has the most to gain
    counts, so that one bad frame does not outweigh a long stretch.
    """
    values = np.array([row.confidence for row in rows])
    if not len(values) or values.min() >= SURE:
        return None
    low = values <= (values.min() + SURE) / 2
    begins = np.flatnonzero(low & ~np.concatenate([[False], low[:-1]]))
    ends = np.flatnonzero(low & ~np.concatenate([low[1:], [False]]))
    gains = [float((SURE - values[a : b + 1]).sum()) for a, b in zip(begins, ends, strict=True)]
    best = int(np.argmax(gains))
    return rows[int(begins[best] + ends[best]) // 2]
