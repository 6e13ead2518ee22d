"""Frames from arrays in memory: a list, or any iterator of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.errors import InputError
from mots.video.frame import Frame

__all__ = ["Arrays", "checked_image"]

Image = NDArray[np.uint8]


class Arrays:
    """Images (H, W, 3) uint8 RGB, or pairs of an image and its time in seconds, numbered from 0.

    A list, a tuple or an array (F, H, W, 3) can be read again; any other iterable counts as live. Without times, a
    frame's time is its number / `frame_rate`. Iterating raises InputError for an array of another type or shape.
    """

    def __init__(self, images: Iterable[Image | tuple[Image, float]], frame_rate: float, name: str = "arrays") -> None:
        if not frame_rate > 0:
            raise InputError(f"a frame rate of {frame_rate}: wanted frames a second, above 0")
        self.images, self.frame_rate, self.name = images, frame_rate, name
        self.live = not isinstance(images, (Sequence, np.ndarray))
        self.length = len(images) if isinstance(images, Sized) else None

    def __iter__(self) -> Iterator[Frame]:
        size: tuple[int, ...] | None = None
        for number, item in enumerate(self.images):
            image, time = item if isinstance(item, tuple) and len(item) == 2 else (item, number / self.frame_rate)
            image = checked_image(image, f"frame {number} of the source")
            if size is not None and image.shape[:2] != size:
                raise InputError(f"frame {number} of the source is {image.shape[:2]} after {size} (height, width)")
            size = image.shape[:2]
            yield Frame(number, float(time), image)


def checked_image(image: Any, name: str) -> Image:
    """The image if it is an array (H, W, 3) uint8. Raises InputError that says what it is otherwise."""
    if (
        isinstance(image, np.ndarray)
        and image.dtype == np.uint8
        and image.ndim == 3
        and image.shape[2] == 3
        and image.size
    ):
        return image
    if isinstance(image, np.ndarray):
        raise InputError(f"{name} is an array {image.shape} of {image.dtype}: wanted (H, W, 3) uint8, in RGB order")
    raise InputError(f"{name} is a {type(image).__name__}: wanted an array (H, W, 3) uint8, in RGB order")
