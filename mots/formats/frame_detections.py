"""What the files of detections have in common: one frame's detections, and how they are written."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from mots.trackers.detections import Detections

__all__ = ["BLOCK", "FrameDetections", "Writer"]

BLOCK = 32  # frames that are decoded and held together


@dataclass(frozen=True, eq=False)
class FrameDetections:
    """One frame's saved detections, with its number and its time in seconds (NaN where the file does not tell)."""

    frame: int
    time: float
    detections: Detections


class Writer(Protocol):
    """Takes frames of detections in order; the file has its name once the writer is closed."""

    def write(self, frame: int, time: float, detections: Detections) -> None: ...

    def __enter__(self) -> Writer: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
