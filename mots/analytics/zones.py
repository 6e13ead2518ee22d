"""Zones: who is in them, from when to when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mots.analytics.paths import LONGEST_GAP, Path2D
from mots.analytics.scene import Zone

__all__ = ["Presence", "Visit", "depths", "is_inside", "visits_of"]

LEAST_STAY = 0.2  # seconds: a shorter visit, or a shorter absence between two, is jitter at the border
HYSTERESIS = 0.02  # of the object's height in pixels: so far from the border, in or out counts as reached
LEAST_HYSTERESIS = 1.0  # pixels


@dataclass(frozen=True)
class Visit:
    """One object's stay in one zone, in seconds from the source's start."""

    zone: str
    track_id: int
    class_name: str
    enter: float
    leave: float


def is_inside(zone: Zone, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(N,) which points (N, 2) lie inside a zone, by the even-odd rule."""
    x, y = points[:, 0], points[:, 1]
    inside = np.zeros(len(points), np.bool_)
    for (x1, y1), (x2, y2) in zip(zone.polygon, np.roll(zone.polygon, -1, axis=0), strict=True):
        between = (y1 <= y) != (y2 <= y)
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = x1 + (y - y1) * (x2 - x1) / (y2 - y1)
        inside ^= between & (x > crossing)
    return inside


def depths(zone: Zone, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) pixels from each point (N, 2) to the nearest place of a zone's border; below 0 outside."""
    nearest = np.full(len(points), np.inf)
    for start, end in zip(zone.polygon, np.roll(zone.polygon, -1, axis=0), strict=True):
        way = end - start
        share = np.clip((points - start) @ way / max(float(way @ way), 1e-12), 0.0, 1.0)
        nearest = np.minimum(nearest, np.linalg.norm(points - start - share[:, None] * way, axis=1))
    return np.where(is_inside(zone, points), nearest, -nearest)


def visits_of(paths: list[Path2D], zones: tuple[Zone, ...]) -> list[Visit]:
    """All visits of smoothed paths, by time. A gap of more than LONGEST_GAP seconds ends a visit."""
    found: list[Visit] = []
    for path in paths:
        margins = np.maximum(HYSTERESIS * path.heights, LEAST_HYSTERESIS)
        for zone in zones:
            spans = stays(path.times, depths(zone, path.points), margins)
            found += [Visit(zone.name, path.track_id, path.class_name, enter, leave) for enter, leave in spans]
    return sorted(found, key=lambda each: (each.enter, each.zone, each.track_id))


@dataclass
class Presence:
    """Whether one object is in one zone, as its depths are told one after another.

    In or out is reached at a depth of a margin; the moment is that at which the border itself was crossed.
    """

    time: float | None = None  # of the last depth
    depth: float = 0.0
    crossed: float = 0.0  # when the border was crossed last
    since: float | None = None  # inside since then; None outside

    def step(self, time: float, depth: float, margin: float) -> tuple[float, float] | None:
        """The stay that the next depth ends, from and to; None for none."""
        ended = None
        if self.time is not None and time - self.time > LONGEST_GAP:
            ended, self.time = self.end(), None
        if self.time is None:
            self.crossed, self.since = time, time if depth > 0 else None
        elif (self.depth > 0) != (depth > 0):
            self.crossed = self.time + (time - self.time) * self.depth / (self.depth - depth)
        self.time, self.depth = time, depth
        if self.since is None and depth >= margin:
            self.since = self.crossed
        elif self.since is not None and depth <= -margin:
            ended, self.since = (self.since, self.crossed), None
        return ended

    def end(self) -> tuple[float, float] | None:
        """The stay that goes on until the last depth; None for none."""
        stay = None if self.since is None or self.time is None else (self.since, self.time)
        self.since = None
        return stay


def stays(
    times: NDArray[np.float64], inside: NDArray[np.float64], margins: NDArray[np.float64]
) -> list[tuple[float, float]]:
    """The spans of time in a zone at these depths (N,), without those that are shorter than LEAST_STAY, and over such
    absences."""
    presence, found = Presence(), []
    for time, depth, margin in zip(times.tolist(), inside.tolist(), margins.tolist(), strict=True):
        found.append(presence.step(time, depth, margin))
    found.append(presence.end())
    spans: list[list[float]] = []
    for stay in found:
        if stay is None:
            continue
        if spans and stay[0] - spans[-1][1] <= LEAST_STAY:
            spans[-1][1] = stay[1]
        else:
            spans.append(list(stay))
    return [(enter, leave) for enter, leave in spans if leave - enter >= LEAST_STAY]
