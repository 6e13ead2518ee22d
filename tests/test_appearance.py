"""Embeddings by colour, and what tracks remember of embeddings."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from conftest import boxes_as_detections

from mots.detection.colour_histograms import DIMENSION, ColourHistograms, embed
from mots.trackers.appearance import AppearanceScale, AppearanceSettings, Gallery, clean
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

SIZE = (60, 80)


def dressed(image: np.ndarray, box: tuple[int, int, int, int], shirt: list[int], trousers: list[int]) -> None:
    x1, y1, x2, y2 = box
    image[y1 : (y1 + y2) // 2, x1:x2] = shirt
    image[(y1 + y2) // 2 : y2, x1:x2] = trousers


def test_colour_histograms_match_a_person_and_depend_on_the_place_of_colours(rng: np.random.Generator) -> None:
    red, blue = [200, 30, 30], [30, 30, 200]
    image = rng.integers(90, 110, (*SIZE, 3)).astype(np.uint8)
    boxes = [(2, 2, 12, 42), (20, 10, 32, 50), (40, 5, 52, 55), (60, 5, 70, 45)]
    for box, worn in zip(boxes, [(red, blue), (red, blue), (blue, red), (red, red)], strict=True):
        dressed(image, box, *worn)
    embeddings = embed(image, boxes_as_detections(boxes, size=SIZE))
    assert embeddings.shape == (4, DIMENSION)
    assert embeddings.dtype == np.float32
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    similarity = embeddings @ embeddings.T
    assert similarity[0, 1] > 0.98
    assert similarity[0, 2] < 0.6  # the same colours upside down
    assert similarity[0, 2] < similarity[0, 3] < 0.9


def test_what_is_outside_the_mask_does_not_count(rng: np.random.Generator) -> None:
    images = np.zeros((1, *SIZE), np.bool_)
    images[0, 10:50, 20:40] = rng.random((40, 20)) < 0.5
    found = Detections.from_masks(Masks.from_images(images), np.ones(1), np.zeros(1))
    one, other = (rng.integers(0, 255, (*SIZE, 3)).astype(np.uint8) for _ in range(2))
    mixed = np.where(images[0][:, :, None], one, other)
    assert np.array_equal(embed(one, found), embed(mixed, found))
    assert not np.allclose(embed(one, found), embed(other, found))
    empty = Detections.from_masks(Masks.from_images(np.zeros((1, *SIZE), np.bool_)), np.ones(1), np.zeros(1))
    assert not embed(one, empty).any()


def test_colour_histograms_are_an_embedder() -> None:
    found = boxes_as_detections([(0, 0, 10, 10)])
    image = np.zeros((*found.size, 3), np.uint8)
    assert ColourHistograms().embed(image, found).shape == (1, DIMENSION)


def unit(rows: Sequence[Sequence[float]]) -> np.ndarray:
    array = np.array(rows, np.float32)
    return np.asarray(array / np.linalg.norm(array, axis=1, keepdims=True))


def test_a_gallery_keeps_recent_clean_views_and_a_moving_average() -> None:
    settings = AppearanceSettings(views=2, every=1.0, momentum=0.5)
    first, second, third = (unit([v]) for v in ([1, 0, 0], [0, 1, 0], [0, 0, 1]))
    gallery = Gallery.begin(first, np.array([True]), 0.0, 2)
    row = np.array([0])
    gallery.add(row, second, 0.5, settings)  # too soon for a view of its own
    assert gallery.counts.tolist() == [1]
    assert gallery.means[0] == pytest.approx(unit([[1, 1, 0]])[0])
    gallery.add(row, second, 1.0, settings)
    gallery.add(row, third, 2.0, settings)
    assert gallery.counts.tolist() == [3]
    nearest = [1 - (gallery.views[0] @ v[0]).max() for v in (first, second, third)]
    assert nearest == pytest.approx([1, 0, 0])  # the first view made room
    assert np.linalg.norm(gallery.means[0]) == pytest.approx(1)
    assert first.tolist() == [[1, 0, 0]]  # what was given is unchanged


def test_galleries_are_taken_and_joined_row_by_row() -> None:
    a = Gallery.begin(unit([[1, 0], [0, 1]]), np.array([True, False]), 3.0, 2)
    b = Gallery.begin(unit([[1, 1]]), np.array([True]), 4.0, 2)
    both = a.join(b).take(np.array([2, 1]))
    assert both.times.tolist() == [4.0, -np.inf]
    both.add(np.array([0]), unit([[1, 0]]), 9.0, AppearanceSettings(views=2))
    assert b.counts.tolist() == [1]


def test_a_clean_view_replaces_an_unclean_first_one() -> None:
    gallery = Gallery.begin(unit([[1, 0]]), np.array([False]), 0.0, 3)
    gallery.add(np.array([0]), unit([[0, 1]]), 0.01, AppearanceSettings())
    assert gallery.counts.tolist() == [1]
    assert gallery.views[0, 0].tolist() == [0, 1]


def test_clean_detections_are_confident_and_unoccluded() -> None:
    found = boxes_as_detections(
        [(0, 0, 20, 40), (10, 0, 30, 40), (50, 0, 70, 40), (60, 0, 80, 40), (85, 0, 95, 10)], [0.9, 0.9, 0.9, 0.2, 0.4]
    )
    assert clean(found, AppearanceSettings()).tolist() == [False, False, True, False, False]
    assert clean(found.take([2]), AppearanceSettings()).tolist() == [True]
    assert clean(found.take([]), AppearanceSettings()).shape == (0,)


def many(rng: np.random.Generator) -> Iterator[np.ndarray]:
    while True:
        yield unit(rng.random((4, 8)).tolist())


def test_distances_are_read_by_what_is_usual_here(rng: np.random.Generator) -> None:
    scale, settings = AppearanceScale(), AppearanceSettings()
    assert scale.dissimilarity(np.array([[0.3]]), settings).tolist() == [[0.5]]  # nothing is known yet
    frames = many(rng)
    for _ in range(50):
        scale = scale.with_frame(next(frames), settings).with_matches(np.array([0.02, 0.03, 0.04]), settings)
    assert scale.same == pytest.approx(0.03)
    assert 0.05 < scale.other < 0.5
    low, middle, high = scale.dissimilarity(np.array([[0.01, (scale.same + scale.other) / 2, 0.9]]), settings)[0]
    assert (low, middle, high) == (0.0, pytest.approx(0.5), 1.0)
    assert replace(scale).with_frame(np.zeros((2, 8), np.float32), settings) == scale  # two detections tell nothing
    assert scale.with_matches(np.zeros(0), settings) == scale


def test_the_strict_scale_narrows_with_similar_objects(rng: np.random.Generator) -> None:
    distances = np.array([0.05, 0.1, 0.2, 0.4])
    strict_values = []
    for twins in (0, 2, 8):  # of 16 people, so many look like one another
        people = np.linalg.qr(rng.normal(0, 1, (16, 16)))[0].astype(np.float32)
        people[:twins] = people[0]
        scale, settings = AppearanceScale(), AppearanceSettings()
        for _ in range(200):
            scale = scale.with_frame(unit((people + rng.normal(0, 0.02, (16, 16))).tolist()), settings)
            scale = scale.with_matches(np.array([0.01]), settings)
        assert (scale.dissimilarity(distances, settings, True) >= scale.dissimilarity(distances, settings)).all()
        strict_values.append(scale.dissimilarity(distances, settings, True))
    assert strict_values[0] == pytest.approx(scale.dissimilarity(distances, settings), abs=0.1)
    assert (strict_values[2] > strict_values[0] + 0.1)[:2].all()
    assert strict_values[2][0] < 0.5  # but noise is no difference
