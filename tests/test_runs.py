import numpy as np
from conftest import random_images
from hypothesis import given
from hypothesis import strategies as st

from mots.encodings.runs import Runs, common_pixels, masks_of, runs_of
from mots.trackers.masks import Masks

SIZE = (9, 11)


@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.integers(0, 6))
def test_common_pixels_of_runs_are_those_of_images(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = random_images(rng, n, SIZE, 0.5), random_images(rng, m, SIZE, 0.5)
    frames_a, frames_b = rng.integers(0, 3, n), rng.integers(0, 3, m)
    left, right = runs_of(Masks.from_images(a)), runs_of(Masks.from_images(b))
    wanted = {
        (i, j): int((a[i] & b[j]).sum())
        for i in range(n)
        for j in range(m)
        if frames_a[i] == frames_b[j] and (a[i] & b[j]).any()
    }
    found = common_pixels(left, frames_a, right, frames_b)
    assert {(i, j): p for i, j, p in zip(*(part.tolist() for part in found), strict=True)} == wanted
    twice = common_pixels(left, frames_a, left, frames_a)
    wanted_twice = {
        frozenset((i, j)): int((a[i] & a[j]).sum())
        for i in range(n)
        for j in range(i)
        if frames_a[i] == frames_a[j] and (a[i] & a[j]).any()
    }
    assert {frozenset((i, j)): p for i, j, p in zip(*(part.tolist() for part in twice), strict=True)} == wanted_twice


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_runs_have_areas_and_can_be_taken(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    images = random_images(rng, n, SIZE, 0.6)
    runs = runs_of(Masks.from_images(images))
    assert runs.areas.tolist() == images.sum(axis=(1, 2)).tolist()
    index = rng.integers(0, n, 4)
    taken = masks_of(runs.take(index))
    assert all((taken.image(k) == images[i]).all() for k, i in enumerate(index))
    assert len(Runs.empty(SIZE)) == len(runs.take(np.zeros(0, np.int64))) == 0


def test_many_overlaps_need_more_room_than_was_set_aside() -> None:
    whole = Masks.from_crops(SIZE, [(0, 0)] * 60, [np.ones(SIZE)] * 60)
    runs, frames = runs_of(whole), np.zeros(60, np.int64)
    left, _, pixels = common_pixels(runs, frames, runs, frames)
    assert len(left) == 60 * 59 // 2
    assert set(pixels.tolist()) == {99}
