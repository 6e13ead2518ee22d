"""Where tracks will be: a batched Kalman filter of speeds that last a while, and the camera's own motion.

The four measured numbers of a box (centre x, centre y, width, height) are filtered independently of each other, so the
covariance of a track is four 2 x 2 matrices and no matrix is ever inverted. Times are in seconds: a frame that is
missing, or a source of uneven frame rate, only makes one step longer.

Speeds last a while and die out: a correlated random walk, whose speed is an Ornstein-Uhlenbeck process (Johnson,
London, Lea, Durban: Continuous-time correlated random walk model for animal telemetry data, Ecology 89(5), 2008). So
who is out of sight does not run on for ever, and nobody shrinks to nothing. One step of dt is exactly as uncertain as
two of dt / 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled

__all__ = [
    "STILL",
    "MotionSettings",
    "boxes_of",
    "follow_camera",
    "initiate",
    "predict",
    "spreads",
    "squared_distances",
    "update",
]

STILL: NDArray[np.float64] = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # the camera did not move
STILL.flags.writeable = False


@dataclass(frozen=True)
class MotionSettings:
    """How far objects may stray. Lengths are in object sizes: the square root of the box's area."""

    measurement_noise: float = 0.06  # standard deviation of a detected centre, width or height, in object sizes
    acceleration_noise: float = 3.0  # white acceleration's strength, in object sizes per second^1.5
    size_noise: float = 1.0  # the same for the change of width and height
    persistence: float = 1.5  # seconds in which a speed that nothing confirms falls to 1 / e
    size_persistence: float = 0.3  # the same for the change of width and height
    initial_speed: float = 3.0  # standard deviation of a new track's speed, in object sizes per second


def sizes_of(lengths: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) object sizes, at least 1 pixel, of (N, 2) widths and heights."""
    lengths = np.maximum(np.asarray(lengths, np.float64), 1.0)
    return np.sqrt(lengths[:, 0] * lengths[:, 1])


def measurements(boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N, 4) centre x, centre y, width, height of boxes (N, 4) x1 y1 x2 y2."""
    boxes = np.asarray(boxes, np.float64)
    span = boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([boxes[:, :2] + span / 2, span], axis=1)


def boxes_of(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 4) x1 y1 x2 y2 of the boxes in means (T, 4, 2); a width or height below 1 pixel counts as 1."""
    centre, half = means[:, :2, 0], np.maximum(means[:, 2:, 0], 1.0) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def initiate(boxes: NDArray[np.floating], settings: MotionSettings) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means (N, 4, 2), position and speed of each measured number, and covariances (N, 4, 2, 2) of new tracks."""
    measured = measurements(boxes)
    size = sizes_of(measured[:, 2:])[:, None]
    means = np.stack([measured, np.zeros_like(measured)], axis=2)
    covariances = np.zeros((len(measured), 4, 2, 2))
    covariances[:, :, 0, 0] = (settings.measurement_noise * size) ** 2
    covariances[:, :, 1, 1] = (settings.initial_speed * size) ** 2
    covariances[:, 2:, 1, 1] *= (settings.size_noise / settings.acceleration_noise) ** 2
    return means, covariances


