"""A picture that moves: animated WebP and PNG, and TIFF of several pages."""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from mots.errors import FormatError, MotsWarning
from mots.video.frame import Frame
from mots.video.images import is_deep, opener, rgb_of

__all__ = ["Animation"]


class Animation:
    """The pictures of one file, numbered from 0.

    A picture's time is the sum of the durations before it where the file has durations and `frame_rate` is None,
    otherwise its number / frame rate. Iterating raises FormatError for pictures of two sizes and for a damaged one.
    """

    live = False
    independent = True  # of what is done meanwhile: it can be read ahead
    OWN_RATE = 30.0  # frames a second of a file without durations

    def __init__(self, path: Path, frame_rate: float | None = None) -> None:
        self.path, self.name = path, path.stem
        with opener(path) as picture:
            picture.load()  # before, WebP tells no duration
            self.length: int | None = int(getattr(picture, "n_frames", 1))
            duration = float(picture.info.get("duration") or 0.0)  # milliseconds, of the first picture
        self.timed = frame_rate is None and duration > 0
        self.frame_rate = frame_rate or (1000.0 / duration if duration > 0 else self.OWN_RATE)
        self.start, self.stop = 0, sys.maxsize

    def between(self, start: int, stop: int | None, lead: int = 0) -> Animation:
        """See `CuttableSource.between`. It decodes from the beginning, as each picture changes the one before."""
        part = copy.copy(self)
        part.start, part.stop = max(start - lead, 0), sys.maxsize if stop is None else stop
        part.length = max(min(self.length or 0, part.stop) - part.start, 0)
        return part

    def number_of(self, place: int) -> int:
        """See `CuttableSource.number_of`."""
        return place

    def __iter__(self) -> Iterator[Frame]:
        time, size, deep = 0.0, None, False
        with opener(self.path) as picture:
            for number in range(min(int(getattr(picture, "n_frames", 1)), self.stop)):
                try:
                    picture.seek(number)
                    image = rgb_of(picture)
                except (OSError, EOFError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
                    raise FormatError(f"{self.path}: picture {number} cannot be decoded ({error})") from error
                if is_deep(picture) and not deep:
                    deep = True
                    message = f"{self.path}: grey of more than 8 bits: each such picture is scaled by its own range"
                    warnings.warn(MotsWarning(message), stacklevel=2)
                if size is not None and image.shape[:2] != size:
                    raise FormatError(
                        f"{self.path}: picture {number} is {image.shape[:2]} after {size} (height, width)"
                    )
                size = image.shape[:2]
                if number >= self.start:
                    yield Frame(number, time if self.timed else number / self.frame_rate, image)
                time += float(picture.info.get("duration") or 1000.0 / self.frame_rate) / 1000.0
