"""What the files of detections have in common: one frame's detections, and how they are written."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mots.trackers.detections import Detections
from mots.trackers.motion import STILL

__all__ = ["BLOCK", "FrameDetections", "Writer"]

BLOCK = 32  # frames that are decoded and held together


@dataclass(frozen=True, eq=False)
class FrameDetections:
    """One frame's saved detections, with its number and its time in seconds (NaN where the file does not tell).

    `camera`: (2, 3) affine map of the last frame's still points to this frame's, as far as the file tells.
    """

    frame: int
    time: float
    detections: Detections
    camera: NDArray[np.float64] = field(default_factory=lambda: STILL)


class Writer(Protocol):
    """Takes frames of detections in order; the file has its name once the writer is closed."""

    def write(self, frame: int, time: float, detections: Detections, camera: NDArray[np.float64] = STILL) -> None: ...

    def __enter__(self) -> Writer: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
