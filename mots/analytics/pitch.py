"""Templates of sports fields, in metres: their size and their lines, for the view from above.

The origin is a corner; x goes along the longer side, y along the shorter one. Measures are those of the laws of each
game: IFAB Laws of the Game 2024/25, law 1 (the pitch of international matches); FIBA Official Basketball Rules 2024,
article 2; IIHF Official Rule Book 2023/24, section 1; IHF Rules of the Game 2022, rule 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["TEMPLATES", "Pitch", "template"]

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pitch:
    """`length`, `width`: metres. `lines`: each (K, 2) x y in metres, drawn from point to point."""

    name: str
    length: float
    width: float
    lines: tuple[Points, ...]


def box(x1: float, y1: float, x2: float, y2: float) -> Points:
    """A rectangle."""
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2], [x1, y1]])


def arc(x: float, y: float, radius: float, start: float = 0.0, stop: float = 360.0) -> Points:
    """Part of a circle, from and to degrees, of which 90 is along y."""
    angles = np.radians(np.linspace(start, stop, max(int(abs(stop - start) / 5), 2) + 1))
    return np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)


def both_ends(length: float, lines: Sequence[Points]) -> list[Points]:
    """Lines of the end at x = 0, and the same at the other end."""
    return [*lines, *(np.stack([length - line[:, 0], line[:, 1]], axis=1) for line in lines)]


def football() -> Pitch:
    """105 x 68 m."""
    length, width = 105.0, 68.0
    middle = width / 2
    half = float(np.degrees(np.arccos(5.5 / 9.15)))  # the arc outside the penalty area
    ends = both_ends(
        length,
        [
            box(0, middle - 20.16, 16.5, middle + 20.16),
            box(0, middle - 9.16, 5.5, middle + 9.16),
            arc(11, middle, 9.15, -half, half),
            arc(11, middle, 0.2),
            arc(0, 0, 1, 0, 90),
            arc(0, width, 1, -90, 0),
        ],
    )
    centre = [np.array([[length / 2, 0], [length / 2, width]]), arc(length / 2, middle, 9.15)]
    return Pitch("football", length, width, (box(0, 0, length, width), *centre, *ends))


def basketball() -> Pitch:
    """28 x 15 m."""
    length, width = 28.0, 15.0
    middle = width / 2
    reach = float(np.degrees(np.arcsin((middle - 0.9) / 6.75)))  # where the three-point arc meets its straight parts
    straight = 1.575 + 6.75 * float(np.cos(np.radians(reach)))
    ends = both_ends(
        length,
        [
            box(0, middle - 2.45, 5.8, middle + 2.45),
            arc(5.8, middle, 1.8, -90, 90),
            arc(1.575, middle, 6.75, -reach, reach),
            np.array([[0, 0.9], [straight, 0.9]]),
            np.array([[0, width - 0.9], [straight, width - 0.9]]),
            arc(1.575, middle, 1.25, -90, 90),
        ],
    )
    centre = [np.array([[length / 2, 0], [length / 2, width]]), arc(length / 2, middle, 1.8)]
    return Pitch("basketball", length, width, (box(0, 0, length, width), *centre, *ends))


def hockey() -> Pitch:
    """Ice hockey: 60 x 30 m, corners of 8.5 m."""
    length, width, corner = 60.0, 30.0, 8.5
    middle = width / 2
    border = np.concatenate(
        [
            arc(corner, corner, corner, 180, 270),
            arc(length - corner, corner, corner, 270, 360),
            arc(length - corner, width - corner, corner, 0, 90),
            arc(corner, width - corner, corner, 90, 180),
            np.array([[0.0, corner]]),
        ]
    )
    ends = both_ends(
        length,
        [
            np.array([[4.0, 1.6], [4.0, width - 1.6]]),  # goal line
            np.array([[22.86, 0], [22.86, width]]),  # blue line
            arc(4, middle, 1.8, -90, 90),
            arc(10, middle - 7, 4.5),
            arc(10, middle + 7, 4.5),
        ],
    )
    centre = [np.array([[length / 2, 0], [length / 2, width]]), arc(length / 2, middle, 4.5)]
    return Pitch("hockey", length, width, (border, *centre, *ends))


def handball() -> Pitch:
    """40 x 20 m."""
    length, width = 40.0, 20.0
    middle = width / 2

    def around_goal(radius: float) -> Points:
        """A line at a distance from the goal of 3 m: two quarter circles and a straight part."""
        line = np.concatenate([arc(0, middle - 1.5, radius, -90, 0), arc(0, middle + 1.5, radius, 0, 90)])
        return np.asarray(line[(line[:, 1] >= 0) & (line[:, 1] <= width)])

    seven = np.array([[7, middle - 0.5], [7, middle + 0.5]])
    ends = both_ends(length, [around_goal(6.0), around_goal(9.0), seven])
    centre = [np.array([[length / 2, 0], [length / 2, width]])]
    return Pitch("handball", length, width, (box(0, 0, length, width), *centre, *ends))


MAKERS = {"football": football, "basketball": basketball, "hockey": hockey, "handball": handball}
TEMPLATES = tuple(MAKERS)


def template(name: str) -> Pitch:
    """The pitch of a name of TEMPLATES."""
    return MAKERS[name]()
