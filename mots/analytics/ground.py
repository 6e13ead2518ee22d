"""From the picture to metres on the ground: distances and speeds with their uncertainty."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mots.analytics.feet import foot_points
from mots.analytics.paths import LONGEST_GAP, Path2D, fitted_line
from mots.errors import InputError
from mots.labels import HasLabels, labels_of
from mots.trackers.compiled import compiled

__all__ = ["Ground", "GroundPath", "Motion", "SpeedMeter", "ground_path", "motion_of"]

SPEED_SPAN = 0.5  # seconds on each side of a moment over which a speed is measured
WIDEST_SPAN = 2.0  # and so many at most, where it is unsure
NOISE_SHARE = 0.1  # of a speed: a larger noise is unsure
MOST_ALIKE = 0.95  # correlation of neighbouring errors
LEAST_POINTS = 4  # places within the span that a speed needs


class Ground:
    """A plane that is seen by a camera: `to_metres` maps points of the picture (N, 2) to the ground.

    From four or more pairs of points, by the direct linear transform with normalised coordinates (Hartley and
    Zisserman, Multiple View Geometry, 2nd edition, algorithm 4.2). `error`: metres by which the pairs miss each other,
    root mean square; 0 with four. Raises InputError for points that give no map, as where three lie on one line.
    """

    def __init__(self, image: NDArray[np.float64], metres: NDArray[np.float64]) -> None:
        try:
            image, metres = np.asarray(image, np.float64), np.asarray(metres, np.float64)
        except (TypeError, ValueError):
            raise InputError("the ground needs four or more pairs of points [x, y]") from None
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


@dataclass(frozen=True, eq=False)
class GroundPath:
    """A path on the ground: `times` (N,) seconds, `places` (N, 2) metres, `speeds` (N,) metres a second and `noises`
    (N,) their standard deviations, nan where there are too few places."""

    track_id: int
    class_name: str
    times: NDArray[np.float64]
    places: NDArray[np.float64]
    speeds: NDArray[np.float64]
    noises: NDArray[np.float64]

    def speed_at(self, time: float) -> float:
        """The speed at a moment in metres a second; nan where it is not known."""
        if not len(self.times):
            return float("nan")
        k = int(np.abs(self.times - time).argmin())
        return float(self.speeds[k]) if abs(float(self.times[k]) - time) <= SPEED_SPAN else float("nan")


def ground_path(path: Path2D, ground: Ground) -> GroundPath:
    """A path's places and speeds on the ground.

    Each speed is that of a straight line through the places on the ground within SPEED_SPAN seconds on each side, or
    twice and four times as many where its noise is more than NOISE_SHARE of it. The noise follows from the places'
    distances to that line (the standard error of a slope in linear regression, with the effective number of places
    where neighbouring distances are alike: n (1 - r) / (1 + r), Bartlett 1935). A speed v whose noise is s counts
    as sqrt(max(v^2 - 2 s^2, 0)), as noise adds to the mean of the square, in two dimensions, 2 s^2. Gaps of more than
    LONGEST_GAP seconds, and places where the frame's edge cuts the object, count for nothing.
    """
    places = ground.to_metres(path.raw)
    good = np.isfinite(places).all(axis=1)
    if np.count_nonzero(good & ~path.cut) >= LEAST_POINTS:
        good &= ~path.cut  # the middle of a part moves slower than the whole
    times, places = path.times[good], np.ascontiguousarray(places[good])
    speeds, noises = speeds_of(times, places, SPEED_SPAN, LONGEST_GAP, WIDEST_SPAN)
    return GroundPath(path.track_id, path.class_name, times, places, speeds, noises)


def motion_of(path: GroundPath) -> Motion:
    """How far and how fast a path goes: distance is the sum of its speeds over time, without what noise adds to it.
    nan where there are too few places."""
    times, speeds = path.times, path.speeds
    if not np.isfinite(speeds).any():
        return Motion(path.track_id, path.class_name, *(float("nan"),) * 4)
    steps = np.diff(times)
    between = (steps <= LONGEST_GAP) & np.isfinite(speeds[1:]) & np.isfinite(speeds[:-1])
    travelled = float((steps * (speeds[1:] + speeds[:-1]) / 2)[between].sum())
    seconds = float(steps[between].sum())
    mean = travelled / seconds if seconds else float(np.nanmean(speeds))
    noise = float(np.sqrt(np.nanmean(path.noises**2)))
    return Motion(path.track_id, path.class_name, travelled, mean, float(np.nanmax(speeds)), noise)


@compiled
def speeds_of(
    times: NDArray[np.float64], places: NDArray[np.float64], span: float, longest_gap: float, widest: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N,) metres a second at each place (N, 2), and the standard deviation of each; see `ground_path`."""
    speeds, noises = np.full(len(times), np.nan), np.full(len(times), np.nan)
    for i in range(len(times)):
        now = span
        while True:
            first = last = i
            while first > 0 and times[i] - times[first - 1] <= now and times[first] - times[first - 1] <= longest_gap:
                first -= 1
            while last < len(times) and times[last] - times[i] <= now:
                if last > i and times[last] - times[last - 1] > longest_gap:
                    break
                last += 1
            count = last - first
            if count >= LEAST_POINTS:
                t, p = times[first:last] - times[i], places[first:last]
                value, slope = fitted_line(t, p, np.ones(count))
                errors = np.empty((count, 2))
                for k in range(count):
                    errors[k, 0] = p[k, 0] - value[0] - t[k] * slope[0]
                    errors[k, 1] = p[k, 1] - value[1] - t[k] * slope[1]
                squares = (errors**2).sum()
                # Steps and masks that breathe make neighbouring errors alike: there is less to learn from them.
                alike = (errors[1:] * errors[:-1]).sum() / max(squares, 1e-18)
                alike = min(max(alike, 0.0), MOST_ALIKE)
                variance = squares / (2 * max(count - 2, 1)) * (1.0 + alike) / (1.0 - alike)
                noise = np.sqrt(variance / max(((t - t.mean()) ** 2).sum(), 1e-12))
                speed = np.sqrt(slope[0] ** 2 + slope[1] ** 2)
                speeds[i], noises[i] = np.sqrt(max(speed**2 - 2.0 * noise**2, 0.0)), noise
                if noise <= NOISE_SHARE * speed:
                    break
            if now >= widest:
                break
            now = min(2 * now, widest)
    return speeds, noises


