"""Frames and their sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["NO_IMAGE", "CuttableSource", "Frame", "Part", "Source", "reduced_size"]

NO_IMAGE: NDArray[np.uint8] = np.zeros((0, 0, 3), np.uint8)  # the image of a frame that has none


@dataclass(frozen=True, eq=False)
class Frame:
    """`number` in the source's own numbering, `time` in seconds from its start, `image` (H, W, 3) uint8 RGB."""

    number: int
    time: float
    image: NDArray[np.uint8]

    def __repr__(self) -> str:
        return f"Frame({self.number} at {self.time:.3f} s, {self.image.shape[0]} x {self.image.shape[1]})"


class Source(Protocol):
    """A sequence of frames.

    Where it has an attribute `independent` that is true, it is read ahead, in another thread.
    """

    @property
    def name(self) -> str:
        """The name of the result files."""
        ...

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        ...

    @property
    def length(self) -> int | None:
        """The number of frames, None where it is not known."""
        ...

    @property
    def live(self) -> bool:
        """Whether it can be read only once, as a stream; other sources can be read again from the start."""
        ...

    def __iter__(self) -> Iterator[Frame]: ...


class CuttableSource(Source, Protocol):
    """A source of which a part can be read by itself."""

    def between(self, start: int, stop: int | None, lead: int = 0) -> CuttableSource:
        """The frames from the `start`-th to before the `stop`-th, with their numbers and times in the whole.

        `start` counts from 0; a `stop` of None is the end. A frame that cannot be decoded counts. `lead`: so many
        frames before are given too; no warning is given for those that cannot be decoded.
        """
        ...

    def number_of(self, place: int) -> int:
        """The number of the frame at a place, which counts from 0."""
        ...


class Part:
    """The frames of a source from the `start`-th to before the `stop`-th, after the one before them.

    That one is needed to measure the camera's motion between two frames; its number lies below `first`.
    """

    LEAD = 8  # frames before the part among which one that decodes is looked for
    live = False

    def __init__(self, source: CuttableSource, start: int, stop: int | None) -> None:
        self.name, self.frame_rate = source.name, source.frame_rate
        self.first = source.number_of(start)
        self.source = source.between(start, stop, self.LEAD)
        self.length = self.source.length
        self.independent = bool(getattr(source, "independent", False))

    def __iter__(self) -> Iterator[Frame]:
        before: Frame | None = None
        for frame in self.source:
            if frame.number < self.first:
                before = frame
                continue
            if before is not None:
                yield before
                before = None
            yield frame


def reduced_size(size: tuple[int, int], longer: int) -> tuple[int, int]:
    """(height, width) of a picture of `size` whose longer side is reduced to `longer` pixels; itself if it has no more.
    No side is less than 1 pixel."""
    factor = min(1.0, longer / max(size))
    return max(round(size[0] * factor), 1), max(round(size[1] * factor), 1)
