"""A sequence of image files."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from mots.errors import FormatError, InputError, MotsWarning
from mots.names import beginnings, natural_key, ordered
from mots.video.frame import Frame
from mots.video.images import MAX_MEGAPIXELS, picture_count, read_rgb

__all__ = ["IMAGE_ENDINGS", "ImageFiles"]

IMAGE_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"}


class ImageFiles:
    """Image files in the order of their numbers, or of their names where they have none (see `names.ordered`).

    An image that cannot be decoded is skipped with a MotsWarning; its number and its time stay free. Grey pictures of
    more than 8 bits are scaled by their own range, with one warning. Iterating raises FormatError for an image of
    another size, and when no image can be read. `max_megapixels`: larger images count as damaged. `in_order`:
    the paths are in the frames' order already, and are counted from 0.
    """

    live = False
    independent = True  # of what is done meanwhile: it can be read ahead

    def __init__(
        self,
        name: str,
        paths: Sequence[Path],
        frame_rate: float,
        max_megapixels: float = MAX_MEGAPIXELS,
        in_order: bool = False,
    ) -> None:
        if not frame_rate > 0:
            raise InputError(f"a frame rate of {frame_rate}: wanted frames a second, above 0")
        self.name = name
        self.frame_rate = frame_rate
        self.max_megapixels = max_megapixels
        self.numbered = list(enumerate(paths)) if in_order else numbered(paths)
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
        size: tuple[int, int] | None = None
        told: set[str] = set()  # what was warned of once
        for number, path in self.numbered:
            try:
                image, deep = read_rgb(path, self.max_megapixels)
                count = picture_count(path, self.max_megapixels)
            except (OSError, SyntaxError, ValueError) as error:
                if number >= self.warn_from:
                    warnings.warn(MotsWarning(f"{path}: frame {number} is skipped: {error}"), stacklevel=2)
                continue
            if deep:
                warn_once(told, f"{path}: grey of more than 8 bits: each such picture is scaled by its own range")
            if count > 1:
                warn_once(told, f"{path}: holds several pictures: the first is used (name the file alone to track all)")
            if size is not None and image.shape[:2] != size:
                raise FormatError(
                    f"{path}: an image of {image.shape[0]} x {image.shape[1]} among ones of {size[0]} x {size[1]} "
                    "(height x width): put sequences of different sizes into folders of their own"
                )
            size = (image.shape[0], image.shape[1])
            yield Frame(number, (number - self.first) / self.frame_rate, image)
        if size is None and len(self.numbered) and self.numbered[0][0] == self.first:
            path = self.numbered[0][1]
            if len(self.numbered) == 1:
                raise FormatError(f"{path}: this image cannot be read")
            raise FormatError(f"{path.parent}: none of the {len(self.numbered)} images can be read")


def warn_once(told: set[str], message: str) -> None:
    """Warn unless the same was said of an earlier picture."""
    what = message.partition(": ")[2]
    if what not in told:
        told.add(what)
        warnings.warn(MotsWarning(message), stacklevel=3)


def numbered(paths: Sequence[Path]) -> list[tuple[int, Path]]:
    """Frame numbers and paths, in the order of frames; see `names.ordered`.

    Warnings tell of pictures without a number among others that have one, and of names that begin differently: all are
    then counted from 0.
    """
    base = os.path.commonpath([path.parent for path in paths])
    paths = sorted(paths)
    names = [os.path.relpath(path, base).replace(os.sep, "/") for path in paths]
    plain = [name for name in names if len(natural_key(name.rpartition(".")[0])) == 2]
    if plain and len(plain) < len(names):
        message = (
            f"{plain[0]} has no number in its name as others have: frames are counted from 0, in the order of names"
        )
        warnings.warn(MotsWarning(f"{base}: {message}"), stacklevel=3)
    begins = beginnings([name.rpartition(".")[0] for name in names])
    if begins is not None:
        first, second = list(dict.fromkeys(begins))[:2]
        message = (
            f"names begin with '{first}_' and with '{second}_': all are one sequence, counted from 0; name one with"
        )
        warnings.warn(MotsWarning(f"{base}: {message} a pattern, as in '{first}_*'"), stacklevel=3)
    return [(number, paths[place]) for number, place in ordered(names)]
