"""Masks cleaned by morphology and smoothed over time: on shapes that are known exactly, and in files."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture

from mots.cli.entry import main
from mots.formats import mots_text
from mots.labels import FrameLabels
from mots.metrics.stability import instability
from mots.pipeline.results import ResultFolder
from mots.segmentation.cleaning import CleanSettings, MaskCleaner
from mots.segmentation.mask_smoothing import MaskSmoother, SmoothSettings, smoothed
from mots.trackers.masks import Masks

Image = NDArray[np.uint8]
SIZE = (120, 200)


def disc(x: float, y: float, radius: float = 25) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    return np.asarray((columns - x) ** 2 + (rows - y) ** 2 < radius**2)


def cleaned(image: NDArray[np.bool_], **settings: Any) -> NDArray[np.bool_]:
    masks = MaskCleaner(CleanSettings(**settings)).clean(Masks.from_images(image[None]))
    return masks.image(0)


def iou(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    return float((one & two).sum() / (one | two).sum())


def test_crumbs_holes_gaps_and_hairs_go_and_the_object_stays() -> None:
    whole = disc(80, 60)
    worn = whole.copy()
    worn[58:60, 78:81] = False  # a hole
    worn[60, 55:80] = False  # a crack from the edge inwards
    worn[40, 100:130] = True  # a hair
    worn[100:104, 150:154] = True  # a crumb, far away
    found = cleaned(worn)
    assert not found[100:104, 150:154].any()
    assert not found[40, 115:130].any()
    assert found[58:60, 78:81].all()
    assert iou(found, whole) > 0.98
    assert cleaned(worn, piece=0.0, opening=0.0)[100:104, 150:154].all()
    kept = cleaned(worn, hole=0.0, closing=0.0)
    assert not kept[58:60, 78:81].any()


def test_what_is_no_fault_stays() -> None:
    ring = disc(80, 60, 30) & ~disc(80, 60, 18)  # a hole of a third of the object belongs to it
    assert iou(cleaned(ring), ring) > 0.97
    two = disc(60, 60, 20) | disc(140, 60, 20)  # halves of an object behind a post
    assert iou(cleaned(two), two) > 0.97
    edge = disc(0, 60)  # cut by the frame's edge
    assert iou(cleaned(edge), edge) > 0.98
    dot = np.zeros(SIZE, np.bool_)
    dot[5, 5] = True
    np.testing.assert_array_equal(cleaned(dot, opening=0.5), dot)  # nothing would be left of it
    empty = MaskCleaner().clean(Masks.from_images(np.zeros((1, *SIZE), np.bool_)))
    assert empty.areas().tolist() == [0]


def scene(rng: np.random.Generator, count: int = 12) -> tuple[list[Image], list[NDArray[np.bool_]]]:
    """A disc that moves over a still ground, and its masks."""
    ground = np.kron(rng.integers(40, 110, (30, 50, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    skin = np.kron(rng.integers(130, 250, (30, 50, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    images, masks = [], []
    for k in range(count):
        mask = disc(50 + 4 * k, 60)
        images.append(np.where(mask[..., None], np.roll(skin, 4 * k, axis=1), ground).astype(np.uint8))
        masks.append(mask)
    return images, masks


def frayed(rng: np.random.Generator, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask with bites and bumps along its edge, others in each frame."""
    worn = mask.copy()
    rows, columns = np.nonzero(mask ^ np.roll(mask, 1, axis=0))
    for place in rng.integers(0, len(rows), 8):
        y, x = rows[place], columns[place]
        worn[max(y - 4, 0) : y + 4, max(x - 4, 0) : x + 4] = rng.random() < 0.5
    return worn


def labels_of(k: int, mask: NDArray[np.bool_], identity: int = 3) -> FrameLabels:
    masks = Masks.from_images(mask[None])
    ones = np.ones(1, np.float32)
    return FrameLabels(k, k / 10, np.array([identity]), np.array([0]), ones, masks, Masks.empty(SIZE))


