"""Where tracks will be: a batched Kalman filter of nearly constant velocity, and the camera's own motion.

The four measured numbers of a box (centre x, centre y, width, height) are filtered independently of each other, so the
covariance of a track is four 2 x 2 matrices and no matrix is ever inverted. Times are in seconds: a frame that is
missing, or a source of uneven frame rate, only makes one step longer.

The process noise is white acceleration (Bar-Shalom, Li, Kirubarajan: Estimation with Applications to Tracking and
Navigation, 2001, section 6.2.2): one step of dt is exactly as uncertain as two of dt / 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["STILL", "MotionSettings", "boxes_of", "follow_camera", "initiate", "predict", "squared_distances", "update"]

STILL: NDArray[np.float64] = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # the camera did not move
STILL.flags.writeable = False


@dataclass(frozen=True)
class MotionSettings:
    """How far objects may stray. Lengths are in object sizes: the square root of the box's area."""

    measurement_noise: float = 0.06  # standard deviation of a detected centre, width or height, in object sizes
    acceleration_noise: float = 3.0  # white acceleration's strength, in object sizes per second^1.5
    size_noise: float = 1.0  # the same for the change of width and height
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
    size = sizes_of(means[:, 2:, 0])[:, None]
    strength = np.array([settings.acceleration_noise] * 2 + [settings.size_noise] * 2)
    q = (strength * size) ** 2
    moved = means.copy()
    moved[:, :, 0] += dt * means[:, :, 1]
    p00, p01, p11 = covariances[:, :, 0, 0], covariances[:, :, 0, 1], covariances[:, :, 1, 1]
    grown = np.empty_like(covariances)
    grown[:, :, 0, 0] = p00 + dt * (2 * p01 + dt * p11) + q * dt**3 / 3
    grown[:, :, 0, 1] = grown[:, :, 1, 0] = p01 + dt * p11 + q * dt**2 / 2
    grown[:, :, 1, 1] = p11 + q * dt
    return moved, grown


def update(
    means: NDArray[np.float64],
    covariances: NDArray[np.float64],
    boxes: NDArray[np.floating],
    settings: MotionSettings,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and covariances after K tracks were seen at boxes (K, 4)."""
    measured = measurements(boxes)
    noise = (settings.measurement_noise * sizes_of(measured[:, 2:])[:, None]) ** 2
    gain = covariances[:, :, :, 0] / (covariances[:, :, 0, 0] + noise)[:, :, None]  # (K, 4, 2)
    seen = means + gain * (measured - means[:, :, 0])[:, :, None]
    # Joseph's form keeps the covariance symmetric and positive whatever rounding does.
    rest = -gain
    rest[:, :, 0] += 1.0
    p00, p01, p11 = covariances[:, :, 0, 0], covariances[:, :, 0, 1], covariances[:, :, 1, 1]
    a, b = rest[:, :, 0], rest[:, :, 1]
    shrunk = np.empty_like(covariances)
    shrunk[:, :, 0, 0] = a * a * p00 + gain[:, :, 0] ** 2 * noise
    shrunk[:, :, 0, 1] = shrunk[:, :, 1, 0] = a * (b * p00 + p01) + gain[:, :, 0] * gain[:, :, 1] * noise
    shrunk[:, :, 1, 1] = b * b * p00 + 2 * b * p01 + p11 + gain[:, :, 1] ** 2 * noise
    return seen, shrunk


def squared_distances(
    means: NDArray[np.float64],
    covariances: NDArray[np.float64],
    boxes: NDArray[np.floating],
    settings: MotionSettings,
) -> NDArray[np.float64]:
    """(T, N) squared Mahalanobis distance of each detected centre from each track's predicted one (2 numbers)."""
    measured = measurements(boxes)
    noise = (settings.measurement_noise * sizes_of(means[:, 2:, 0])[:, None]) ** 2
    spread = covariances[:, :2, 0, 0] + noise  # (T, 2)
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
