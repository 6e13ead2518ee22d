"""Detections as text: `frame class score x1 y1 x2 y2 height width rle`, one detection a line.

COCO's class id, pixels, COCO's compressed RLE of the mask, and the frame in the source's own numbering; lines go in the
order of frames; a frame without detections has no line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.detection.measurement import FrameMeasurement
from mots.encodings import rle
from mots.encodings.runs import masks_of, runs_of
from mots.errors import FormatError
from mots.files import FrameFile
from mots.trackers.detections import Detections
from mots.trackers.motion import STILL
from mots.video.frame import NO_IMAGE

__all__ = ["BLOCK", "TextWriter", "frames"]

BLOCK = 32  # frames that are decoded together
UNKNOWN_TIME = float("nan")


class TextWriter:
    """Writes the text form."""

    def __init__(self, path: Path) -> None:
        self.file = FrameFile(path)

    def write(self, frame: int, time: float, detections: Detections, motion: NDArray[np.float64] = STILL) -> None:
        """Add one frame; the text form holds no times, embeddings and motions."""
        self.file.append(text_lines(frame, detections).encode("ascii"))

    def __enter__(self) -> TextWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()


def text_lines(frame: int, detections: Detections) -> str:
    """The lines of one frame, each with its line end."""
    height, width = detections.size
    encoded = rle.encode(runs_of(detections.masks))
    return "".join(
        f"{frame} {class_id} {score:.6f} {x1:.3f} {y1:.3f} {x2:.3f} {y2:.3f} {height} {width} {mask.decode('ascii')}\n"
        for class_id, score, (x1, y1, x2, y2), mask in zip(
            detections.classes.tolist(), detections.scores.tolist(), detections.boxes.tolist(), encoded, strict=True
        )
    )


def frames(path: Path) -> Iterator[FrameMeasurement]:
    """The frames from the first line's to the last one's, including those without lines. Raises FormatError."""
    next_frame: int | None = None
    size: tuple[int, int] | None = None
    for lines, first in blocks_of_lines(path):
        block = parse(lines, path, first, size)
        size = block.size
        edges = np.flatnonzero(np.diff(block.frames)) + 1
        for start, stop in zip([0, *edges], [*edges, len(block.frames)], strict=True):
            frame = int(block.frames[start])
            for missing in range(frame if next_frame is None else next_frame, frame):
                yield FrameMeasurement(missing, UNKNOWN_TIME, NO_IMAGE, Detections.empty(size), STILL)
            rows = np.arange(start, stop)
            yield FrameMeasurement(frame, UNKNOWN_TIME, NO_IMAGE, block.detections.take(rows), STILL)
            next_frame = frame + 1


@dataclass(frozen=True, eq=False)
class ParsedLines:
    frames: NDArray[np.int64]
    detections: Detections

    @property
    def size(self) -> tuple[int, int]:
        return self.detections.size


def blocks_of_lines(path: Path) -> Iterator[tuple[list[bytes], int]]:
    """Lines of whole frames, about BLOCK frames together, with the number of the first line (from 1)."""
    lines: list[bytes] = []
    first = 1
    count = 0
    frame = b""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            start = line.partition(b" ")[0]
            if start != frame:
                frame, count = start, count + 1
                if count > BLOCK:
                    yield lines, first
                    lines, first, count = [], number, 1
            lines.append(line)
    if lines:
        yield lines, first


def parse(lines: list[bytes], path: Path, first: int, size: tuple[int, int] | None) -> ParsedLines:
    """The fields of some lines, checked. Raises FormatError with the file, the line and what was wanted."""

    def wrong(row: int, message: str) -> FormatError:
        return FormatError(f"{path}:{first + row}: {message}")

    fields = [line.split() for line in lines]
    for row, parts in enumerate(fields):
        if len(parts) != 10:
            raise wrong(row, f"{len(parts)} fields where a line of detections has 10")
    whole = numbers(fields, (0, 1, 7, 8), np.int64, wrong)
    real = numbers(fields, (2, 3, 4, 5, 6), np.float64, wrong)
    if size is None:
        size = (int(whole[0, 2]), int(whole[0, 3]))
        if min(size) < 1 or size[0] * size[1] > 2**31:
            raise wrong(0, f"a frame of {size[0]} x {size[1]}")
    for bad, message in (
        ((whole[:, 2:] != size).any(axis=1), f"another frame size than {size[0]} x {size[1]} before"),
        (whole[:, 1] < 0, "a negative class"),
        (~((real[:, 0] >= 0) & (real[:, 0] <= 1)), "a score outside 0 to 1"),
        (~np.isfinite(real).all(axis=1), "a number that is not finite"),
        ((real[:, 3:] < real[:, 1:3]).any(axis=1), "a box with x2 < x1 or y2 < y1"),
        (np.diff(whole[:, 0], prepend=whole[0, 0]) < 0, "a frame after a later one: lines go in the order of frames"),
    ):
        if bad.any():
            raise wrong(int(np.flatnonzero(bad)[0]), message)
    try:
        masks = masks_of(rle.decode([parts[9] for parts in fields], size))
    except rle.RLEError as error:
        raise wrong(error.row, f"the mask does not decode: {error}") from error
    boxes = real[:, 1:].astype(np.float32)
    return ParsedLines(whole[:, 0], Detections.from_masks(masks, real[:, 0], whole[:, 1], boxes))


def numbers(fields: list[list[bytes]], columns: tuple[int, ...], dtype: type, wrong: Any) -> NDArray[Any]:
    """(rows, columns) of the text fields as numbers of one type."""
    kind = int if dtype is np.int64 else float
    try:
        return np.array([[kind(parts[column]) for column in columns] for parts in fields], dtype)
    except (ValueError, OverflowError):
        for row, parts in enumerate(fields):
            for column in columns:
                try:
                    np.array(kind(parts[column]), dtype)
                except (ValueError, OverflowError):
                    text = parts[column].decode("ascii", "replace")
                    wanted = "a whole number" if kind is int else "a number"
                    raise wrong(row, f"expected {wanted}, found '{text}'") from None
        raise