def predict(
    means: NDArray[np.float64], covariances: NDArray[np.float64], dt: float, settings: MotionSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and covariances `dt` seconds later. dt = 0 changes nothing."""
    return predicted(
        means,
        covariances,
        dt,
        settings.acceleration_noise,
        settings.size_noise,
        settings.persistence,
        settings.size_persistence,
    )


@compiled
def predicted(
    means: NDArray[np.float64],
    covariances: NDArray[np.float64],
    dt: float,
    acceleration: float,
    growth: float,
    persistence: float,
    size_persistence: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`predict` with its knobs."""
    moved, grown = means.copy(), covariances.copy()
    for k in range(4):
        strength, span = (acceleration, persistence) if k < 2 else (growth, size_persistence)
        left = np.exp(-dt / span)  # of a speed
        reach = span * -np.expm1(-dt / span)  # seconds that a speed is worth
        spread = span * span * (dt - 2 * reach + span * -np.expm1(-2 * dt / span) / 2)
        if dt < 1e-3 * span:  # where the difference above is rounding alone
            spread = dt**3 / 3 * (1 - 0.75 * dt / span)
        for t in range(len(means)):
            q = strength * strength * max(means[t, 2, 0], 1.0) * max(means[t, 3, 0], 1.0)
            p01, p11 = covariances[t, k, 0, 1], covariances[t, k, 1, 1]
            moved[t, k, 0] += reach * means[t, k, 1]
            moved[t, k, 1] *= left
            grown[t, k, 0, 0] += reach * (2 * p01 + reach * p11) + q * spread
            grown[t, k, 0, 1] = grown[t, k, 1, 0] = left * (p01 + reach * p11) + q * reach * reach / 2
            grown[t, k, 1, 1] = left * left * p11 + q * span * -np.expm1(-2 * dt / span) / 2
    return moved, grown


def update(
    means: NDArray[np.float64],
    covariances: NDArray[np.float64],
    boxes: NDArray[np.floating],
    settings: MotionSettings,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and covariances after K tracks were seen at boxes (K, 4)."""
    return updated(means, covariances, measurements(boxes), settings.measurement_noise)


@compiled
def updated(
    means: NDArray[np.float64], covariances: NDArray[np.float64], measured: NDArray[np.float64], deviation: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`update` with measurements (K, 4) and its knob."""
    seen, shrunk = means.copy(), covariances.copy()
    for t in range(len(means)):
        noise = deviation * deviation * max(measured[t, 2], 1.0) * max(measured[t, 3], 1.0)
        for k in range(4):
            p00, p01, p11 = covariances[t, k, 0, 0], covariances[t, k, 0, 1], covariances[t, k, 1, 1]
            gain, speed_gain = p00 / (p00 + noise), p01 / (p00 + noise)
            away = measured[t, k] - means[t, k, 0]
            seen[t, k, 0] += gain * away
            seen[t, k, 1] += speed_gain * away
            # Joseph's form keeps the covariance symmetric and positive whatever rounding does.
            a, b = 1.0 - gain, -speed_gain
            shrunk[t, k, 0, 0] = a * a * p00 + gain * gain * noise
            shrunk[t, k, 0, 1] = shrunk[t, k, 1, 0] = a * (b * p00 + p01) + gain * speed_gain * noise
            shrunk[t, k, 1, 1] = b * b * p00 + 2 * b * p01 + p11 + speed_gain * speed_gain * noise
    return seen, shrunk


def spreads(
    means: NDArray[np.float64], covariances: NDArray[np.float64], settings: MotionSettings
) -> NDArray[np.float64]:
    """(T, 2) variances of the predicted centres x y, the noise of a detection counted."""
    noise = (settings.measurement_noise * sizes_of(means[:, 2:, 0])[:, None]) ** 2
    wide: NDArray[np.float64] = covariances[:, :2, 0, 0] + noise
    return wide


def squared_distances(
    means: NDArray[np.float64],
    covariances: NDArray[np.float64],
    boxes: NDArray[np.floating],
    settings: MotionSettings,
) -> NDArray[np.float64]:
    """(T, N) squared Mahalanobis distance of each detected centre from each track's predicted one (2 numbers)."""
    measured = measurements(boxes)
    spread = spreads(means, covariances, settings)
    away = measured[None, :, :2] - means[:, None, :2, 0]  # (T, N, 2)
    distances: NDArray[np.float64] = (away**2 / spread[:, None, :]).sum(axis=2)
    return distances


def follow_camera(
    means: NDArray[np.float64], covariances: NDArray[np.float64], camera: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and covariances in the new frame's pixels, after the camera moved points by the affine map (2, 3).

    Positions and speeds are mapped; widths and heights grow by the square root of the map's area change. The two
    axes of a covariance are mixed by the squares of the map's entries, which is exact for shifts and zooms.
    """
    linear, shift = np.asarray(camera[:, :2], np.float64), np.asarray(camera[:, 2], np.float64)
    zoom = float(np.sqrt(abs(np.linalg.det(linear))))
    moved = means.copy()
    moved[:, :2, :] = np.einsum("ij,tjk->tik", linear, means[:, :2, :])
    moved[:, :2, 0] += shift
    moved[:, 2:, :] *= zoom
    mixed = covariances.copy()
    mixed[:, :2] = np.einsum("ij,tjkl->tikl", linear**2, covariances[:, :2])
    mixed[:, 2:] *= zoom**2
    return moved, mixed
