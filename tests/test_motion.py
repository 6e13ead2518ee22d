import numpy as np
import pytest
from oracles import kalman_predict, kalman_update

from mots.trackers import motion
from mots.trackers.motion import STILL, MotionSettings

SETTINGS = MotionSettings()
BOXES = np.array([[10, 20, 50, 120], [0, 0, 30, 30]], np.float32)


def as_eight(means: np.ndarray, covariances: np.ndarray, i: int) -> tuple[np.ndarray, np.ndarray]:
    """Track i as one vector of 8 and one 8 x 8 matrix: positions, then speeds."""
    x = means[i].T.ravel()
    p = np.zeros((8, 8))
    for axis in range(4):
        p[np.ix_([axis, axis + 4], [axis, axis + 4])] = covariances[i, axis]
    return x, p


def moving() -> tuple[np.ndarray, np.ndarray]:
    means, covariances = motion.initiate(BOXES, SETTINGS)
    means[:, :, 1] = [[30, -10, 2, 1], [5, 6, 7, 8]]
    return means, covariances


def test_filter_is_the_textbook_one() -> None:
    means, covariances = moving()
    size = np.sqrt(np.prod(BOXES[:, 2:] - BOXES[:, :2], axis=1))
    strength = np.array([SETTINGS.acceleration_noise] * 2 + [SETTINGS.size_noise] * 2)
    spans = np.array([SETTINGS.persistence] * 2 + [SETTINGS.size_persistence] * 2)
    seen = BOXES + np.array([3, -2, 5, 1], np.float32)
    measured_size = np.sqrt(np.prod(seen[:, 2:] - seen[:, :2], axis=1))
    predicted = motion.predict(means, covariances, 0.2, SETTINGS)
    updated = motion.update(*predicted, seen, SETTINGS)
    for i in range(2):
        x, p = kalman_predict(*as_eight(means, covariances, i), 0.2, (strength * size[i]) ** 2, spans)
        assert as_eight(*predicted, i)[0] == pytest.approx(x)
        assert as_eight(*predicted, i)[1] == pytest.approx(p)
        r = np.full(4, (SETTINGS.measurement_noise * measured_size[i]) ** 2)
        x, p = kalman_update(x, p, motion.measurements(seen)[i], r)
        assert as_eight(*updated, i)[0] == pytest.approx(x)
        assert as_eight(*updated, i)[1] == pytest.approx(p)


def test_one_long_step_is_as_uncertain_as_two_short_ones() -> None:
    means, covariances = motion.initiate(BOXES, SETTINGS)
    means[:, :2, 1] = 40  # sizes do not change, so the noise strength does not either
    once = motion.predict(means, covariances, 0.7, SETTINGS)
    twice = motion.predict(*motion.predict(means, covariances, 0.3, SETTINGS), 0.4, SETTINGS)
    assert once[0] == pytest.approx(twice[0])
    assert once[1] == pytest.approx(twice[1])


def test_a_short_step_is_as_exact_as_a_long_one() -> None:
    means, covariances = motion.initiate(BOXES, SETTINGS)
    means[:, :2, 1] = 40
    for dt in (1e-5, 2.9e-4, 3.1e-4, 1.4e-3, 1.6e-3):  # on either side of where differences would be rounding alone
        once = motion.predict(means, 0 * covariances, 2 * dt, SETTINGS)
        twice = motion.predict(*motion.predict(means, 0 * covariances, dt, SETTINGS), dt, SETTINGS)
        assert once[0] == pytest.approx(twice[0], rel=1e-12)
        assert once[1] == pytest.approx(twice[1], rel=1e-5, abs=0)


def test_speeds_die_out_where_nothing_confirms_them() -> None:
    means, covariances = motion.initiate(BOXES, SETTINGS)
    means[:, :, 1] = 40
    late, _ = motion.predict(means, covariances, 100.0, SETTINGS)
    assert late[:, :2, 0] == pytest.approx(means[:, :2, 0] + 40 * SETTINGS.persistence)
    assert late[:, 2:, 0] == pytest.approx(means[:, 2:, 0] + 40 * SETTINGS.size_persistence)
    assert late[:, :, 1] == pytest.approx(0)


def test_no_time_changes_nothing() -> None:
    means, covariances = moving()
    after = motion.predict(means, covariances, 0.0, SETTINGS)
    assert (after[0] == means).all()
    assert (after[1] == covariances).all()


def test_boxes_come_back_from_new_tracks() -> None:
    means, _ = motion.initiate(BOXES, SETTINGS)
    assert motion.boxes_of(means) == pytest.approx(BOXES)


def test_the_variance_of_a_new_centre_is_that_of_two_detections() -> None:
    means, covariances = motion.initiate(BOXES, SETTINGS)
    spread = motion.spreads(means, covariances, SETTINGS)
    size = np.sqrt((BOXES[:, 2:] - BOXES[:, :2]).prod(axis=1))
    # A detection's variance twice: of the one it began with, and of the next one.
    assert spread == pytest.approx(
        np.repeat(2 * (SETTINGS.measurement_noise * size)[:, None] ** 2, 2, axis=1), rel=1e-5
    )


def test_the_camera_moves_points_speeds_and_sizes() -> None:
    means, covariances = moving()
    same = motion.follow_camera(means, covariances, STILL)
    assert (same[0] == means).all()
    assert (same[1] == covariances).all()
    zoom = np.array([[2.0, 0, 5], [0, 2.0, -3]])
    moved, spread = motion.follow_camera(means, covariances, zoom)
    assert moved[:, :2, 0] == pytest.approx(means[:, :2, 0] * 2 + np.array([5, -3]))
    assert moved[:, :, 1] == pytest.approx(means[:, :, 1] * 2)
    assert moved[:, 2:, 0] == pytest.approx(means[:, 2:, 0] * 2)
    assert spread == pytest.approx(covariances * 4)


def test_no_tracks_run_through() -> None:
    means, covariances = motion.initiate(np.zeros((0, 4), np.float32), SETTINGS)
    means, covariances = motion.predict(means, covariances, 1.0, SETTINGS)
    means, covariances = motion.update(means, covariances, np.zeros((0, 4)), SETTINGS)
    assert motion.spreads(means, covariances, SETTINGS).shape == (0, 2)
    assert motion.boxes_of(means).shape == (0, 4)
