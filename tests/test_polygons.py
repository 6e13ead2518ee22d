import numpy as np
import pytest
from conftest import random_images

from mots.encodings.polygons import outline, runs_of_polygons
from mots.encodings.runs import masks_of

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


def inside(corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Which centres of pixels lie inside a polygon, by the crossings of a ray to the left of each."""
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    odd = np.zeros(size, bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            odd ^= ((y1 <= y) != (y2 <= y)) & (x > x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    return odd


def test_polygons_are_filled_by_the_even_odd_rule_and_joined(rng: np.random.Generator) -> None:
    for _ in range(200):
        size = (int(rng.integers(1, 40)), int(rng.integers(1, 40)))
        polygons = [rng.uniform(-15, 50, (int(rng.integers(3, 9)), 2)) for _ in range(int(rng.integers(1, 4)))]
        runs = runs_of_polygons(polygons, size)
        wanted = np.any([inside(each, size) for each in polygons], axis=0)
        assert (masks_of(runs).image(0) == wanted).all()
        assert (runs.starts[1:] > runs.stops[:-1]).all()  # runs that touch are one
        assert runs.areas.tolist() == [int(wanted.sum())]


def test_polygons_side_by_side_share_no_pixel() -> None:
    left = np.array([[2.5, 3.5], [7.5, 3.5], [7.5, 8.5], [2.5, 8.5]])
    other = left + np.array([5, 0])
    first, second = (masks_of(runs_of_polygons([each], (12, 16))).image(0) for each in (left, other))
    assert not (first & second).any()
    assert (first | second).sum() == 5 * 10


def test_a_polygon_takes_memory_by_its_outline_not_by_the_frame() -> None:
    corners = np.array([[0, 0], [50_000, 0], [50_000, 40_000], [0, 40_000.0]])
    assert runs_of_polygons([corners], (40_000, 50_000)).areas.tolist() == [2_000_000_000]
    with pytest.raises(ValueError, match="the limit is 20000000"):
        runs_of_polygons([corners * 1e5], (1, 2_000_000_000))
