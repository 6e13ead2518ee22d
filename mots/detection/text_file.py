"""Detections as text: `frame class score x1 y1 x2 y2 height width rle`, one detection a line.

COCO's class id, pixels, COCO's compressed RLE of the mask, and the frame in the source's own numbering; lines go in the
order of frames. Lines that begin with `#` are comments. `mots detect` writes some that it reads again: a first line
with the frame rate, and one before each frame with its number, time in seconds, height and width, so that frames
without detections are told from frames that were never there. Where a file has none of these, numbers without lines are
frames without detections, as long as no more than `FILLED` are missing in a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

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

__all__ = ["BLOCK", "TextWriter", "frames", "rate_of"]

BLOCK = 32  # frames that are decoded together
LARGEST = 2**31
FILLED = 1000  # frames; a longer gap in the numbers is a time without frames
HEAD = b"# mots detections, frames a second:"
MARK = b"# frame"
UNKNOWN_TIME = float("nan")


class TextWriter:
    """Writes the text form."""

    def __init__(self, path: Path, frame_rate: float) -> None:
        self.file, self.frame_rate, self.frames = FrameFile(path), frame_rate, 0

    def write(self, frame: int, time: float, detections: Detections, motion: NDArray[np.float64] = STILL) -> None:
        """Add one frame; the text form holds no embeddings and motions."""
        head = "" if self.frames else f"{HEAD.decode()} {self.frame_rate!r}\n"
        height, width = detections.size
        mark = f"{MARK.decode()} {frame} {float(time)!r} {height} {width}\n"
        text = f"{head}{mark}{text_lines(frame, detections)}"
        self.file.append(text.encode("ascii"))
        self.frames += 1

    def __enter__(self) -> TextWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and self.frames == 0:
            self.file.discard()
        else:
            self.file.close(whole=kind is None)


def text_lines(frame: int, detections: Detections) -> str:
    """The lines of one frame, each with its line end; nine digits give a float32 back exactly."""
    height, width = detections.size
    encoded = rle.encode(runs_of(detections.masks))
    return "".join(
        f"{frame} {class_id} {score:.9g} {x1:.9g} {y1:.9g} {x2:.9g} {y2:.9g} {height} {width} {mask.decode('ascii')}\n"
        for class_id, score, (x1, y1, x2, y2), mask in zip(
            detections.classes.tolist(), detections.scores.tolist(), detections.boxes.tolist(), encoded, strict=True
        )
    )


def rate_of(path: Path) -> float:
    """Frames a second in a file's first line; 0 where it has none."""
    with path.open("rb") as file:
        first = file.readline(200)
    try:
        rate = float(first.removeprefix(HEAD)) if first.startswith(HEAD) else 0.0
    except ValueError as error:
        raise FormatError(f"{path}:1: no frame rate: {error}") from error
    if not 0 <= rate < 1e6:
        raise FormatError(f"{path}:1: a frame rate of {rate}: wanted frames a second, above 0")
    return rate


def frames(path: Path) -> Iterator[FrameMeasurement]:
    """The frames in order, including those without lines. Raises FormatError."""
    last: int | None = None
    size: tuple[int, int] | None = None
    times: dict[int, float] = {}
    for lines in blocks_of_lines(path):
        marks = [(number, line) for number, line in lines if line.startswith(b"#")]
        listed = [mark_of(line, number, path) for number, line in marks if line.startswith(MARK)]
        size = listed[0].size if listed and size is None else size
        block = parse([each for each in lines if not each[1].startswith(b"#")], path, size)
        size, times = block.size, {each.frame: each.time for each in listed}
        edges = np.flatnonzero(np.diff(block.frames)) + 1
        starts = np.concatenate([[0], edges]).astype(np.int64) if len(block.frames) else edges
        rows = dict(
            zip(block.frames[starts].tolist(), zip(starts, [*edges, len(block.frames)], strict=True), strict=True)
        )
        numbers = sorted({*rows, *times})
        for frame in numbers:
            if last is not None and frame <= last:
                raise FormatError(f"{path}: frame {frame} comes after frame {last}: lines go in the order of frames")
            if not listed and last is not None and frame - last <= FILLED:
                for missing in range(last + 1, frame):
                    yield FrameMeasurement(missing, UNKNOWN_TIME, NO_IMAGE, Detections.empty(size), STILL)
            own = np.arange(*rows[frame]) if frame in rows else np.zeros(0, np.int64)
            time = times.get(frame, UNKNOWN_TIME)
            yield FrameMeasurement(frame, time, NO_IMAGE, block.detections.take(own), STILL)
            last = frame


