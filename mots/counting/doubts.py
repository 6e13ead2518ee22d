"""Crossings that rest on little: of short tracks, and over a gap in which the identity was given again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mots.analytics.lines import Crossing
from mots.analytics.paths import Path2D

__all__ = ["Doubt", "doubts_of"]

SHORT = 0.5  # seconds: a track that is seen for less may be no object, or a part of one
GAP = 1.0  # seconds without a row, after which the identity has been given again by place or appearance


@dataclass(frozen=True)
class Doubt:
    """A crossing and why it is in doubt: `short`, or `joined`."""

    crossing: Crossing
    reason: str


def doubts_of(crossings: Iterable[Crossing], paths: Iterable[Path2D]) -> list[Doubt]:
    """The crossings of tracks that are shorter than SHORT, and those for which a track's both sides of the line are
    known only over a gap longer than GAP."""
    by_track = {path.track_id: path for path in paths}
    found = []
    for crossing in crossings:
        times = by_track[crossing.track_id].times
        if times[-1] - times[0] < SHORT:
            found.append(Doubt(crossing, "short"))
            continue
        gaps = np.flatnonzero(np.diff(times) > GAP)
        if any(times[k] <= crossing.time <= times[k + 1] for k in gaps.tolist()):
            found.append(Doubt(crossing, "joined"))
    return found
