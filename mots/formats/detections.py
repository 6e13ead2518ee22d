"""Saved detections: `.npz` (everything, compact) and text (one detection a line, for exchange).

Text: `frame class score x1 y1 x2 y2 height width rle` with COCO's class id, pixels, COCO's compressed RLE of the mask,
and the frame in the source's own numbering; lines in the order of frames; a frame without detections has no line.

npz: arrays in blocks of frames, `00000.frames` and so on (see `ARRAYS`), and `about`, a JSON text with the size, frame
rate and class names. Blocks are written and read one by one, so a long video needs no more memory than a short one.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mots.errors import MotsError
from mots.formats import rle
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

__all__ = ["FrameDetections", "NpzWriter", "SavedDetections", "TextWriter", "Writer", "read"]

BLOCK = 256  # frames that are decoded and held together
ARRAYS = {
    "frames": "(F,) int64 frame numbers",
    "times": "(F,) float64 seconds",
    "counts": "(F,) int64 detections of each frame",
    "boxes": "(N, 4) float32",
    "scores": "(N,) float32",
    "classes": "(N,) int64",
    "embeddings": "(N, D) float32",
    "mask_boxes": "(N, 4) int32 tight boxes of the masks",
    "bits": "(B,) uint8, the masks' crops row by row, packed eight pixels a byte, each mask from a byte of its own",
}


@dataclass(frozen=True, eq=False)
class FrameDetections:
    """One frame's saved detections, with its number and its time in seconds (NaN where the file does not tell)."""

    frame: int
    time: float
    detections: Detections


@dataclass(frozen=True)
class SavedDetections:
    """A file of detections: what is known of it as a whole, and its frames in order, read as they are asked for."""

    path: Path
    frame_rate: float  # 0 where the file does not tell
    length: int | None  # frames, where the file tells without being read
    names: dict[int, str]  # the classes that COCO does not have: our id to name

    def __iter__(self) -> Iterator[FrameDetections]:
        return read_npz_frames(self) if self.path.suffix == ".npz" else read_text_frames(self.path)


class Writer(Protocol):
    """Takes frames of detections in order; the file has its name once the writer is closed."""

    def write(self, frame: int, time: float, detections: Detections) -> None: ...

    def __enter__(self) -> Writer: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def read(path: Path) -> SavedDetections:
    """Open saved detections by their name's ending. Raises MotsError when the file is missing or no such file."""
    if not path.is_file():
        raise MotsError(f"{path}: no such file")
    if path.suffix == ".txt":
        return SavedDetections(path, 0.0, None, {})
    if path.suffix != ".npz":
        raise MotsError(f"{path}: saved detections end in .npz or .txt")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            about = json.loads(str(archive["about"]))
        names = {int(number): str(name) for number, name in about["names"].items()}
        return SavedDetections(path, float(about["frame_rate"]), int(about["length"]), names)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise MotsError(f"{path}: not a file of detections that `mots detect` wrote ({error})") from error


# Text


class TextWriter:
    """Writes the text form under a temporary name; `close` gives it its own."""

    def __init__(self, path: Path) -> None:
        self.path, self.part = path, path.with_name(path.name + ".part")
        self.file: IO[str] = self.part.open("w", encoding="ascii", newline="\n")

    def write(self, frame: int, time: float, detections: Detections) -> None:
        self.file.write(text_lines(frame, detections))

    def __enter__(self) -> TextWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()
        self.part.replace(self.path)


def text_lines(frame: int, detections: Detections) -> str:
    """The lines of one frame, each with its line end."""
    height, width = detections.size
    encoded = rle.encode(rle.runs_of(detections.masks))
    return "".join(
        f"{frame} {class_id} {score:.6f} {x1:.3f} {y1:.3f} {x2:.3f} {y2:.3f} {height} {width} {mask.decode('ascii')}\n"
        for class_id, score, (x1, y1, x2, y2), mask in zip(
            detections.classes.tolist(), detections.scores.tolist(), detections.boxes.tolist(), encoded, strict=True
        )
    )


def read_text_frames(path: Path) -> Iterator[FrameDetections]:
    """The frames from the first line's to the last one's, those without lines included."""
    next_frame: int | None = None
    size: tuple[int, int] | None = None
    for lines, first in blocks_of_lines(path):
        found = parse(lines, path, first, size)
        size = found.size
        edges = np.flatnonzero(np.diff(found.frames)) + 1
        for start, stop in zip([0, *edges], [*edges, len(found.frames)], strict=True):
            frame = int(found.frames[start])
            for missing in range(frame if next_frame is None else next_frame, frame):
                yield FrameDetections(missing, float("nan"), Detections.empty(size))
            rows = np.arange(start, stop)
            yield FrameDetections(frame, float("nan"), found.detections.take(rows))
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
    frames = 0
    frame = b""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            start = line.partition(b" ")[0]
            if start != frame:
                frame, frames = start, frames + 1
                if frames > BLOCK:
                    yield lines, first
                    lines, first, frames = [], number, 1
            lines.append(line)
    if lines:
        yield lines, first


