"""Players: distance, top speed and sprints of each track."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mots.analytics.ground import GroundPath, Motion
from mots.analytics.paths import LONGEST_GAP

__all__ = ["Player", "player_of"]

SPRINT = 25.0 / 3.6  # metres a second: FIFA's reports of tournaments call 25 km/h and more sprinting
LEAST_SPRINT = 0.5  # seconds: a shorter one is noise


@dataclass(frozen=True)
class Player:
    """What one track did: see `Motion`; `sprints` and the metres in them."""

    track_id: int
    class_name: str
    team: str
    distance_m: float
    top_mps: float
    sprints: int
    sprint_m: float


def player_of(motion: Motion, ground: GroundPath, teams: Mapping[int, str]) -> Player:
    """A track's numbers. `teams`: by track; "" where there are none."""
    sprints, metres = 0, 0.0
    begin: int | None = None
    fast = np.nan_to_num(ground.speeds, nan=0.0) >= SPRINT
    times = ground.times
    for k in range(len(times) + 1):
        goes_on = k < len(times) and bool(fast[k]) and (begin is None or times[k] - times[k - 1] <= LONGEST_GAP)
        if goes_on and begin is None:
            begin = k
        elif not goes_on and begin is not None:
            if times[k - 1] - times[begin] >= LEAST_SPRINT:
                sprints += 1
                speeds = ground.speeds[begin:k]
                metres += float((np.diff(times[begin:k]) * (speeds[1:] + speeds[:-1]) / 2).sum())
            begin = k if k < len(times) and fast[k] else None
    team = teams.get(motion.track_id, "")
    return Player(motion.track_id, motion.class_name, team, motion.distance_m, motion.top_mps, sprints, metres)
