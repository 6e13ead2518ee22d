import sys

import numpy as np
import pytest

from mots.detection.camera_motion import CameraSettings, FlowCameraMotion
from mots.errors import MotsError
from mots.trackers.masks import Masks
from mots.trackers.motion import STILL

SIZE = (240, 320)


def scenery(rng: np.random.Generator) -> np.ndarray:
    """A picture with corners everywhere, larger than a frame."""
    blocks = rng.integers(0, 255, (40, 50, 3)).astype(np.uint8)
    return np.kron(blocks, np.ones((10, 10, 1), np.uint8))


@pytest.fixture(autouse=True)
def _opencv() -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed")


@pytest.mark.parametrize("side", [320, 160])
def test_a_pan_is_measured_whatever_moves_in_front(rng: np.random.Generator, side: int) -> None:
    world = scenery(rng)
    camera = FlowCameraMotion(CameraSettings(side=side))
    for k in range(4):
        frame = world[20 + 3 * k : 20 + 3 * k + SIZE[0], 40 + 5 * k : 40 + 5 * k + SIZE[1]].copy()
        walker = np.zeros((1, *SIZE), np.bool_)
        walker[0, 60:180, 100 + 20 * k : 160 + 20 * k] = True  # runs against the background
        shirt = np.kron(rng.integers(0, 255, (12, 6, 3)), np.ones((10, 10, 1)))
        frame[60:180, 100 + 20 * k : 160 + 20 * k] = shirt
        found = camera.motion(frame, Masks.from_images(walker))
        if k == 0:
            assert np.array_equal(found, STILL)
        else:
            assert found[:, :2] == pytest.approx(np.eye(2), abs=0.01)
            assert found[:, 2] == pytest.approx([-5, -3], abs=0.7)


def test_a_motion_that_cannot_be_measured_is_the_identity(rng: np.random.Generator) -> None:
    camera = FlowCameraMotion()
    nothing = Masks.empty(SIZE)
    assert np.array_equal(camera.motion(np.zeros((*SIZE, 3), np.uint8), nothing), STILL)
    assert np.array_equal(camera.motion(np.zeros((*SIZE, 3), np.uint8), nothing), STILL)
    first = scenery(rng)[: SIZE[0], : SIZE[1]]
    camera.motion(first, nothing)
    other = scenery(np.random.default_rng(5))[: SIZE[0], : SIZE[1]]
    cut = camera.motion(other, nothing)  # another place altogether
    assert np.isfinite(cut).all()
    everywhere = Masks.from_images(np.ones((1, *SIZE), np.bool_))
    camera.motion(first, everywhere)
    assert np.array_equal(camera.motion(first, everywhere), STILL)


def test_the_same_frames_give_the_same_map(rng: np.random.Generator) -> None:
    world = scenery(rng)
    frames = [world[k : k + SIZE[0], 2 * k : 2 * k + SIZE[1]] for k in range(5)]
    runs = []
    for _ in range(2):
        camera = FlowCameraMotion()
        runs.append([camera.motion(frame, Masks.empty(SIZE)) for frame in frames])
    assert np.array_equal(runs[0], runs[1])


def test_without_opencv_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MotsError, match="pip install opencv-python-headless"):
        FlowCameraMotion()
