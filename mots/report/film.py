"""The frames inside the page: small WebP pictures, of a size that keeps the page below its limit."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["Film", "jpeg_of", "plan_of"]

BUDGET = 30e6  # bytes of all pictures: as text they are a third more, and the page stays below 50 MB
WIDTHS = (960, 800, 640, 480, 360)  # pixels, tried in this order
BYTES_PER_PIXEL = 0.075  # of WebP at QUALITY, measured on street scenes
QUALITY = 60
MOST_FRAMES = 3000  # of a longer source, frames are left out evenly


@dataclass(frozen=True)
class FilmPlan:
    """Every so-many-th frame, `width` pixels wide."""

    every: int
    width: int


def plan_of(count: int, size: tuple[int, int]) -> FilmPlan:
    """How `count` frames of (height, width) fit into the page."""
    every = max(1, -(-count // MOST_FRAMES))
    kept = max(-(-count // every), 1)
    for width in WIDTHS:
        wide = min(width, size[1])
        if kept * wide * (wide * size[0] / size[1]) * BYTES_PER_PIXEL <= BUDGET:
            return FilmPlan(every, wide)
    return FilmPlan(every, min(WIDTHS[-1], size[1]))


@dataclass
class Film:
    """Collects the pictures as data URLs, and their bytes. Where they grow beyond the budget, quality falls."""

    width: int
    pictures: list[str] = field(default_factory=list)
    bytes: int = 0
    quality: int = QUALITY

    def add(self, image: NDArray[np.uint8], left: int) -> None:
        """Add a frame (H, W, 3); `left`: how many more are to come."""
        picture = Image.fromarray(image)
        if picture.width != self.width:
            height = max(round(picture.height * self.width / picture.width), 1)
            picture = picture.resize((self.width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
        content = io.BytesIO()
        picture.save(content, "WEBP", quality=self.quality, method=2)
        self.bytes += content.tell()
        mean = self.bytes / (len(self.pictures) + 1)
        if self.bytes + mean * left > BUDGET and self.quality > 15:
            self.quality -= 5
        self.pictures.append(data_url(content.getvalue(), "webp"))


def data_url(content: bytes, kind: str) -> str:
    """A picture inside the page."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def jpeg_of(picture: Image.Image) -> str:
    """A thumbnail inside the page."""
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=70, method=2)
    return data_url(content.getvalue(), "webp")
