"""Captions of objects: where each stands, so that none covers another and none leaves the picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.rendering.palette import text_colour

__all__ = ["Captions", "placed"]

Box = tuple[int, int, int, int]  # x1 y1 x2 y2 in pixels, half-open
PADDING = 3  # pixels between a text and the edge of its ground
STEPS = 12  # how many heights of a caption it may move away from its object


class Captions:
    """Draws texts beside boxes. `scale`: of OpenCV's letters, of which 1 is about 22 pixels high."""

    def __init__(self, cv2: Any, scale: float) -> None:
        self.cv2, self.scale = cv2, scale
        self.font = cv2.FONT_HERSHEY_SIMPLEX
        self.sizes: dict[str, tuple[int, int, int]] = {}

    def size_of(self, text: str) -> tuple[int, int, int]:
        """Width and height of a text, and how far letters reach below their line, in pixels."""
        if text not in self.sizes:
            if len(self.sizes) > 10_000:  # a stream of days has many ids
                self.sizes.clear()
            (wide, high), below = self.cv2.getTextSize(text, self.font, self.scale, 1)
            self.sizes[text] = wide, high, below
        return self.sizes[text]

    def draw(
        self,
        canvas: NDArray[np.uint8],
        texts: Sequence[str],
        boxes: Sequence[Box],
        colours: Sequence[tuple[int, int, int]],
        order: Sequence[int],
    ) -> None:
        """Draw a text for each box on a canvas (H, W, 3); `order`: who chooses its place first. A caption for which
        there is no free place is left out."""
        sizes = [self.size_of(text) for text in texts]
        grounds = [(wide + 2 * PADDING, high + below + 2 * PADDING) for wide, high, below in sizes]
        places = placed([boxes[k] for k in order], [grounds[k] for k in order], (canvas.shape[0], canvas.shape[1]))
        for k, place in zip(order, places, strict=True):
            if place is None:
                continue
            x1, y1, x2, y2 = place
            canvas[y1:y2, x1:x2] = colours[k]
            line = (x1 + PADDING, y2 - PADDING - sizes[k][2])
            ink = text_colour(colours[k])
            self.cv2.putText(canvas, texts[k], line, self.font, self.scale, ink, 1, self.cv2.LINE_AA)


def placed(boxes: Sequence[Box], sizes: Sequence[tuple[int, int]], frame: tuple[int, int]) -> list[Box | None]:
    """A place for the caption of each box: the nearest one inside the frame (height, width) that covers no earlier
    caption; None where there is none. `sizes`: (width, height) of each caption."""
    taken = np.zeros((0, 4), np.int64)
    found: list[Box | None] = []
    for box, (wide, high) in zip(boxes, sizes, strict=True):
        place = None
        if wide <= frame[1] and high <= frame[0]:
            for left, top in candidates(box, wide, high):
                x1 = min(max(left, 0), frame[1] - wide)
                y1 = min(max(top, 0), frame[0] - high)
                x2, y2 = x1 + wide, y1 + high
                covers = (taken[:, 0] < x2) & (taken[:, 2] > x1) & (taken[:, 1] < y2) & (taken[:, 3] > y1)
                if not covers.any():
                    place = (x1, y1, x2, y2)
                    taken = np.concatenate([taken, np.array([place])])
                    break
        found.append(place)
    return found


def candidates(box: Box, wide: int, high: int) -> Iterator[tuple[int, int]]:
    """Places of a caption's upper left corner: above the box, in it at the top, below, beside, then farther away."""
    x1, y1, x2, y2 = box
    centre = (x1 + x2 - wide) // 2
    for top in (y1 - high, y1, y2, y2 - high):
        for left in (x1, centre, x2 - wide):
            yield left, top
    middle = (y1 + y2 - high) // 2
    yield from ((x2, y1), (x1 - wide, y1), (x2, middle), (x1 - wide, middle))
    for step in range(1, STEPS + 1):
        for top in (y1 - high * (step + 1), y1 + high * step):
            for left in (centre, centre - wide * step // 2, centre + wide * step // 2):
                yield left, top
