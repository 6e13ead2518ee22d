"""A part of a source by its time: from, to, every so-many-th frame, at most so many."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import ceil, isfinite
from pathlib import Path
from typing import Any

from mots.errors import InputError
from mots.video.frame import Frame, Source
from mots.video.opening import source_of

__all__ = ["Selected", "seconds_of", "select"]

CLOCK = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?)")  # 1:02:03.5, 02:03.5 or 3.5


class Selected:
    """The chosen frames of a source, with their own numbers and times."""

    def __init__(self, source: Source, start: float, end: float, every: int, max_frames: int | None) -> None:
        self.source, self.start, self.end, self.every, self.max_frames = source, start, end, every, max_frames
        self.name, self.live = source.name, source.live
        self.independent = bool(getattr(source, "independent", False))
        self.frame_rate = source.frame_rate / every
        self.length = max_frames if source.length is None else self._expected(source.length)
        self.location = getattr(source, "location", None)

    @property
    def dropped(self) -> int:
        """How many frames of a live source were dropped so far."""
        return int(getattr(self.source, "dropped", 0))

    def __iter__(self) -> Iterator[Frame]:
        place = given = 0
        for frame in self.source:
            if frame.time >= self.end:
                return
            if frame.time < self.start:
                continue
            if place % self.every == 0:
                given += 1
                yield frame
                if given == self.max_frames:  # now: the next frame may be long in coming
                    return
            place += 1

    def _expected(self, length: int) -> int:
        """About how many frames there are, of a source of `length` frames."""
        rate = self.source.frame_rate
        first = ceil(self.start * rate - 1e-6)
        last = min(length, ceil(self.end * rate - 1e-6)) if isfinite(self.end) else length
        count = max(ceil((last - first) / self.every), 0)
        return count if self.max_frames is None else min(count, self.max_frames)


def select(
    source: Any,
    *,
    start: float | str | None = None,
    end: float | str | None = None,
    every: int = 1,
    max_frames: int | None = None,
    frame_rate: float | None = None,
) -> Selected:
    """A part of a source, to be tracked as any source: `mots.track(mots.select("match.mp4", start="1:30",
    end="2:00"))`.

    `source`: what `track` takes, but saved detections. `start`, `end`: seconds, or text as `1:30` or `0:01:30.5`; a
    frame at `end` is not given. `every`: every so-many-th frame from the first one on. `max_frames`: at most so many.
    Frames keep their own numbers and times. Raises InputError for values without sense, and as `open_source` does.
    """
    if isinstance(source, (str, Path)) and Path(source).suffix in (".npz", ".txt"):
        raise InputError(f"{source}: saved detections cannot be cut: choose the frames when they are detected")
    first = 0.0 if start is None else seconds_of(start, "start")
    last = float("inf") if end is None else seconds_of(end, "end")
    if not first < last:
        raise InputError(f"from {start} to {end}: the end must come after the start", parameters=("start", "end"))
    if not isinstance(every, int) or every < 1:
        raise InputError(f"every is {every}: wanted a whole number, 1 or more", parameters=("every",))
    if max_frames is not None and (not isinstance(max_frames, int) or max_frames < 1):
        raise InputError(f"max_frames is {max_frames}: wanted a whole number, 1 or more", parameters=("max_frames",))
    return Selected(source_of(source, frame_rate), first, last, every, max_frames)


def seconds_of(value: float | str, name: str) -> float:
    """Seconds of a number, or of a text with colons. Raises InputError that names the argument."""
    if isinstance(value, str):
        found = CLOCK.fullmatch(value.strip())
        if found is None:
            raise InputError(f"{name} is '{value}': wanted seconds, or a time as 1:30 or 0:01:30.5", parameters=(name,))
        hours, minutes, seconds = found.groups()
        return 3600.0 * int(hours or 0) + 60.0 * int(minutes or 0) + float(seconds)
    if not 0 <= value < float("inf"):
        raise InputError(f"{name} is {value}: wanted seconds, 0 or more", parameters=(name,))
    return float(value)