def test_a_vote_over_time_mends_frayed_edges_of_what_moves(rng: np.random.Generator) -> None:
    images, masks = scene(rng)
    worn = [frayed(rng, mask) for mask in masks]
    given = [labels_of(k, mask) for k, mask in enumerate(worn)]
    found = list(smoothed(zip(images, given, strict=True)))
    assert [each.frame for each in found] == list(range(len(images)))
    before = [iou(one, two) for one, two in zip(worn, masks, strict=True)]
    after = [iou(each.masks.image(0), mask) for each, mask in zip(found, masks, strict=True)]
    assert np.mean(after) > np.mean(before) + 0.02
    assert min(after[2:-2]) > max(before[2:-2])

    def flicker(images: list[NDArray[np.bool_]]) -> float:
        return float(np.mean([instability(one, two) for one, two in itertools.pairwise(images)]))

    assert flicker([each.masks.image(0) for each in found]) < 0.6 * flicker(worn)
    same = smoothed(zip(images, given, strict=True), SmoothSettings(window=0))
    for one, two in zip(same, given, strict=True):
        np.testing.assert_array_equal(one.masks.to_images(), two.masks.to_images())


def test_an_object_that_comes_and_goes_gets_no_mask_where_it_is_not(rng: np.random.Generator) -> None:
    images, masks = scene(rng)
    given = [labels_of(k, mask) for k, mask in enumerate(masks)]
    for k in (0, 1, 5, 11):
        given[k] = FrameLabels.empty(k, k / 10, SIZE)
    found = list(smoothed(zip(images, given, strict=True)))
    assert [len(each) for each in found] == [len(each) for each in given]


def test_a_mask_that_leaps_is_not_pulled_back(rng: np.random.Generator) -> None:
    images, masks = scene(rng, 3)
    leap = [labels_of(0, masks[0]), labels_of(1, disc(150, 90, 15)), labels_of(2, masks[2])]
    found = list(smoothed(zip(images, leap, strict=True)))
    np.testing.assert_array_equal(found[1].masks.image(0), leap[1].masks.image(0))


def test_as_a_refiner_it_smooths_with_the_frames_before(rng: np.random.Generator) -> None:
    images, masks = scene(rng)
    other = disc(30, 25, 15)  # a second object, which does not move
    smoother = MaskSmoother()
    before, after = [], []
    for image, mask in zip(images, masks, strict=True):
        worn = frayed(rng, mask)
        found = smoother.refine(image, Masks.from_images(np.stack([other, worn])))
        assert len(found) == 2
        assert iou(found.image(0), other) > 0.9
        before.append(iou(worn, mask))
        after.append(iou(found.image(1), mask))
    assert np.mean(after[2:]) > np.mean(before[2:])
    assert len(smoother.refine(images[0], Masks.empty(SIZE))) == 0


def test_instability_is_0_for_one_shape_and_grows_with_its_changes(rng: np.random.Generator) -> None:
    whole = disc(60, 60)
    assert instability(whole, disc(110, 50)) < 0.02
    little, much = whole.copy(), whole.copy()
    little[55:65, 30:60] = False
    much[35:85:6] = False
    assert 0.02 < instability(whole, little) < instability(whole, disc(60, 60, 25) & ~disc(85, 60, 22))
    assert np.isnan(instability(whole, np.zeros(SIZE, np.bool_)))


def test_from_the_command_line(rng: np.random.Generator, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, masks = scene(rng)
    worn = [frayed(rng, mask) for mask in masks]
    with ResultFolder(tmp_path / "run", "street") as results:
        for k, mask in enumerate(worn):
            results.write(labels_of(k, mask))
    (tmp_path / "images").mkdir()
    for k, image in enumerate(images):
        Picture.fromarray(image).save(tmp_path / f"images/{k:06d}.png")
    command = ["clean", str(tmp_path / "run"), str(tmp_path / "images"), "--output"]
    assert main([*command, str(tmp_path / "out")]) == 0
    assert "12 frames" in capsys.readouterr().out
    found = list(mots_text.read(tmp_path / "out/street.txt"))
    assert [each.ids.tolist() for each in found] == [[2003]] * 12
    before = np.mean([iou(one, two) for one, two in zip(worn, masks, strict=True)])
    assert np.mean([iou(each.masks.image(0), mask) for each, mask in zip(found, masks, strict=True)]) > before + 0.01
    assert main([*command, str(tmp_path / "out")]) == 2
    assert "exists" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "run"), "--overwrite"]) == 2  # its own input
    assert main([*command, str(tmp_path / "o2"), "--no-morphology", "--window", "0"]) == 2
    assert "nothing to do" in capsys.readouterr().err
    for file in (tmp_path / "images").iterdir():
        file.rename(file.with_name(f"1{file.name}"))
    assert main([*command, str(tmp_path / "o3")]) == 2
    assert "none of its frames" in capsys.readouterr().err
    assert not (tmp_path / "o3").exists()
