"""Saved detections in either form: `.npz` (everything, compact) or `.txt` (for exchange)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from mots.detection import npz_file, text_file
from mots.detection.measurement import FrameMeasurement
from mots.errors import FormatError, InputError, MotsWarning
from mots.trackers.detections import Detections
from mots.trackers.motion import STILL
from mots.video.frame import Frame, Source

__all__ = ["ENDINGS", "DetectionWriter", "SavedDetections", "joined", "read"]

ENDINGS = (".npz", ".txt")


@dataclass(frozen=True)
class SavedDetections:
    """A file of detections; iterating gives its frames in order, read as they are needed.

    `frame_rate`: frames a second, 0 where the file does not hold it. `length`: frames, None where it is not known.
    `names`: the classes that COCO does not have, the engine's id to a name. `refined`: whether the masks were refined
    when they were saved. `more`: files whose frames follow.
    """

    path: Path
    frame_rate: float
    length: int | None
    names: dict[int, str]
    refined: bool = False
    more: tuple[Path, ...] = ()

    def __iter__(self) -> Iterator[FrameMeasurement]:
        for path in (self.path, *self.more):
            yield from (npz_file.frames if path.suffix == ".npz" else text_file.frames)(path)


def read(path: str | Path) -> SavedDetections:
    """Open saved detections. Raises InputError when the file is missing, FormatError for another file."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    if path.suffix not in ENDINGS:
        raise InputError(f"{path}: saved detections end in {' or '.join(ENDINGS)}")
    if path.suffix == ".txt":
        head = text_file.about(path)
        return SavedDetections(path, head.frame_rate, None, head.names, head.refined)
    whole = npz_file.about(path)
    return SavedDetections(path, whole["frame_rate"], whole["length"], whole["names"], whole["fitted"])


class DetectionWriter:
    """Writes detections in the form that the path's ending says. A context manager; the file has its name at the end.

    `frame_rate`: frames a second. `names`: the classes that COCO does not have, id to name. `refined`: whether the
    masks are refined already. Raises OSError when the file cannot be written, InputError for another ending.
    """

    def __init__(
        self,
        path: str | Path,
        frame_rate: float = 30.0,
        names: Mapping[int, str] | None = None,
        refined: bool = False,
    ) -> None:
        path = Path(path)
        if path.suffix not in ENDINGS:
            raise InputError(f"{path}: saved detections end in {' or '.join(ENDINGS)}")
        self.writer = (
            text_file.TextWriter(path, frame_rate, names or {}, refined)
            if path.suffix == ".txt"
            else npz_file.NpzWriter(path, frame_rate, names or {}, refined)
        )

    def write(self, frame: int, time: float, detections: Detections, motion: NDArray[np.float64] = STILL) -> None:
        """Add a frame: its number, time in seconds, detections, and the (2, 3) camera motion to it."""
        self.writer.write(frame, time, detections, motion)

    def __enter__(self) -> DetectionWriter:
        self.writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.__exit__(kind, error, trace)


def joined(source: Source, detections: SavedDetections, whole: bool = True) -> Iterator[tuple[Frame, Detections]]:
    """Frames with the saved detections of the same number; none where the file has none for a frame.

    Of a `whole` source, MotsWarnings tell of frames after the last ones that the file knows, and of detections for
    which there is no frame. Raises FormatError where detections are of another size than the frames, or, of a `whole`
    source, all belong to no frame.
    """
    saved = iter(detections)
    current = next(saved, None)
    matched = beyond = left = 0
    for frame in source:
        size = (frame.image.shape[0], frame.image.shape[1])
        while current is not None and current.frame < frame.number:  # of a frame that was skipped, or of none
            left += len(current.detections) > 0
            current = next(saved, None)
        beyond += current is None and detections.length is not None
        if current is None or current.frame != frame.number:
            yield frame, Detections.empty(size)
            continue
        if current.detections.size != size:
            (h, w), (high, wide) = current.detections.size, size
            raise FormatError(f"{detections.path}: detections of {h} x {w} frames for frames of {high} x {wide}")
        matched += len(current.detections)
        yield frame, current.detections
        current = next(saved, None)
    if not whole:
        return
    while current is not None:
        left += len(current.detections) > 0
        current = next(saved, None)
    if matched == 0:
        raise FormatError(
            f"{detections.path}: no detections for any frame of {source.name}: are the frame numbers the same?"
        )
    if beyond:
        message = f"the last {beyond} frames of {source.name} have no detections: the file ends before them"
        warnings.warn(MotsWarning(f"{detections.path}: {message}"), stacklevel=2)
    if left:
        message = f"detections of {left} frames are not used: {source.name} has no such frames"
        warnings.warn(MotsWarning(f"{detections.path}: {message}"), stacklevel=2)
