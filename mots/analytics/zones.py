"""Zones: who is in them, from when to when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mots.analytics.paths import LONGEST_GAP, Path2D
from mots.analytics.scene import Zone

__all__ = ["Visit", "is_inside", "visits_of"]

LEAST_STAY = 0.2  # seconds: a shorter visit, or a shorter absence between two, is jitter at the border


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


def visits_of(paths: list[Path2D], zones: tuple[Zone, ...]) -> list[Visit]:
    """All visits of smoothed paths, by time. A gap of more than LONGEST_GAP seconds ends a visit."""
    found: list[Visit] = []
    for path in paths:
        for zone in zones:
            spans = stays(path.times, is_inside(zone, path.points))
            found += [Visit(zone.name, path.track_id, path.class_name, enter, leave) for enter, leave in spans]
    return sorted(found, key=lambda each: (each.enter, each.zone, each.track_id))


def stays(times: NDArray[np.float64], inside: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """The spans of time inside, without those that are shorter than LEAST_STAY, and over such absences."""
    spans: list[list[float]] = []
    for k, (now, here) in enumerate(zip(times.tolist(), inside.tolist(), strict=True)):
        if not here:
            continue
        goes_on = k > 0 and inside[k - 1] and now - times[k - 1] <= LONGEST_GAP
        if goes_on or (spans and now - spans[-1][1] <= LEAST_STAY):
            spans[-1][1] = now
        else:
            spans.append([now, now])
    return [(enter, leave) for enter, leave in spans if leave - enter >= LEAST_STAY]
