"""Detections as text: `frame class score x1 y1 x2 y2 height width rle`, one detection a line.

COCO's class id, pixels, COCO's compressed RLE of the mask, and the frame in the source's own numbering; lines go in the
order of frames. Lines that begin with `#` are comments. What `mots detect` knows beyond those ten fields it writes into
comments, as JSON, and reads again: a first line with the frame rate, the names of classes that COCO lacks and whether
masks are refined; a line before each frame with its number, time, size and the camera's motion; a line after each
detection with its embedding, in base64. So text and npz give the same identities, and frames without detections are
told from frames that were never there. Where a file has no such comments, numbers without lines are frames without
detections, as long as no more than `FILLED` are missing in a row.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
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
from mots.storage.json_file import item, items, number, size_of, text, whole
from mots.trackers.detections import LARGEST_CLASS, Detections, far_outside
from mots.trackers.motion import STILL
from mots.video.frame import NO_IMAGE

__all__ = ["BLOCK", "TextWriter", "about", "frames"]

BLOCK = 32  # frames that are decoded together
LARGEST = 2**31
FILLED = 1000  # frames; a longer gap in the numbers is a time without frames
HEAD, MARK, EMBEDDING = b"# mots detections ", b"# frame ", b"# embedding "
UNKNOWN_TIME = float("nan")


class TextWriter:
    """Writes the text form."""

    def __init__(self, path: Path, frame_rate: float, names: Mapping[int, str], refined: bool = False) -> None:
        self.file, self.frames = FrameFile(path), 0
        self.head = {"frame_rate": frame_rate, "names": dict(names), "refined": refined}

    def write(self, frame: int, time: float, detections: Detections, motion: NDArray[np.float64] = STILL) -> None:
        """Add one frame."""
        mark: dict[str, Any] = {"frame": frame, "time": float(time), "size": list(detections.size)}
        if not np.array_equal(motion, STILL):
            mark["motion"] = np.asarray(motion, np.float64).tolist()
        head = b"" if self.frames else HEAD + json.dumps(self.head).encode("ascii") + b"\n"
        text = MARK + json.dumps(mark).encode("ascii") + b"\n" + text_lines(frame, detections).encode("ascii")
        self.file.append(head + text)
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
    columns = (detections.classes.tolist(), detections.scores.tolist(), detections.boxes.tolist(), encoded)
    lines = []
    for row, (class_id, score, box, mask) in enumerate(zip(*columns, strict=True)):
        numbers = " ".join(f"{value:.9g}" for value in (score, *box))
        lines.append(f"{frame} {class_id} {numbers} {height} {width} {mask.decode('ascii')}\n")
        if detections.embeddings.shape[1]:
            content = np.ascontiguousarray(detections.embeddings[row], "<f4").tobytes()
            lines.append(f"{EMBEDDING.decode()}{base64.b64encode(content).decode('ascii')}\n")
    return "".join(lines)


class Head(NamedTuple):
    """What a file's first line says: frames a second (0: nothing), names by class id, whether masks are refined."""

    frame_rate: float
    names: dict[int, str]
    refined: bool


def about(path: Path) -> Head:
    """The head of a file. Raises FormatError."""
    with path.open("rb") as file:
        first = file.readline(1 << 20)
    if not first.startswith(HEAD):
        return Head(0.0, {}, False)
    where = f"{path}:1"
    whole_line = parsed(first[len(HEAD) :], where)
    rate = number(item(whole_line, "frame_rate", where, 0.0), f"{where}, frame_rate")
    if not 0 <= rate < 1e6:
        raise FormatError(f"{where}: a frame rate of {rate}: wanted frames a second, above 0")
    names = item(whole_line, "names", where, {})
    if not isinstance(names, dict):
        raise FormatError(f"{where}: names that are no object")
    own = {whole(key, f"{where}, names"): text(name, f"{where}, names") for key, name in names.items()}
    return Head(rate, own, item(whole_line, "refined", where, False) is True)


def parsed(content: bytes, where: str) -> Any:
    """JSON in a comment. Raises FormatError."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{where}: a comment that is no JSON ({error})") from error


def frames(path: Path) -> Iterator[FrameMeasurement]:
    """The frames in order, including those without lines. Raises FormatError."""
    last: int | None = None
    size: tuple[int, int] | None = None
    for lines in blocks_of_lines(path):
        marks = [mark_of(line, number, path) for number, line in lines if line.startswith(MARK)]
        size = marks[0].size if marks and size is None else size
        block = parse([each for each in lines if not each[1].startswith((MARK, HEAD))], path, size)
        size, listed = block.size, {each.frame: each for each in marks}
        edges = np.flatnonzero(np.diff(block.frames)) + 1
        starts = [0, *edges.tolist()] if len(block.frames) else []
        spans = zip(starts, [*edges.tolist(), len(block.frames)], strict=False)
        rows = dict(zip(block.frames[starts].tolist(), spans, strict=True)) if starts else {}
        for frame in sorted({*rows, *listed}):
            if last is not None and frame <= last:
                raise FormatError(f"{path}: frame {frame} comes after frame {last}: lines go in the order of frames")
            if not listed and last is not None and frame - last <= FILLED:
                for missing in range(last + 1, frame):
                    yield FrameMeasurement(missing, UNKNOWN_TIME, NO_IMAGE, Detections.empty(size), STILL)
            mark = listed.get(frame, FrameMark(frame, UNKNOWN_TIME, size, STILL))
            if mark.size != size:
                raise FormatError(f"{path}: frame {frame} is {mark.size} after {size} (height, width)")
            own = np.arange(*rows[frame]) if frame in rows else np.zeros(0, np.int64)
            yield FrameMeasurement(frame, mark.time, NO_IMAGE, block.detections.take(own), mark.motion)
            last = frame


class FrameMark(NamedTuple):
    """What the line before a frame says: its number, seconds, (height, width), and the camera's motion to it."""

    frame: int
    time: float
    size: tuple[int, int]
    motion: NDArray[np.float64]


