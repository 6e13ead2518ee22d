"""Prediction of boxes: a batched Kalman filter with decaying velocities, and the camera's motion.

The four measured numbers of a box (centre x, centre y, width, height) are filtered independently, so the covariance of
a track is four 2 x 2 matrices and no matrix is inverted. Times are in seconds: a missing frame, or an uneven frame
rate, only makes one step longer.

The velocity decays: the model is a correlated random walk whose velocity is an Ornstein-Uhlenbeck process (Johnson,
London, Lea, Durban: Continuous-time correlated random walk model for animal telemetry data, Ecology 89(5), 2008). So a
lost track comes to rest instead of moving on, and its size stays positive. One step of dt has exactly the uncertainty
of two steps of dt / 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled

__all__ = [
    "CUT",
    "STILL",
    "MotionSettings",
    "boxes_of",
    "follow_camera",
    "initiate",
    "predict",
    "spreads",
    "is_cut",
    "update",
]

STILL: NDArray[np.float64] = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # no camera motion
STILL.flags.writeable = False
CUT: NDArray[np.float64] = np.full((2, 3), np.nan)  # in place of a camera motion: the picture shows another scene
CUT.flags.writeable = False


@dataclass(frozen=True)
class MotionSettings:
    """Noise of the motion model. Lengths are in object sizes: the square root of the box's area."""

    measurement_noise: float = 0.06  # standard deviation of a detected centre, width or height, in object sizes
    acceleration_noise: float = 3.0  # strength of the white acceleration noise, in object sizes per second^1.5
    size_noise: float = 1.0  # the same for the change of width and height
    persistence: float = 1.5  # seconds in which a velocity without new detections falls to 1 / e
    size_persistence: float = 0.3  # the same for the change of width and height
    score_noise: float = 1.5  # how much the measurement noise grows as the score falls: by this share at a score of 0
    initial_speed: float = 3.0  # standard deviation of a new track's velocity, in object sizes per second


def is_cut(camera: NDArray[np.floating]) -> bool:
    """Whether a camera motion says that no point of the last frame is in this one (see `CUT`)."""
    return bool(np.isnan(camera).all())


def measurements(boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N, 4) centre x, centre y, width, height of boxes (N, 4) x1 y1 x2 y2."""
    boxes = np.asarray(boxes, np.float64)
    span = boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([boxes[:, :2] + span / 2, span], axis=1)


@compiled
def boxes_of(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 4) x1 y1 x2 y2 of the boxes in means (T, 4, 2); a width or height below 1 pixel counts as 1."""
    boxes = np.empty((len(means), 4))
    for t in range(len(means)):
        for k in range(2):
            half = max(means[t, 2 + k, 0], 1.0) / 2
            boxes[t, k], boxes[t, 2 + k] = means[t, k, 0] - half, means[t, k, 0] + half
    return boxes


def initiate(boxes: NDArray[np.floating], settings: MotionSettings) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means (N, 4, 2), value and velocity of each measured number, and covariances (N, 4, 2, 2) of new tracks."""
    measured = measurements(boxes)
    size = np.sqrt(np.maximum(measured[:, 2:], 1.0).prod(axis=1, keepdims=True))  # at least 1 pixel
    means = np.stack([measured, np.zeros_like(measured)], axis=2)
    covariances = np.zeros((len(measured), 4, 2, 2))
    covariances[:, :, 0, 0] = (settings.measurement_noise * size) ** 2
    covariances[:, :, 1, 1] = (settings.initial_speed * size) ** 2
    covariances[:, 2:, 1, 1] *= (settings.size_noise / settings.acceleration_noise) ** 2
    return means, covariances


class MotionModel(NamedTuple):
    """The fields of `MotionSettings` that prediction needs, for compiled functions."""

    acceleration_noise: float
    size_noise: float
    persistence: float
    size_persistence: float


def predict(
    means: NDArray[np.float64], covariances: NDArray[np.float64], dt: float, settings: MotionSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and covariances `dt` seconds later. dt = 0 changes nothing."""
    model = MotionModel(
        settings.acceleration_noise, settings.size_noise, settings.persistence, settings.size_persistence
    )
    return predicted(means, covariances, dt, model)