class FrameMark(NamedTuple):
    """What a line `# frame NUMBER SECONDS HEIGHT WIDTH` says."""

    frame: int
    time: float
    size: tuple[int, int]


def mark_of(line: bytes, number: int, path: Path) -> FrameMark:
    """Such a line's content. Raises FormatError."""
    fields = line[len(MARK) :].split()
    try:
        mark = FrameMark(int(fields[0]), float(fields[1]), (int(fields[2]), int(fields[3])))
    except (ValueError, IndexError):
        raise FormatError(f"{path}:{number}: expected '{MARK.decode()} NUMBER SECONDS HEIGHT WIDTH'") from None
    high, wide = mark.size
    if not (0 <= mark.frame < LARGEST and np.isfinite(mark.time) and min(mark.size) >= 1 and high * wide < LARGEST):
        raise FormatError(
            f"{path}:{number}: frame {mark.frame} at {mark.time} s, {high} x {wide}: wanted a frame from 0 on, a "
            "finite time and a size of less than 2,147,483,648 pixels"
        )
    return mark


@dataclass(frozen=True, eq=False)
class ParsedLines:
    frames: NDArray[np.int64]
    detections: Detections

    @property
    def size(self) -> tuple[int, int]:
        return self.detections.size


def blocks_of_lines(path: Path) -> Iterator[list[tuple[int, bytes]]]:
    """Lines with their numbers (from 1), those of about BLOCK whole frames together."""
    lines: list[tuple[int, bytes]] = []
    count = 0
    frame = b""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            fields = line.split(None, 3)[:3]
            if not fields:
                raise FormatError(f"{path}:{number}: 0 fields where a line of detections has 10")
            start = fields[0]
            if line.startswith(MARK) and len(fields) == 3:
                start = fields[2].split()[0]
            elif line.startswith(b"#"):
                start = frame
            if start != frame:
                frame, count = start, count + 1
                if count > BLOCK:
                    yield lines
                    lines, count = [], 1
            lines.append((number, line))
    if lines:
        yield lines


def parse(lines: list[tuple[int, bytes]], path: Path, size: tuple[int, int] | None) -> ParsedLines:
    """The fields of some lines, checked. Raises FormatError with the file, the line and what was wanted."""

    def wrong(row: int, message: str) -> FormatError:
        return FormatError(f"{path}:{lines[row][0]}: {message}")

    if not lines:
        return ParsedLines(np.zeros(0, np.int64), Detections.empty(size or (0, 0)))
    fields = [line.split() for _, line in lines]
    for row, parts in enumerate(fields):
        if len(parts) != 10:
            raise wrong(row, f"{len(parts)} fields where a line of detections has 10")
    whole = numbers(fields, (0, 1, 7, 8), np.int64, wrong)
    real = numbers(fields, (2, 3, 4, 5, 6), np.float64, wrong)
    if not size or size == (0, 0):
        size = (int(whole[0, 2]), int(whole[0, 3]))
        if min(size) < 1 or size[0] * size[1] >= LARGEST:
            raise wrong(0, f"a frame of {size[0]} x {size[1]}")
    for bad, message in (
        ((whole[:, 2:] != size).any(axis=1), f"another frame size than {size[0]} x {size[1]} before"),
        ((whole[:, 0] < 0) | (whole[:, 0] >= LARGEST), "a frame number outside 0 to 2,147,483,647"),
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
