"""Annotated or other video, encoded by PyAV."""

from __future__ import annotations

import warnings
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from mots.errors import MotsError, MotsWarning

__all__ = ["VideoWriter"]

CLOCK = 90_000  # time base of the written video, in ticks a second
LONGEST, AFTER = 3600.0, 1.0  # a longer pause, in seconds, becomes one of `AFTER`: MP4 holds 13 hours in such ticks


class VideoWriter:
    """Writes H.264 in MP4 that plays in a browser, with each frame at its own time. A context manager.

    The file has a temporary name until it is closed; where an error ends the writing and an older file has its name, it
    gets the ending `.partial`. Odd sides get one more row or column, as H.264 needs even ones.
    Raises MotsError when the file cannot be written.
    """

    def __init__(self, path: str | Path, frame_rate: float) -> None:
        import av

        path = Path(path)
        self.path, self.part = path, path.with_name(f"{path.name}.part")
        self.last = -1
        self.time: float | None = None  # of the last frame
        self.cut = 0.0  # seconds that were left out so far
        try:
            self.part.touch()  # FFmpeg opens the file, and fails, at the first frame only
            # The index is moved to the front at the end, so that a browser can start before it has the whole file.
            self.container = av.open(str(self.part), "w", format="mp4", options={"movflags": "faststart"})
            self.stream = self.container.add_stream("libx264", rate=Fraction(frame_rate).limit_denominator(1001))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise MotsError(f"{path}: the video cannot be written ({error})") from error
        self.stream.pix_fmt = "yuv420p"
        self.stream.options = {"crf": "23", "preset": "veryfast"}
        self.stream.codec_context.time_base = Fraction(1, CLOCK)
        self.started = False

    def write(self, image: NDArray[np.uint8], time: float) -> None:
        """Add a frame (H, W, 3) uint8 RGB that is shown from `time` (seconds) on. Raises MotsError."""
        import av

        image = np.pad(image, ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)), mode="edge")
        if not self.started:
            self.stream.height, self.stream.width = image.shape[:2]
            self.started = True
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        if self.time is not None and time - self.time > LONGEST:
            self.cut += time - self.time - AFTER
            message = f"{self.path}: {time - self.time:.0f} seconds without a frame are {AFTER:.0f} in the video"
            warnings.warn(MotsWarning(message), stacklevel=2)
        self.time = time
        self.last = max(round((time - self.cut) * CLOCK), self.last + 1)
        frame.pts, frame.time_base = self.last, Fraction(1, CLOCK)
        try:
            self.container.mux(self.stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise MotsError(
                f"{self.path}: the video could not be written ({error}): make room and run again"
            ) from error

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import av

        try:
            if self.started:
                self.container.mux(self.stream.encode(None))
            self.container.close()
        except (av.error.FFmpegError, OSError) as late:
            self.part.unlink(missing_ok=True)
            if error is None:
                raise MotsError(f"{self.path}: the video could not be finished ({late})") from late
            return
        if self.started:
            # A video that was stopped replaces none that is whole.
            kept = error is not None and self.path.exists()
            self.part.replace(self.path.with_name(f"{self.path.name}.partial") if kept else self.path)
        else:
            self.part.unlink(missing_ok=True)
