"""Pictures of where objects were: heat maps and paths, over a frame and from above."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from mots.analytics.ground import GroundPath
from mots.analytics.paths import LONGEST_GAP, Path2D
from mots.analytics.pitch import Pitch, template

__all__ = ["TopView", "heat_map", "paths_over"]

Colour = tuple[int, int, int]
Points = NDArray[np.float64]
GRASS, WHITE, GREY = (58, 110, 66), (245, 245, 245), (236, 238, 240)
SIDE = 900  # pixels of the longer side of a view from above
MARGIN = 0.04  # of its size around it
BLUR = 0.012  # of a picture's longer side: standard deviation of a heat map's blur


@dataclass(frozen=True)
class TopView:
    """A map of the ground: metres become pixels by `scale` and `origin`."""

    size: tuple[int, int]  # (height, width)
    scale: float
    origin: tuple[float, float]
    pitch: Pitch | None = None

    @staticmethod
    def of(places: Points, pitch: str = "") -> TopView:
        """A view of a pitch, or of all places (N, 2) in metres."""
        field = template(pitch) if pitch else None
        if field is not None:
            low, high = np.zeros(2), np.array([field.length, field.width])
        else:
            good = places[np.isfinite(places).all(axis=1)]
            low, high = (good.min(axis=0), good.max(axis=0)) if len(good) else (np.zeros(2), np.ones(2))
        spread = np.maximum(high - low, 0.1)
        border = MARGIN * spread.max()
        scale = SIDE / float((spread + 2 * border).max())
        wide, tall = np.ceil((spread + 2 * border) * scale).astype(int).tolist()
        left, top = (low - border).tolist()
        return TopView((tall, wide), scale, (left, top), field)

    def pixels(self, metres: Points) -> Points:
        """(N, 2) pixels of points (N, 2) in metres."""
        return np.asarray((np.asarray(metres) - self.origin) * self.scale)

    def ground(self) -> Image.Image:
        """The empty map, with the pitch's lines."""
        picture = Image.new("RGB", (self.size[1], self.size[0]), GREY if self.pitch is None else GRASS)
        if self.pitch is not None:
            draw = ImageDraw.Draw(picture)
            for line in self.pitch.lines:
                draw.line([tuple(point) for point in self.pixels(line).tolist()], fill=WHITE, width=2)
        return picture

    def paths(self, paths: Iterable[GroundPath], colour: Callable[[int], Colour]) -> Image.Image:
        """The paths, from above."""
        return drawn(self.ground(), ((p.track_id, p.times, self.pixels(p.places)) for p in paths), colour)

    def heat(self, paths: Iterable[GroundPath]) -> Image.Image:
        """Where time was spent, from above."""
        return heat_map(self.ground(), [(path.times, self.pixels(path.places)) for path in paths])


def paths_over(image: NDArray[np.uint8], paths: Iterable[Path2D], colour: Callable[[int], Colour]) -> Image.Image:
    """The smoothed paths over a frame (H, W, 3)."""
    return drawn(Image.fromarray(image), ((path.track_id, path.times, path.points) for path in paths), colour)


def drawn(
    picture: Image.Image, paths: Iterable[tuple[int, Points, Points]], colour: Callable[[int], Colour]
) -> Image.Image:
    """Paths (id, times, pixels) drawn into a picture at twice its size, so that lines are smooth."""
    large = picture.resize((picture.width * 2, picture.height * 2))
    draw = ImageDraw.Draw(large)
    width = max(2, round(max(large.size) / 500))
    for identity, times, points in paths:
        for part in parts_of(times, points):
            if len(part) > 1:
                line = [tuple(point) for point in (part * 2).tolist()]
                draw.line(line, fill=colour(identity), width=width, joint="curve")
    return large.resize(picture.size, Image.Resampling.LANCZOS)


def parts_of(times: Points, points: Points) -> list[Points]:
    """The parts of a path between its gaps."""
    return list(np.split(points, np.flatnonzero(np.diff(times) > LONGEST_GAP) + 1)) if len(times) else []


def heat_map(picture: Image.Image, paths: Sequence[tuple[Points, Points]]) -> Image.Image:
    """Seconds spent, as colour over a picture; paths are times (N,) and pixels (N, 2). A step over a gap counts for
    nothing."""
    seconds = np.zeros((picture.height, picture.width))
    for times, points in paths:
        steps = np.diff(times, append=times[-1:])
        good = (steps > 0) & (steps <= LONGEST_GAP) & np.isfinite(points).all(axis=1)
        x, y = np.floor(points[good]).astype(np.int64).T if good.any() else np.zeros((2, 0), np.int64)
        inside = (x >= 0) & (x < picture.width) & (y >= 0) & (y < picture.height)
        np.add.at(seconds, (y[inside], x[inside]), steps[good][inside])
    if not seconds.any():
        return picture
    radius = BLUR * max(picture.size)
    spread = gaussian_filter(seconds, radius)
    # The square root shows rare places too: few objects stand still, and their peaks would hide all others.
    level = np.sqrt(np.clip(spread / max(float(spread.max()), 1e-12), 0.0, 1.0))
    colours = inferno(level)
    share = np.clip(level * 1.6, 0.0, 0.85)[..., None]
    return Image.fromarray((np.asarray(picture) * (1 - share) + colours * share).astype(np.uint8))


def inferno(level: NDArray[np.floating]) -> NDArray[np.float64]:
    """(..., 3) colours from dark to bright of levels 0 to 1, in even steps of lightness: matplotlib's inferno, by seven
    of its colours."""
    stops = [(0, 0, 4), (51, 10, 95), (120, 28, 109), (186, 54, 85), (237, 105, 37), (251, 180, 26), (252, 255, 164)]
    places = np.linspace(0.0, 1.0, len(stops))
    return np.stack([np.interp(level, places, [stop[c] for stop in stops]) for c in range(3)], axis=-1)
