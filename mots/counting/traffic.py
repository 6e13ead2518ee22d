"""Traffic at a line: speed of each crossing, and time and distance to the one before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from mots.analytics.ground import GroundPath
from mots.analytics.lines import Crossing

__all__ = ["Passing", "passings_of"]

KMH = 3.6  # km/h of a metre a second


@dataclass(frozen=True)
class Passing:
    """A crossing with its speed, the seconds since the one before it in the same direction of the same line (headway),
    and the metres that the object goes in them (gap, from foot point to foot point); nan where not known."""

    crossing: Crossing
    speed_kmh: float
    headway_s: float
    gap_m: float


def passings_of(crossings: Iterable[Crossing], grounds: Mapping[int, GroundPath]) -> list[Passing]:
    """The crossings in their order. `grounds`: the paths on the ground by track; may be empty."""
    found: list[Passing] = []
    before: dict[tuple[str, str], float] = {}
    for crossing in crossings:
        key = crossing.line, crossing.direction
        headway = crossing.time - before.get(key, np.nan)
        before[key] = crossing.time
        ground = grounds.get(crossing.track_id)
        speed = float("nan") if ground is None else ground.speed_at(crossing.time)
        found.append(Passing(crossing, speed * KMH, float(headway), float(headway) * speed))
    return found