@compiled
def predicted(
    means: NDArray[np.float64], covariances: NDArray[np.float64], dt: float, model: MotionModel
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`predict` on arrays."""
    moved, grown = means.copy(), covariances.copy()
    for k in range(4):
        strength = model.acceleration_noise if k < 2 else model.size_noise
        span = model.persistence if k < 2 else model.size_persistence
        left = np.exp(-dt / span)  # share of a velocity that is left
        reach = span * -np.expm1(-dt / span)  # displacement of a velocity of 1
        spread = span * span * (dt - 2 * reach + span * -np.expm1(-2 * dt / span) / 2)
        if dt < 1e-3 * span:  # the difference above is rounding alone there; its series instead
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
    scores: NDArray[np.floating] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and covariances after K tracks were matched with boxes (K, 4) of these scores (K,); without them, of 1."""
    scores = np.ones(len(boxes), np.float32) if scores is None else scores
    return updated(means, covariances, boxes, scores, settings.measurement_noise, settings.score_noise)


@compiled
def updated(
    means: NDArray[np.float64],
    covariances: NDArray[np.float64],
    boxes: NDArray[np.floating],
    scores: NDArray[np.floating],
    measurement_noise: float,
    score_noise: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`update` on arrays."""
    corrected, shrunk = means.copy(), covariances.copy()
    measured = np.empty(4)
    for t in range(len(means)):
        for k in range(2):
            low, span = np.float64(boxes[t, k]), np.float64(boxes[t, 2 + k]) - np.float64(boxes[t, k])
            measured[k], measured[2 + k] = low + span / 2, span
        deviation = measurement_noise * (1.0 + score_noise * (1.0 - np.float64(scores[t])))
        noise = deviation * deviation * max(measured[2], 1.0) * max(measured[3], 1.0)
        for k in range(4):
            p00, p01, p11 = covariances[t, k, 0, 0], covariances[t, k, 0, 1], covariances[t, k, 1, 1]
            gain, speed_gain = p00 / (p00 + noise), p01 / (p00 + noise)
            away = measured[k] - means[t, k, 0]
            corrected[t, k, 0] += gain * away
            corrected[t, k, 1] += speed_gain * away
            # Joseph's form keeps the covariance symmetric and positive in spite of rounding.
            a, b = 1.0 - gain, -speed_gain
            shrunk[t, k, 0, 0] = a * a * p00 + gain * gain * noise
            shrunk[t, k, 0, 1] = shrunk[t, k, 1, 0] = a * (b * p00 + p01) + gain * speed_gain * noise
            shrunk[t, k, 1, 1] = b * b * p00 + 2 * b * p01 + p11 + speed_gain * speed_gain * noise
    return corrected, shrunk


def spreads(
    means: NDArray[np.float64], covariances: NDArray[np.float64], settings: MotionSettings
) -> NDArray[np.float64]:
    """(T, 2) variances of the predicted centres x y, the noise of a detection included."""
    return centre_variances(means, covariances, settings.measurement_noise)


@compiled
def centre_variances(
    means: NDArray[np.float64], covariances: NDArray[np.float64], measurement_noise: float
) -> NDArray[np.float64]:
    """`spreads` on arrays."""
    variances = np.empty((len(means), 2))
    for t in range(len(means)):
        noise = measurement_noise * measurement_noise * max(means[t, 2, 0], 1.0) * max(means[t, 3, 0], 1.0)
        for k in range(2):
            variances[t, k] = covariances[t, k, 0, 0] + noise
    return variances


def follow_camera(
    means: NDArray[np.float64], covariances: NDArray[np.float64], camera: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and covariances in the new frame's pixels, after the camera moved points by the affine map (2, 3).

    Positions and velocities are mapped; widths and heights grow by the square root of the map's area change. The two
    axes of a covariance are mixed by the squares of the map's entries, which is exact for translation and scaling.
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