class SpeedMeter:
    """Speeds on the ground, live: `update` gives metres a second by track, from the places of the last second."""

    def __init__(self, ground: Ground) -> None:
        if not isinstance(ground, Ground):
            raise InputError(f"ground is a {type(ground).__name__}: wanted a Ground")
        self.ground = ground
        self.places: dict[int, deque[tuple[float, float, float]]] = {}

    def update(self, frame: HasLabels) -> dict[int, float]:
        """The speed of each track in this frame; those with too few places are left out."""
        labels = labels_of(frame)
        metres = self.ground.to_metres(foot_points(labels.masks)) if len(labels) else np.zeros((0, 2))
        speeds: dict[int, float] = {}
        for identity, (x, y) in zip(labels.ids.tolist(), metres.tolist(), strict=True):
            if not np.isfinite([x, y]).all():
                continue
            places = self.places.setdefault(identity, deque())
            places.append((labels.time, x, y))
            while labels.time - places[0][0] > 2 * SPEED_SPAN:
                places.popleft()
            if len(places) >= LEAST_POINTS:
                rows = np.array(places)
                found, _ = speeds_of(rows[:, 0].copy(), rows[:, 1:].copy(), 2 * SPEED_SPAN, LONGEST_GAP, 0.0)
                if np.isfinite(found[-1]):
                    speeds[identity] = float(found[-1])
        for identity in np.asarray(getattr(frame, "ended", ())).tolist():
            self.places.pop(identity, None)
        return speeds
