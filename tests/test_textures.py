"""Texture and edges as appearance: counted rightly, and steadier in changing light than colours."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mots.detection import textures
from mots.detection.colour_histograms import ColourHistograms
from mots.detection.textures import Textures
from mots.errors import InputError
from mots.pipeline.parts import embedder_of
from mots.settings import load
from mots.toy.world import World, WorldSettings
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks


def detections_of(images: NDArray[np.bool_]) -> Detections:
    count = len(images)
    return Detections.from_masks(Masks.from_images(images), np.ones(count), np.zeros(count))


def plain_histograms(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> tuple[NDArray[np.float64], ...]:
    """Both histograms of one mask, pixel by pixel, as their definitions read."""
    grey = image.astype(np.float64) @ [0.299, 0.587, 0.114]
    rows, columns = np.nonzero(mask)
    top, left = rows.min(), columns.min()
    tall, wide = rows.max() + 1 - top, columns.max() + 1 - left
    patterns = np.zeros((textures.STRIPES, textures.PATTERNS))
    gradients = np.zeros((textures.ROWS, textures.COLUMNS, textures.ANGLES))
    around = [(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)]
    uniform = [p for p in range(256) if sum(((p >> k) & 1) != ((p >> (k + 1) % 8) & 1) for k in range(8)) <= 2]
    for y, x in zip(rows, columns, strict=True):
        if not (0 < y < grey.shape[0] - 1 and 0 < x < grey.shape[1] - 1):
            continue
        own = sum(1 << k for k, (v, u) in enumerate(around) if grey[y + v, x + u] > grey[y, x] + textures.CONTRAST)
        number = uniform.index(own) if own in uniform else textures.PATTERNS - 1
        patterns[(y - top) * textures.STRIPES // tall, number] += 1
        across, along = grey[y, x + 1] - grey[y, x - 1], grey[y + 1, x] - grey[y - 1, x]
        length = np.hypot(across, along)
        if length > textures.CONTRAST:
            angle = np.degrees(np.arctan2(along, across)) % 180 / 180 * textures.ANGLES
            low = int(angle) % textures.ANGLES
            cell = gradients[(y - top) * textures.ROWS // tall, (x - left) * textures.COLUMNS // wide]
            cell[low] += (1 - angle % 1) * length
            cell[(low + 1) % textures.ANGLES] += angle % 1 * length
    return patterns.ravel(), gradients.ravel()


def test_the_histograms_are_what_their_definitions_say(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (30, 40, 3)).astype(np.uint8)
    image[10:20] //= 8  # a part of little contrast
    masks = np.zeros((3, 30, 40), np.bool_)
    masks[0, 3:25, 5:20] = rng.random((22, 15)) < 0.7
    masks[1, :, :] = True  # up to all borders
    masks[2, 29:, 39:] = True  # one pixel, in the corner: it has no neighbours
    found = textures.histograms(image, Masks.from_images(masks).arrays, textures.UNIFORM, textures.AROUND)
    for k, mask in enumerate(masks):
        for own, plain in zip(found, plain_histograms(image, mask), strict=True):
            np.testing.assert_allclose(own[k], plain, atol=1e-6)


def test_embeddings_have_unit_length_or_are_zeros(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (30, 40, 3)).astype(np.uint8)
    masks = np.zeros((3, 30, 40), np.bool_)
    masks[0, 5:25, 5:20] = True
    masks[2, 0, 0] = True
    embeddings = Textures().embed(image, detections_of(masks))
    assert embeddings.shape == (3, Textures.dimension)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), [1, 0, 0], atol=1e-6)


def test_in_other_light_texture_knows_more_objects_again_than_colours() -> None:
    world = World(31, WorldSettings(walkers=14, vehicles=2, posts=0, light=0.0))
    right = {"texture": 0, "colours": 0}
    total = 0
    for k in range(0, 200, 20):
        (one, before), (two, after) = world.frame(k), world.frame(k + 2)
        dark = (two * np.array([0.45, 0.5, 0.6])).astype(np.uint8)
        common = np.intersect1d(before.ids, after.ids)
        pairs = []
        for image, truth in ((one, before), (dark, after)):
            rows = np.array([np.flatnonzero(truth.ids == each)[0] for each in common])
            pairs.append(
                (image, Detections.from_masks(truth.masks.take(rows), np.ones(len(rows)), np.zeros(len(rows))))
            )
        for name, embedder in (("texture", Textures()), ("colours", ColourHistograms())):
            first, second = (embedder.embed(image, found) for image, found in pairs)
            right[name] += int(((second @ first.T).argmax(axis=1) == np.arange(len(common))).sum())
        total += len(common)
    assert total > 60
    assert right["texture"] > 0.8 * total
    assert right["texture"] > right["colours"]


@pytest.mark.parametrize(
    ("name", "dimension"),
    [
        ("colours", ColourHistograms.dimension),
        ("texture", Textures.dimension),
        ("colours+texture", ColourHistograms.dimension + Textures.dimension),
    ],
)
def test_what_needs_no_network_is_chosen_by_name(name: str, dimension: int) -> None:
    embedder = embedder_of(load(changes={"reid.weights": name}))
    assert embedder is not None
    assert embedder.dimension == dimension
    with pytest.raises(InputError, match=r"no weights 'colours\+textures'"):
        embedder_of(load(changes={"reid.weights": "colours+textures"}))
