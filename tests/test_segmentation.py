"""Masks carried from prompts: on scenes that are known exactly, forwards, backwards, through gaps, and in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture

from mots.cli.entry import main
from mots.encodings import coco_rle
from mots.errors import FormatError, InputError
from mots.formats import davis_png, mots_text
from mots.labels import FrameLabels
from mots.segmentation.carrying import CarrySettings
from mots.segmentation.cutting import GrabCut
from mots.segmentation.prompts import Prompt, load
from mots.segmentation.segment import segment
from mots.trackers.masks import Masks

Image = NDArray[np.uint8]
SIZE = (96, 160)


def textured(rng: np.random.Generator, size: tuple[int, int], low: int, high: int) -> Image:
    coarse = rng.integers(low, high, (size[0] // 4 + 1, size[1] // 4 + 1, 3))
    return np.asarray(np.kron(coarse, np.ones((4, 4, 1)))[: size[0], : size[1]], np.uint8)


def scene(
    rng: np.random.Generator, count: int = 14, hidden: range = range(0)
) -> tuple[list[Image], list[NDArray[np.bool_]]]:
    """Frames of two discs, a red one that goes right and a blue one that goes left, and their masks (2, H, W); the red
    one is out of sight in some frames."""
    ground = textured(rng, SIZE, 70, 130)
    red, blue = textured(rng, SIZE, 20, 60), textured(rng, SIZE, 20, 60)
    red[..., 0], blue[..., 2] = rng.integers(190, 250, SIZE), rng.integers(190, 250, SIZE)
    yy, xx = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    images, masks = [], []
    for k in range(count):
        own = np.stack([(xx - 30 - 3 * k) ** 2 + (yy - 30) ** 2 < 225, (xx - 130 + 3 * k) ** 2 + (yy - 66) ** 2 < 225])
        if k in hidden:
            own[0] = False
        image = ground.copy()
        for mask, colour, shift in ((own[0], red, 3 * k), (own[1], blue, -3 * k)):
            image[mask] = np.roll(colour, shift, axis=1)[mask]
        images.append(image)
        masks.append(own)
    return images, masks


def ious(labels: FrameLabels, masks: NDArray[np.bool_]) -> list[float]:
    """The IoU of objects 1 and 2 with their true masks; 1 where neither is there."""
    found = []
    for number, mask in enumerate(masks, 1):
        own = np.zeros(SIZE, np.bool_)
        if number in labels.ids:
            own = labels.masks.image(labels.ids.tolist().index(number))
        union = (own | mask).sum()
        found.append(1.0 if union == 0 else float((own & mask).sum() / union))
    return found


def test_masks_are_carried_and_corrected(rng: np.random.Generator) -> None:
    images, masks = scene(rng)
    prompts = [Prompt(1, 0, mask=masks[0][0]), Prompt(2, 0, mask=masks[0][1])]
    corrected = list(segment(images, prompts))
    alone = list(segment(images, prompts, settings=CarrySettings(corrected=False)))
    assert [each.frame for each in corrected] == list(range(14))
    scores = [np.mean([ious(each, own) for each, own in zip(run, masks, strict=True)]) for run in (corrected, alone)]
    kept = np.mean([ious(corrected[0], own) for own in masks])
    assert scores[0] > 0.85
    assert scores[0] > scores[1]
    assert scores[0] > kept + 0.2
    for each in corrected:
        assert each.masks.to_images().sum(axis=0).max() <= 1


@pytest.mark.parametrize("kind", ["box", "points"])
def test_a_box_or_points_will_do(rng: np.random.Generator, kind: str) -> None:
    images, masks = scene(rng, 6)
    prompt = (
        Prompt(1, 0, box=(12, 12, 48, 48))
        if kind == "box"
        else Prompt(
            1,
            0,
            points=np.array([[30.0, 30], [24, 26], [37, 33], [70, 60]]),
            inside=np.array([True, True, True, False]),
        )
    )
    found = list(segment(images, [prompt]))
    assert np.mean([ious(each, own)[0] for each, own in zip(found, masks, strict=True)]) > 0.8


def test_a_later_prompt_is_carried_backwards_too(rng: np.random.Generator) -> None:
    images, masks = scene(rng)
    found = list(segment(images, [Prompt(1, 0, mask=masks[0][0]), Prompt(2, 9, mask=masks[9][1])]))
    values = np.array([ious(each, own) for each, own in zip(found, masks, strict=True)])
    assert values.mean(axis=0).min() > 0.75
    assert values[0, 1] > 0.6


def test_an_object_that_is_gone_has_no_mask_and_is_found_again(rng: np.random.Generator) -> None:
    images, masks = scene(rng, 16, range(6, 9))
    found = list(segment(images, [Prompt(1, 0, mask=masks[0][0]), Prompt(2, 0, mask=masks[0][1])]))
    assert all(1 not in found[k].ids for k in (7, 8))
    assert np.mean([ious(found[k], masks[k])[0] for k in range(11, 16)]) > 0.6
    assert np.mean([ious(each, own)[1] for each, own in zip(found, masks, strict=True)]) > 0.9


def test_the_same_frames_give_the_same_masks(rng: np.random.Generator) -> None:
    images, masks = scene(rng, 5)
    one, two = ([each.masks.pixels for each in segment(images, [Prompt(1, 0, mask=masks[0][0])])] for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_a_cut_that_differs_much_is_not_trusted(rng: np.random.Generator) -> None:
    images, masks = scene(rng, 1)
    guess = np.roll(masks[0][0], 3, axis=1).astype(np.float32)
    none = np.zeros(SIZE, np.bool_)
    cut = GrabCut().cut(images[0], guess, none)
    better = (cut & masks[0][0]).sum() / (cut | masks[0][0]).sum()
    assert better > 0.9 > (guess.astype(bool) & masks[0][0]).sum() / (guess.astype(bool) | masks[0][0]).sum()
    assert np.array_equal(GrabCut(least_iou=0.95).cut(images[0], guess, none), guess >= 0.5)
    assert not (GrabCut().cut(images[0], guess, masks[0][0]) & masks[0][0]).any()


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ({"mask": np.ones((5, 5), np.bool_)}, "a mask of 5 x 5 for a frame of 96 x 160"),
        ({"box": (200.0, 10.0, 220.0, 20.0)}, "a box outside of the 96 x 160 frame"),
        ({"points": np.array([[10.0, 100.0]]), "inside": np.array([True])}, "a point outside of the 96 x 160 frame"),
        ({"mask": np.zeros(SIZE, np.bool_)}, "no pixel belongs to it"),
    ],
)
def test_a_prompt_that_does_not_fit_is_named(rng: np.random.Generator, prompt: dict[str, Any], told: str) -> None:
    images, _ = scene(rng, 2)
    with pytest.raises(InputError, match=f"object 3, frame 0: {told}"):
        list(segment(images, [Prompt(3, 0, **prompt)]))


def test_prompts_beyond_the_end_none_at_all_and_live_sources(rng: np.random.Generator) -> None:
    images, masks = scene(rng, 3)
    frames = segment(images, [Prompt(1, 0, mask=masks[0][0]), Prompt(1, 9, mask=masks[0][0])])
    with pytest.raises(InputError, match="a prompt for frame 9: the last frame is 2"):
        list(frames)
    with pytest.raises(InputError, match="no prompts"):
        list(segment(images, []))
    with pytest.raises(InputError, match="read again"):
        list(segment(iter(images), [Prompt(1, 0, mask=masks[0][0])]))
    with pytest.raises(InputError, match="wanted one of mask, box and points"):
        Prompt(1, 0)
    with pytest.raises(InputError, match="wanted x1 < x2"):
        Prompt(1, 0, box=(5, 5, 5, 9))


def test_prompts_of_files(rng: np.random.Generator, tmp_path: Path) -> None:
    _, masks = scene(rng, 1)
    numbers = np.zeros(SIZE, np.uint8)
    numbers[masks[0][0]], numbers[masks[0][1]], numbers[:2] = 1, 7, davis_png.VOID
    Picture.fromarray(numbers).save(tmp_path / "first.png")
    found = load(tmp_path / "first.png", 4)
    assert [(each.object, each.frame) for each in found] == [(1, 4), (7, 4)]
    assert found[1].mask is not None
    assert np.array_equal(found[1].mask, numbers == 7)
    (text,) = coco_rle.encodings_of(Masks.from_images(masks[0][:1]))
    entries = [
        {"object": 1, "frame": 0, "mask": text},
        {"object": 2, "frame": 3, "box": [1, 2, 30, 40]},
        {"object": 3, "frame": 5, "points": [[4, 5], [6, 7]], "inside": [True, False]},
    ]
    (tmp_path / "p.json").write_text(json.dumps(entries))
    one, two, three = load(tmp_path / "p.json")
    assert one.mask is not None
    assert np.array_equal(one.mask, masks[0][0])
    assert two.box == (1.0, 2.0, 30.0, 40.0)
    assert three.inside is not None
    assert three.inside.tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no json", "neither JSON nor a picture"),
        ("[]", "wanted a list of prompts"),
        ('[{"frame": 0, "box": [0, 0, 5, 5]}]', "prompt 1: 'object' is missing"),
        ('[{"object": 1, "frame": 0, "box": [0, 0, 5]}]', "prompt 1: box"),
        ('[{"object": 1, "frame": 0, "box": [0, 0, 5, NaN]}]', "prompt 1: box"),
        ('[{"object": 1, "frame": 0, "bbox": [0, 0, 5, 5]}]', "prompt 1: unknown key 'bbox'"),
        ('[{"object": 1, "frame": 0, "points": []}]', "prompt 1: wanted points"),
        ('[{"object": 1.5, "frame": 0, "box": [0, 0, 5, 5]}]', "whole numbers"),
        ('[{"object": 1, "frame": 0, "mask": {"size": [4, 4], "counts": "zz"}}]', "prompt 1"),
        ("[3]", "prompt 1: wanted an object"),
    ],
)
def test_faults_of_prompt_files_name_the_entry(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(FormatError, match=told):
        load(tmp_path / "p.json")


def test_the_command_writes_davis_pictures_and_mots_text(
    rng: np.random.Generator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, masks = scene(rng, 5)
    (tmp_path / "clip").mkdir()
    for k, image in enumerate(images):
        Picture.fromarray(image).save(tmp_path / f"clip/{k:05d}.png")
    numbers = masks[0][0].astype(np.uint8) + 2 * masks[0][1].astype(np.uint8)
    Picture.fromarray(numbers).save(tmp_path / "first.png")
    words = [
        "segment",
        str(tmp_path / "clip"),
        "--prompts",
        str(tmp_path / "first.png"),
        "--output",
        str(tmp_path / "out"),
    ]
    assert main(words) == 0
    assert "5 frames" in capsys.readouterr().out
    read = {each.frame: each for each in mots_text.read(tmp_path / "out/clip.txt")}
    for k in range(5):
        picture = davis_png.read_image(tmp_path / f"out/clip/{k:05d}.png")
        assert set(np.unique(picture).tolist()) == {0, 1, 2}
        assert (picture > 0).sum() == read[k].masks.areas().sum()
        assert ((picture == 1) & masks[k][0]).sum() > 0.8 * masks[k][0].sum()
    assert main(words) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*words[:-1], str(tmp_path / "two"), "--flow-alone", "--flow", "dis"]) == 0
