import numpy as np
import pytest
from conftest import random_images
from hypothesis import given
from hypothesis import strategies as st
from oracles import disjoint_images, iou_of_images, moved_image

from mots.trackers.masks import Masks

SIZE = (13, 17)


def images_of(masks: Masks) -> np.ndarray:
    return np.array([masks.image(i) for i in range(len(masks))], np.bool_).reshape(len(masks), *masks.size)


def assert_tight(masks: Masks) -> None:
    for i, (x1, y1, x2, y2) in enumerate(masks.boxes.tolist()):
        rows, columns = np.nonzero(masks.image(i))
        wanted = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) if len(rows) else (0, 0, 0, 0)
        assert (x1, y1, x2, y2) == wanted


@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_images_survive_as_tight_crops(seed: int, n: int, fill: float) -> None:
    images = random_images(np.random.default_rng(seed), n, SIZE, fill)
    masks = Masks.from_images(images)
    assert (images_of(masks) == images).all()
    assert_tight(masks)
    assert masks.areas().tolist() == images.sum(axis=(1, 2)).tolist()


@given(st.integers(0, 2**32 - 1), st.integers(0, 5), st.integers(0, 5))
def test_iou_of_crops_is_iou_of_images(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = random_images(rng, n, SIZE), random_images(rng, m, SIZE, 0.7)
    left, right = Masks.from_images(a), Masks.from_images(b)
    assert left.iou(right) == pytest.approx(iou_of_images(a, b), abs=1e-12)
    common = np.array([[(p & q).sum() for q in b] for p in a], np.int64).reshape(n, m)
    assert (left.intersections(right) == common).all()
    assert left.coverage(right) == pytest.approx(common / np.maximum(left.areas(), 1)[:, None])


@given(st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_disjoint_gives_each_pixel_to_the_highest_priority(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    images = random_images(rng, n, SIZE, 0.6)
    priority = rng.integers(0, 3, n).astype(np.float32)  # ties on purpose
    masks, lost = Masks.from_images(images).disjoint(priority)
    wanted = disjoint_images(images, priority)
    assert (images_of(masks) == wanted).all()
    assert lost.tolist() == (images.sum(axis=(1, 2)) - wanted.sum(axis=(1, 2))).tolist()
    assert_tight(masks)


@given(st.integers(0, 2**32 - 1), st.integers(0, 4))
def test_moving_shifts_pixels_and_cuts_at_the_border(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    images = random_images(rng, n, SIZE, 0.6)
    offsets = rng.uniform(-20, 20, (n, 2))
    moved = Masks.from_images(images).moved(offsets)
    for i, (dx, dy) in enumerate(np.rint(offsets).astype(int).tolist()):
        assert (moved.image(i) == moved_image(images[i], dx, dy)).all()
    assert_tight(moved)


def test_moving_beyond_any_number_leaves_empty_masks(rng: np.random.Generator) -> None:
    masks = Masks.from_images(random_images(rng, 3, SIZE, 1.0))
    assert masks.moved(np.full((3, 2), 1e30)).areas().tolist() == [0, 0, 0]


def test_taking_joining_and_compacting_keep_the_pixels(rng: np.random.Generator) -> None:
    images = random_images(rng, 6, SIZE)
    masks = Masks.from_images(images)
    order = np.array([4, 1, 1, 5])
    taken = masks.take(order)
    assert taken.pixels is masks.pixels
    assert (images_of(taken) == images[order]).all()
    assert (images_of(taken.compact()) == images[order]).all()
    assert taken.compact().pixels.size == sum(taken.crop(i).size for i in range(4))
    both = Masks.concatenate(SIZE, [taken, Masks.empty(SIZE), masks])
    assert (images_of(both) == np.concatenate([images[order], images])).all()
    filled = np.asarray(images.any(axis=(1, 2)))
    assert (images_of(masks.take(filled)) == images[filled]).all()


def test_no_masks_run_through_every_operation() -> None:
    none = Masks.empty(SIZE)
    one = Masks.from_images(np.ones((1, *SIZE), np.bool_))
    assert none.iou(one).shape == (0, 1)
    assert one.coverage(none).shape == (1, 0)
    assert len(none.moved(np.zeros((0, 2)))) == len(none.disjoint(np.zeros(0))[0]) == len(none.compact()) == 0
    assert len(Masks.concatenate(SIZE, [])) == 0
    assert len(one.take([])) == 0


def test_crops_over_the_border_are_cut() -> None:
    masks = Masks.from_crops((4, 5), [(-1, -2), (3, 3), (9, 9)], [np.ones((4, 4))] * 3)
    assert masks.boxes.tolist() == [[0, 0, 3, 2], [3, 3, 5, 4], [0, 0, 0, 0]]


def test_masks_of_two_frame_sizes_do_not_mix() -> None:
    with pytest.raises(ValueError, match="4 x 5"):
        Masks.empty((4, 5)).iou(Masks.empty((5, 4)))
    with pytest.raises(ValueError, match="4 x 5"):
        Masks.concatenate((5, 4), [Masks.empty((4, 5))])
