import numpy as np
import pytest
from conftest import random_images

from mots.encodings.polygons import outline

cv2 = pytest.importorskip("cv2")


def filled(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What ultralytics makes of a polygon: its points cut to whole pixels, filled by OpenCV."""
    canvas = np.zeros(size, np.uint8)
    cv2.fillPoly(canvas, [points.astype(np.int32)], 1)
    return canvas.astype(bool)


def test_a_whole_mask_comes_back_exactly() -> None:
    y, x = np.mgrid[:40, :60]
    for mask in (np.ones((7, 5), bool), ((x - 30) / 25) ** 2 + ((y - 20) / 15) ** 2 < 1, x > 2 * y):
        points = outline(mask, np.array([3, 9]))
        assert points is not None
        canvas = np.zeros((60, 80), bool)
        canvas[9 : 9 + mask.shape[0], 3 : 3 + mask.shape[1]] = mask
        assert (filled(points, (60, 80)) == canvas).all()


def test_parts_and_holes_hang_on_one_outline() -> None:
    mask = np.zeros((50, 80), bool)
    mask[5:25, 5:25] = mask[10:45, 40:70] = True
    mask[20:30, 50:60] = False
    points = outline(mask, np.array([0, 0]))
    assert points is not None
    found = filled(points, mask.shape)
    assert (found | mask == found).all()  # nothing of it is missing
    assert np.count_nonzero(found & ~mask) < 30  # and little but the bridges is added
    assert not found[23:27, 53:57].any()


def test_random_masks_come_back_but_for_bridges_and_specks(rng: np.random.Generator) -> None:
    for image in random_images(rng, 20, (40, 50), fill=0.8):
        points = outline(image, np.array([0, 0]))
        if points is not None:
            found = filled(points, image.shape)
            assert np.count_nonzero(found & image) > 0.9 * np.count_nonzero(image)


def test_specks_have_no_outline() -> None:
    assert outline(np.ones((1, 1), bool), np.array([0, 0])) is None
    assert outline(np.zeros((4, 4), bool), np.array([0, 0])) is None