def mark_of(line: bytes, line_number: int, path: Path) -> FrameMark:
    """Such a line's content. Raises FormatError."""
    where = f"{path}:{line_number}"
    content = parsed(line[len(MARK) :], where)
    size = list(items(item(content, "size", where), f"{where}, size"))
    if len(size) != 2:
        raise FormatError(f"{where}: a size that is not [height, width]")
    motion = STILL
    if "motion" in content:
        try:
            motion = np.array(content["motion"], np.float64)
        except (ValueError, TypeError) as error:
            raise FormatError(f"{where}: a motion that is no matrix of numbers") from error
        if motion.shape != (2, 3) or not (np.isfinite(motion).all() or np.isnan(motion).all()):
            raise FormatError(f"{where}: a motion of {motion.shape}: wanted 2 x 3 finite numbers")
    return FrameMark(
        whole(item(content, "frame", where), f"{where}, frame"),
        number(item(content, "time", where), f"{where}, time"),
        size_of(size[0], size[1], where),
        motion,
    )


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
    count, marked = 0, False
    frame = b""
    with path.open("rb") as file:
        for line_number, line in enumerate(file, start=1):
            marked = marked or line.startswith(MARK)
            start = frame if line.startswith(b"#") else line.partition(b" ")[0]
            if line.startswith(MARK) or (not marked and start != frame):
                count += 1
                if count > BLOCK:
                    yield lines
                    lines, count = [], 1
            frame = start
            lines.append((line_number, line))
    if lines:
        yield lines


def parse(lines: list[tuple[int, bytes]], path: Path, size: tuple[int, int] | None) -> ParsedLines:
    """The fields of some lines, checked. Raises FormatError with the file, the line and what was wanted."""

    def wrong(row: int, message: str) -> FormatError:
        return FormatError(f"{path}:{lines[row][0]}: {message}")

    looks = [(k, line) for k, (_, line) in enumerate(lines) if line.startswith(EMBEDDING)]
    embedded = [embedding_of(line, f"{path}:{lines[k][0]}") for k, line in looks]
    alone = next((k for k, _ in looks if k == 0 or lines[k - 1][1].startswith(b"#")), None)
    if alone is not None:
        raise wrong(alone, "an embedding without a detection before it")
    lines = [each for each in lines if not each[1].startswith(b"#")]
    if embedded and (len(embedded) != len(lines) or len({len(each) for each in embedded}) > 1):
        raise wrong(0, "not every detection has an embedding of one length")
    if not lines:
        return ParsedLines(np.zeros(0, np.int64), Detections.empty(size or (0, 0)))
    fields = [line.split() for _, line in lines]
    for row, parts in enumerate(fields):
        if len(parts) != 10:
            raise wrong(row, f"{len(parts)} fields where a line of detections has 10")
    integers = numbers(fields, (0, 1, 7, 8), np.int64, wrong)
    real = numbers(fields, (2, 3, 4, 5, 6), np.float64, wrong)
    if not size or size == (0, 0):
        size = (int(integers[0, 2]), int(integers[0, 3]))
        if min(size) < 1 or size[0] * size[1] >= LARGEST:
            raise wrong(0, f"a frame of {size[0]} x {size[1]}")
    for bad, message in (
        ((integers[:, 2:] != size).any(axis=1), f"another frame size than {size[0]} x {size[1]} before"),
        ((integers[:, 0] < 0) | (integers[:, 0] >= LARGEST), "a frame number outside 0 to 2,147,483,647"),
        ((integers[:, 1] < 0) | (integers[:, 1] > LARGEST_CLASS), f"a class outside 0 to {LARGEST_CLASS:,}"),
        (~((real[:, 0] >= 0) & (real[:, 0] <= 1)), "a score outside 0 to 1"),
        (~np.isfinite(real).all(axis=1), "a number that is not finite"),
        ((real[:, 3:] < real[:, 1:3]).any(axis=1), "a box with x2 < x1 or y2 < y1"),
        (far_outside(real[:, 1:], size), f"a box far outside of the {size[0]} x {size[1]} frame"),
        (
            np.diff(integers[:, 0], prepend=integers[0, 0]) < 0,
            "a frame after a later one: lines go in the order of frames",
        ),
    ):
        if bad.any():
            raise wrong(int(np.flatnonzero(bad)[0]), message)
    try:
        masks = masks_of(rle.decode([parts[9] for parts in fields], size))
    except rle.RLEError as error:
        raise wrong(error.row, f"the mask does not decode: {error}") from error
    boxes = real[:, 1:].astype(np.float32)
    stacked = np.stack(embedded) if embedded else None
    return ParsedLines(integers[:, 0], Detections.from_masks(masks, real[:, 0], integers[:, 1], boxes, stacked))


def embedding_of(line: bytes, where: str) -> NDArray[np.float32]:
    """(D,) the embedding in a line. Raises FormatError."""
    try:
        values = np.frombuffer(base64.b64decode(line[len(EMBEDDING) :].strip(), validate=True), "<f4")
    except ValueError as error:
        raise FormatError(f"{where}: an embedding that does not decode ({error})") from error
    if len(values) == 0 or not np.isfinite(values).all():
        raise FormatError(f"{where}: an embedding without numbers, or with one that is not finite")
    return values.astype(np.float32)


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
