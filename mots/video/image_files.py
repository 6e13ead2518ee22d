"""A sequence of image files."""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mots.errors import FormatError, InputError, MotsWarning
from mots.video.frame import Frame

__all__ = ["IMAGE_ENDINGS", "ImageFiles"]

IMAGE_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"}


class ImageFiles:
    """Image files in the order of their numbers, or of their names where they have none.

    An image that cannot be decoded is skipped with a MotsWarning; its number and its time stay free. Iterating raises
    FormatError for an image of another size, and when no image can be read.
    """

    live = False

    def __init__(self, name: str, paths: list[Path], frame_rate: float) -> None:
        if not frame_rate > 0:
            raise InputError(f"a frame rate of {frame_rate}: wanted frames a second, above 0")
        self.name = name
        self.frame_rate = frame_rate
        self.numbered = numbered(paths)
        self.first = self.numbered[0][0]  # number of the frame at 0 seconds
        self.warn_from = self.first  # no warnings for skipped frames before this number
        self.length: int | None = len(self.numbered)

    def between(self, start: int, stop: int | None, lead: int = 0) -> ImageFiles:
        """See `CuttableSource.between`."""
        part = copy.copy(self)
        part.numbered = self.numbered[max(start - lead, 0) : stop]
        part.warn_from = self.number_of(start)
        part.length = len(part.numbered)
        return part

    def number_of(self, place: int) -> int:
        """See `CuttableSource.number_of`."""
        return self.numbered[place][0]

    def __iter__(self) -> Iterator[Frame]:
        from PIL import ImageOps

        from mots.video.images import open_image

        size: tuple[int, int] | None = None
        for number, path in self.numbered:
            try:
                image = np.asarray(ImageOps.exif_transpose(open_image(path)).convert("RGB"))
            except (OSError, SyntaxError, ValueError) as error:
                if number >= self.warn_from:
                    warnings.warn(MotsWarning(f"{path}: frame {number} is skipped: {error}"), stacklevel=2)
                continue
            if size is not None and image.shape[:2] != size:
                raise FormatError(
                    f"{path}: an image of {image.shape[0]} x {image.shape[1]} among ones of {size[0]} x {size[1]} "
                    "(height x width): put sequences of different sizes into folders of their own"
                )
            size = (image.shape[0], image.shape[1])
            yield Frame(number, (number - self.first) / self.frame_rate, image)
        if size is None and len(self.numbered) and self.numbered[0][0] == self.first:
            raise FormatError(f"{self.numbered[0][1].parent}: none of the {len(self.numbered)} images can be read")


def numbered(paths: list[Path]) -> list[tuple[int, Path]]:
    """Frame numbers of image files: the last number in each name; their order from 0 where those are not unique."""
    digits = [re.findall(r"\d+", path.stem) for path in paths]
    numbers = [int(each[-1]) if each else -1 for each in digits]
    if min(numbers) >= 0 and len(set(numbers)) == len(numbers) and max(numbers) < 2**31:
        return sorted(zip(numbers, paths, strict=True))
    return list(enumerate(sorted(paths)))
