import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from mots.detection.camera_motion import CameraSettings, FlowCameraMotion
from mots.errors import MotsError
from mots.trackers.masks import Masks
from mots.trackers.motion import STILL, is_cut
from mots.video.opening import open_source

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


@pytest.mark.parametrize("size", [(241, 323), (375, 1242), (1080, 1920), (30, 2000), (1, 700), (90, 120)])
@pytest.mark.parametrize("side", [16, 100, 480])
def test_the_reduced_picture_shows_the_image_at_its_scale(size: tuple[int, int], side: int) -> None:
    height, width = size
    ramp = np.linspace(0, 255, width)[None, :, None] * np.ones((height, 1, 3))
    grey, scale = FlowCameraMotion(CameraSettings(side=side)).reduced(ramp.astype(np.uint8))
    assert max(grey.shape) <= side or min(grey.shape) == 1
    assert 2 * max(grey.shape) > min(side, max(size) - 1)  # no smaller than it need be
    places = (np.arange(grey.shape[1]) + 0.5) * scale - 0.5
    assert np.abs(grey[0] - 255 * places / (width - 1)).max() < 2.5  # of 255 grey levels
    assert grey.shape == (max(int(height // scale), 1), int(width // scale))


@pytest.mark.parametrize("size", [(1, 700), (2, 3), (3, 1), (17, 40)])
def test_pictures_too_small_for_corners_have_no_motion(rng: np.random.Generator, size: tuple[int, int]) -> None:
    camera = FlowCameraMotion(CameraSettings(side=16))
    image = rng.integers(0, 255, (*size, 3)).astype(np.uint8)
    for _ in range(2):
        assert np.array_equal(camera.motion(image, Masks.empty(size)), STILL)


@pytest.mark.parametrize("side", [500, 250, 125])
def test_a_turn_about_the_corner_is_measured_in_the_images_pixels(rng: np.random.Generator, side: int) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    world = cv2.GaussianBlur(scenery(rng), (0, 0), 2)
    turn = np.array([[np.cos(0.03), -np.sin(0.03), 4.0], [np.sin(0.03), np.cos(0.03), -3.0]]) * [[1.02, 1.02, 1]]
    camera, none = FlowCameraMotion(CameraSettings(side=side)), Masks.empty(world.shape[:2])
    camera.motion(world, none)
    found = camera.motion(cv2.warpAffine(world, turn, world.shape[1::-1]), none)
    ends = np.array([[x, y, 1.0] for x in (50, 450) for y in (50, 350)]).T
    assert np.abs(found @ ends - turn @ ends).max() < 0.7


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


def scene(seed: int) -> np.ndarray:
    """A picture of many rectangles."""
    rng = np.random.default_rng(seed)
    image = np.full((120, 200, 3), rng.integers(20, 230, 3), np.uint8)
    for _ in range(60):
        x, y = int(rng.integers(0, 180)), int(rng.integers(0, 100))
        image[y : y + int(rng.integers(5, 40)), x : x + int(rng.integers(5, 60))] = rng.integers(0, 255, 3)
    return image


def test_another_scene_is_a_cut_and_the_same_one_is_none() -> None:
    none = Masks.empty((120, 200))
    cuts, kept = [], []
    for seed in range(12):
        camera = FlowCameraMotion()
        first = scene(seed)
        dark = (100 + 60 * (seed % 2)) / 255
        camera.motion((first * dark).astype(np.uint8), none)
        cuts.append(is_cut(camera.motion(255 - (scene(seed + 100) * (1 - dark)).astype(np.uint8), none)))
        for change in (
            np.roll(first, (3, 8), axis=(0, 1)),  # it pans
            np.clip(first.astype(int) + 40, 0, 255).astype(np.uint8),  # a light goes on
            np.roll(first, 90, axis=1),  # nothing agrees, but it is no certain cut
            np.full_like(first, 0),  # black
        ):
            camera = FlowCameraMotion()
            camera.motion(first, none)
            kept.append(is_cut(camera.motion(change, none)))
    assert sum(cuts) >= 9
    assert sum(kept[k] for k in range(len(kept)) if k % 4 in (0, 1, 3)) == 0


def test_real_clips_without_cuts_have_none(shared: Path) -> None:
    for name in ("kitti_raw_drive/images", "davis/schoolgirls/images", "videos/vtest.avi"):
        camera, count = FlowCameraMotion(), 0
        for frame in itertools.islice(iter(open_source(shared / "data" / name)), 60):
            count += is_cut(camera.motion(frame.image, Masks.empty(frame.image.shape[:2])))
        assert count == 0, name