def parse(lines: list[bytes], path: Path, first: int, size: tuple[int, int] | None) -> ParsedLines:
    """The fields of some lines, checked. Raises MotsError with the file, the line and what was wanted."""

    def wrong(row: int, message: str) -> MotsError:
        return MotsError(f"{path}:{first + row}: {message}")

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
        masks = rle.masks_of(rle.decode([parts[9] for parts in fields], size))
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
                    raise wrong(row, f"'{text}' where {wanted} is due") from None
        raise


# npz


class NpzWriter:
    """Writes the npz form block by block under a temporary name; closing gives the file its own."""

    def __init__(self, path: Path, frame_rate: float, names: Mapping[int, str]) -> None:
        self.path, self.part = path, path.with_name(path.name + ".part")
        self.frame_rate, self.names = frame_rate, dict(names)
        self.file = zipfile.ZipFile(self.part, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self.block: list[FrameDetections] = []
        self.blocks = self.length = 0
        self.size = (0, 0)

    def write(self, frame: int, time: float, detections: Detections) -> None:
        self.block.append(FrameDetections(frame, time, detections))
        self.length += 1
        self.size = detections.size
        if len(self.block) == BLOCK:
            self.flush()

    def flush(self) -> None:
        """Write the frames that are held."""
        if not self.block:
            return
        every = [each.detections for each in self.block]
        arrays: dict[str, NDArray[Any]] = {
            "frames": np.array([each.frame for each in self.block], np.int64),
            "times": np.array([each.time for each in self.block], np.float64),
            "counts": np.array([len(d) for d in every], np.int64),
            "boxes": np.concatenate([d.boxes for d in every]),
            "scores": np.concatenate([d.scores for d in every]),
            "classes": np.concatenate([d.classes for d in every]),
            "embeddings": stacked_embeddings(every),
            "mask_boxes": np.concatenate([d.masks.boxes for d in every]),
            "bits": np.concatenate(
                [np.packbits(d.masks.crop(i)) for d in every for i in range(len(d))] or [np.zeros(0, np.uint8)]
            ),
        }
        for name, array in arrays.items():
            self.add(f"{self.blocks:05d}.{name}", array)
        self.block = []
        self.blocks += 1

    def add(self, name: str, array: NDArray[Any]) -> None:
        with self.file.open(f"{name}.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)

    def __enter__(self) -> NpzWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()
        about = {"frame_rate": self.frame_rate, "length": self.length, "blocks": self.blocks, "names": self.names}
        about["size"] = self.size
        self.add("about", np.array(json.dumps(about)))
        self.file.close()
        self.part.replace(self.path)


def stacked_embeddings(every: list[Detections]) -> NDArray[np.float32]:
    """(N, D) embeddings of all frames; a frame without detections may have D = 0."""
    filled = [d.embeddings for d in every if len(d)]
    return np.concatenate(filled) if filled else np.zeros((0, 0), np.float32)


def read_npz_frames(saved: SavedDetections) -> Iterator[FrameDetections]:
    """The frames of an npz file, block by block."""
    try:
        with saved.path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            for block in range(int(json.loads(str(archive["about"]))["blocks"])):
                arrays = {name: archive[f"{block:05d}.{name}"] for name in ARRAYS}
                yield from unpacked(arrays, tuple(json.loads(str(archive["about"]))["size"]))
    except (KeyError, ValueError, IndexError, zipfile.BadZipFile) as error:
        raise MotsError(f"{saved.path}: damaged ({error}): write it again with `mots detect`") from error


def unpacked(arrays: dict[str, NDArray[Any]], size: tuple[int, int]) -> Iterator[FrameDetections]:
    """The frames of one block; every frame is of (height, width)."""
    spans = (arrays["mask_boxes"][:, 2:] - arrays["mask_boxes"][:, :2]).astype(np.int64)
    areas = spans[:, 0] * spans[:, 1]
    byte_starts = np.concatenate([[0], np.cumsum((areas + 7) // 8)])
    bits = np.unpackbits(arrays["bits"])
    masks = Masks(size, arrays["mask_boxes"], bits, 8 * byte_starts[:-1])
    detections = Detections(arrays["boxes"], masks, arrays["scores"], arrays["classes"], arrays["embeddings"])
    detections.check()
    ends = np.cumsum(arrays["counts"])
    for frame, time, start, stop in zip(
        arrays["frames"].tolist(), arrays["times"].tolist(), ends - arrays["counts"], ends, strict=True
    ):
        yield FrameDetections(frame, time, detections.take(np.arange(start, stop)))
