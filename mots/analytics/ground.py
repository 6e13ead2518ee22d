"""From the picture to metres on the ground: distances and speeds with their uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mots.analytics.paths import LONGEST_GAP, Path2D, fitted_line
from mots.errors import InputError

__all__ = ["Ground", "Motion", "motion_of"]

SPEED_SPAN = 0.5  # seconds on each side of a moment over which a speed is measured
LEAST_POINTS = 4  # places within the span that a speed needs


class Ground:
    """A plane that is seen by a camera: `to_metres` maps points of the picture (N, 2) to the ground.

    From four or more pairs of points, by the direct linear transform with normalised coordinates (Hartley and
    Zisserman, Multiple View Geometry, 2nd edition, algorithm 4.2). `error`: metres by which the pairs miss each other,
    root mean square; 0 with four. Raises InputError for points that give no map, as where three lie on one line.
    """

    def __init__(self, image: NDArray[np.float64], metres: NDArray[np.float64]) -> None:
        image, metres = np.asarray(image, np.float64), np.asarray(metres, np.float64)
        if image.shape != metres.shape or image.ndim != 2 or image.shape[1] != 2 or len(image) < 4:
            raise InputError("the ground needs four or more pairs of points [x, y]")
        from_image, from_metres = normalising(image), normalising(metres)
        a, b = mapped(from_image, image), mapped(from_metres, metres)
        rows = []
        for (x, y), (u, v) in zip(a, b, strict=True):
            rows.append([-x, -y, -1, 0, 0, 0, u * x, u * y, u])
            rows.append([0, 0, 0, -x, -y, -1, v * x, v * y, v])
        _, values, vectors = np.linalg.svd(np.array(rows))
        plain = vectors[-1].reshape(3, 3)
        if values[7] < 1e-9 * values[0] or abs(np.linalg.det(plain)) < 1e-9:
            raise InputError("the ground's points give no map: three of four lie on one line, or two are the same")
        self.matrix = np.linalg.inv(from_metres) @ plain @ from_image
        depths = self.depths(image)
        if not (np.sign(depths) == np.sign(depths[0])).all():
            raise InputError("the ground's points give no map: the horizon lies between them")
        self.side = float(np.sign(depths[0]))
        self.error = float(np.sqrt(((self.to_metres(image) - metres) ** 2).sum(axis=1).mean()))

    def depths(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) the third homogeneous coordinate of points, whose sign tells on which side of the horizon they lie."""
        return np.asarray(points @ self.matrix[2, :2] + self.matrix[2, 2])

    def to_metres(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N, 2) metres of points (N, 2) in pixels; nan at the horizon and above it."""
        points = np.asarray(points, np.float64).reshape(-1, 2)
        depths = self.depths(points)
        below = (depths * self.side > 1e-12)[:, None]
        flat = points @ self.matrix[:2, :2].T + self.matrix[:2, 2]
        return np.asarray(np.divide(flat, depths[:, None], out=np.full(flat.shape, np.nan), where=below))


def normalising(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) the map that moves points to their centre and scales them to a mean distance of the square root of 2."""
    centre = points.mean(axis=0)
    scale = np.sqrt(2) / max(float(np.linalg.norm(points - centre, axis=1).mean()), 1e-12)
    return np.array([[scale, 0, -scale * centre[0]], [0, scale, -scale * centre[1]], [0, 0, 1]])


def mapped(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 2) points under an affine map (3, 3)."""
    return np.asarray(points @ matrix[:2, :2].T + matrix[:2, 2])


@dataclass(frozen=True)
class Motion:
    """How far and how fast one track went: metres, metres a second, and the standard deviation of its speed."""

    track_id: int
    class_name: str
    distance_m: float
    mean_mps: float
    top_mps: float
    uncertainty_mps: float


def motion_of(path: Path2D, ground: Ground) -> Motion:
    """The motion of a path. Each speed is that of a straight line through the places on the ground within SPEED_SPAN
    seconds on each side; distance is the sum of these speeds over time, without what noise adds to it; gaps of more
    than LONGEST_GAP seconds count for nothing. nan where there are too few places.

    The noise of a speed follows from the places' distances to their line (the standard error of a slope in linear
    regression). A speed v of which the noise is s counts as sqrt(max(v^2 - 2 s^2, 0)), as noise adds to the mean of the
    square, in two dimensions, 2 s^2.
    """
    places = ground.to_metres(path.raw)
    good = np.isfinite(places).all(axis=1)
    times, places = path.times[good], places[good]
    speeds, noises = np.full(len(times), np.nan), np.full(len(times), np.nan)
    parts = np.concatenate([[0], np.cumsum(np.diff(times) > LONGEST_GAP)]) if len(times) else np.zeros(0)
    for i, now in enumerate(times.tolist()):
        near = (np.abs(times - now) <= SPEED_SPAN) & (parts == parts[i])
        if np.count_nonzero(near) < LEAST_POINTS:
            continue
        t, p = times[near] - now, places[near]
        value, slope = fitted_line(t, p, np.ones(len(t)))
        errors = p - value - t[:, None] * slope
        variance = float((errors**2).sum() / (2 * max(len(t) - 2, 1)))
        noises[i] = np.sqrt(variance / max(float(((t - t.mean()) ** 2).sum()), 1e-12))
        speeds[i] = np.sqrt(max(float(slope @ slope) - 2.0 * noises[i] ** 2, 0.0))
    if not np.isfinite(speeds).any():
        return Motion(path.track_id, path.class_name, *(float("nan"),) * 4)
    steps = np.diff(times)
    between = (steps <= LONGEST_GAP) & np.isfinite(speeds[1:]) & np.isfinite(speeds[:-1])
    travelled = float((steps * (speeds[1:] + speeds[:-1]) / 2)[between].sum())
    seconds = float(steps[between].sum())
    mean = travelled / seconds if seconds else float(np.nanmean(speeds))
    noise = float(np.sqrt(np.nanmean(noises**2)))
    return Motion(path.track_id, path.class_name, travelled, mean, float(np.nanmax(speeds)), noise)
