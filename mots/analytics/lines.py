"""Lines that are crossed, by direction; each identity once per line and direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mots.analytics.feet import LiveFeet
from mots.analytics.paths import Path2D
from mots.analytics.scene import Line
from mots.classes import class_name
from mots.errors import InputError
from mots.labels import HasLabels, labels_of

__all__ = ["Crossing", "LineCounter", "crossings_of"]

FORWARD, BACKWARD = "forward", "backward"
HYSTERESIS = 0.08  # of the object's height in pixels: so far from the line a side counts as reached
LEAST_HYSTERESIS = 2.0  # pixels


@dataclass(frozen=True)
class Crossing:
    """One object that has crossed one line, at an interpolated time in seconds, seen in frame `frame`."""

    line: str
    direction: str
    track_id: int
    class_name: str
    time: float
    frame: int


@dataclass
class Passage:
    """Where one track is with respect to one line: the side that it has reached (-1 left, 1 right, 0 none), its last
    place and time, and where it was last on the line itself, with whether that was between the line's ends."""

    side: int = 0
    last: NDArray[np.float64] | None = None
    time: float = 0.0
    crossed_at: float = 0.0
    within: bool = False
    counted: set[str] = field(default_factory=set)

    def step(self, line: Line, point: NDArray[np.float64], time: float, height: float) -> tuple[str, float] | None:
        """The direction and the time of the crossing that the next place completes; None for none."""
        distance = signed_distance(line, point)
        if self.last is not None:
            before = signed_distance(line, self.last)
            if (before <= 0) != (distance <= 0):
                share = before / (before - distance)
                self.crossed_at = self.time + share * (time - self.time)
                self.within = is_within(line, self.last + share * (point - self.last))
        self.last, self.time = point, time
        side = int(np.sign(distance)) if abs(distance) >= max(HYSTERESIS * height, LEAST_HYSTERESIS) else 0
        if side == 0 or side == self.side:
            return None
        before_side, self.side = self.side, side
        direction = FORWARD if side > 0 else BACKWARD
        if before_side == 0 or not self.within or direction in self.counted:
            return None
        self.counted.add(direction)
        return direction, self.crossed_at


def signed_distance(line: Line, point: NDArray[np.float64]) -> float:
    """Pixels from the line through both points: above 0 at the right hand of who walks along it on the picture."""
    (x1, y1), (x2, y2) = line.points
    length = float(np.hypot(x2 - x1, y2 - y1))
    return float(((x2 - x1) * (point[1] - y1) - (y2 - y1) * (point[0] - x1)) / length)


def is_within(line: Line, point: NDArray[np.float64]) -> bool:
    """Whether a point of the line lies between its ends."""
    way = line.points[1] - line.points[0]
    return bool(0.0 <= (point - line.points[0]) @ way / (way @ way) <= 1.0)


def crossings_of(paths: list[Path2D], lines: tuple[Line, ...]) -> list[Crossing]:
    """All crossings of smoothed paths, by time."""
    found: list[Crossing] = []
    for path in paths:
        for line in lines:
            passage = Passage()
            for k in range(len(path)):
                crossed = passage.step(line, path.points[k], float(path.times[k]), float(path.heights[k]))
                if crossed is not None:
                    direction, time = crossed
                    frame = int(path.frames[k])
                    found.append(Crossing(line.name, direction, path.track_id, path.class_name, time, frame))
    return sorted(found, key=lambda each: (each.time, each.line, each.track_id))


class LineCounter:
    """Counts the crossings of one line live: `update` takes frame after frame, of `mots.track` or `mots.Stream`.

    `counts`: by direction. The foot point is smoothed by what came before it, so a crossing is told a moment later than
    it happens; its time is that of the crossing. A track's memory is freed when the track ends. `names`: of classes
    that COCO does not have, id to name, as `stream.names`.
    """

    def __init__(self, line: Line, names: Mapping[int, str] | None = None) -> None:
        if not isinstance(line, Line):
            raise InputError(f"line is a {type(line).__name__}: wanted a Line")
        self.line, self.names = line, dict(names or {})
        self.counts = {FORWARD: 0, BACKWARD: 0}
        self.passages: dict[int, Passage] = {}
        self.feet = LiveFeet()

    def update(self, frame: HasLabels) -> list[Crossing]:
        """The crossings that this frame completes."""
        labels = labels_of(frame)
        found = []
        for i, identity, place, height in self.feet.update(labels):
            passage = self.passages.setdefault(identity, Passage())
            crossed = passage.step(self.line, place, labels.time, height)
            if crossed is not None:
                direction, time = crossed
                self.counts[direction] += 1
                name = class_name(int(labels.classes[i]), self.names)
                found.append(Crossing(self.line.name, direction, identity, name, time, labels.frame))
        for identity in np.asarray(getattr(frame, "ended", ())).tolist():
            self.passages.pop(identity, None)
            self.feet.forget(identity)
        return found
