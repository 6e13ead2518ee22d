"""Keyframe labels carried to all frames: masks between two keyframes, ids joined, confidence, files and formats."""

from __future__ import annotations

import csv
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture

from mots.cli.entry import main
from mots.errors import FormatError, InputError
from mots.formats import mots_text
from mots.formats.convert import write
from mots.formats.label_table import table_of_frames
from mots.labelling.annotate import FrameRow, next_keyframe
from mots.labelling.keyframes import (
    AnnotatedFrame,
    annotate_frames,
    blended,
    keyframe_labels,
    renamed,
    unsure_ignored,
)
from mots.labels import FrameLabels
from mots.segmentation.carrying import CarrySettings
from mots.trackers.masks import Masks
from mots.video.opening import source_of

Image = NDArray[np.uint8]
SIZE = (96, 160)


def scene(rng: np.random.Generator, count: int = 21) -> tuple[list[Image], list[FrameLabels]]:
    """A red person and a blue car that pass each other at different heights, and their exact labels."""

    def textured(low: int, high: int) -> Image:
        return np.asarray(np.kron(rng.integers(low, high, (24, 40, 3)), np.ones((4, 4, 1))), np.uint8)

    ground, red, blue = textured(70, 130), textured(20, 60), textured(20, 60)
    red[..., 0], blue[..., 2] = rng.integers(190, 250, SIZE), rng.integers(190, 250, SIZE)
    yy, xx = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    images, labels = [], []
    for k in range(count):
        masks = np.stack(
            [(xx - 30 - 4 * k) ** 2 + (yy - 28) ** 2 < 225, (xx - 130 + 4 * k) ** 2 + (yy - 68) ** 2 < 225]
        )
        image = ground.copy()
        for mask, colour, shift in ((masks[0], red, 4 * k), (masks[1], blue, -4 * k)):
            image[mask] = np.roll(colour, shift, axis=1)[mask]
        images.append(image)
        labels.append(
            FrameLabels(
                k, k / 10, np.array([1, 2]), np.array([0, 2]), np.ones(2, np.float32), Masks.from_images(masks),
                Masks.empty(SIZE),
            )
        )  # fmt: skip
    return images, labels


def annotated(images: list[Image], keys: list[FrameLabels], rate: float = 10.0) -> list[AnnotatedFrame]:
    # Small discs before a patterned ground: what a careful flow is for.
    keyed = {each.frame: each for each in keys}
    return list(annotate_frames(source_of(images, rate), keyed, settings=CarrySettings()))


def ious(found: FrameLabels, truth: FrameLabels) -> list[float]:
    """Of each object of the truth with the mask of its id, 0 where there is none."""
    rows = {int(identity): k for k, identity in enumerate(found.ids)}
    both = truth.masks.iou(found.masks) if len(found) else np.zeros((len(truth), 0))
    return [float(both[k, rows[int(each)]]) if int(each) in rows else 0.0 for k, each in enumerate(truth.ids)]


def test_two_keyframes_label_all_that_lies_between(rng: np.random.Generator) -> None:
    images, truth = scene(rng)
    found = annotated(images, [truth[0], truth[20]])
    assert [each.labels.frame for each in found] == list(range(21))
    assert [each.keyframe for each in found] == [True] + [False] * 19 + [True]
    every = [ious(each.labels, own) for each, own in zip(found, truth, strict=True)]
    assert np.min(every) > 0.7
    assert np.mean(every) > 0.88
    assert all(each.labels.classes.tolist() == [0, 2] for each in found)
    assert found[0].confidence == found[20].confidence == 1.0
    assert all(0.75 < each.confidence <= 1 for each in found)
    np.testing.assert_array_equal(found[20].labels.masks.to_images(), truth[20].masks.to_images())


def test_beyond_the_outer_keyframes_confidence_falls_with_time(rng: np.random.Generator) -> None:
    images, truth = scene(rng)
    found = annotated(images, [truth[10]])
    confidence = [each.confidence for each in found]
    assert all(a < b for a, b in itertools.pairwise(confidence[:11]))
    assert all(a > b for a, b in itertools.pairwise(confidence[10:]))
    assert min(min(ious(each.labels, own)) for each, own in zip(found, truth, strict=True)) > 0.6


def test_one_object_with_other_ids_in_each_keyframe_is_one_object(rng: np.random.Generator) -> None:
    images, truth = scene(rng)
    keys = [truth[0], replace(truth[10], ids=np.array([31, 2])), replace(truth[20], ids=np.array([31, 77]))]
    found = annotated(images, keys)
    assert all(each.labels.ids.tolist() == [1, 2] for each in found)
    # Of another class it is another object, and so is one that is not where the first was carried to.
    other = annotated(images, [truth[0], replace(truth[20], ids=np.array([31, 2]), classes=np.array([16, 2]))])
    assert other[20].labels.ids.tolist() == [31, 2]
    away = replace(truth[20], ids=np.array([31, 2]), masks=truth[20].masks.moved(np.array([[40.0, 0.0], [0.0, 0.0]])))
    assert annotated(images, [truth[0], away])[20].labels.ids.tolist() == [31, 2]


def test_two_objects_never_share_an_id(rng: np.random.Generator) -> None:
    images, truth = scene(rng)
    # In the second keyframe object 1 is called 31; in the third an object 1 is there beside it, so they were two.
    second = replace(truth[10], ids=np.array([31, 2]))
    third = replace(truth[20], ids=np.array([31, 1]))
    found = annotated(images, [truth[0], second, third])
    assert all(len(np.unique(each.labels.ids)) == len(each.labels) for each in found)
    assert found[10].labels.ids.tolist() == [1, 2]
    assert found[20].labels.ids.tolist() == [31, 1]


def test_what_only_one_keyframe_has_is_less_sure(rng: np.random.Generator) -> None:
    images, truth = scene(rng)
    alone = truth[20].take(np.array([1]))
    found = annotated(images, [truth[0], alone])
    assert found[20].labels.ids.tolist() == [2]
    near = found[2].labels
    assert sorted(near.ids.tolist()) == [1, 2]
    scores = dict(zip(near.ids.tolist(), near.scores.tolist(), strict=True))
    assert scores[1] <= 0.5 < scores[2]
    assert found[2].confidence == pytest.approx(np.mean(near.scores), abs=1e-6)


def test_what_is_unsure_can_be_left_out_of_training(rng: np.random.Generator) -> None:
    images, truth = scene(rng)
    frame = annotated(images, [truth[0], truth[20].take(np.array([1]))])[3].labels
    left = unsure_ignored(frame, 0.6)
    assert left.ids.tolist() == [2]
    np.testing.assert_array_equal(left.ignore.to_images()[0], frame.masks.image(int(np.flatnonzero(frame.ids == 1)[0])))
    assert unsure_ignored(frame, 0.0).ids.tolist() == frame.ids.tolist()


def test_a_keyframe_without_objects_counts(rng: np.random.Generator, tmp_path: Path) -> None:
    images, truth = scene(rng)
    table = table_of_frames([truth[0], FrameLabels.empty(5, 0.5, SIZE), truth[20]], "street")
    write(tmp_path / "keys.json", {"street": replace(table, listed=np.array([0, 5, 20]))}, "coco")
    keys = keyframe_labels(tmp_path / "keys.json")
    assert [len(each) for each in keys.values()] == [2, 0, 2]
    found = list(annotate_frames(source_of(images, 10.0), keys))
    assert len(found[5].labels) == 0
    assert found[5].keyframe


def test_an_outline_between_two(rng: np.random.Generator) -> None:
    yy, xx = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    small, large = ((xx - 80) ** 2 + (yy - 48) ** 2 < radius**2 for radius in (10, 30))
    middle = blended(small, large, 0.5)
    assert np.sqrt(middle.sum() / np.pi) == pytest.approx(20, abs=0.7)
    np.testing.assert_array_equal(blended(small, large, 0.0), small)
    np.testing.assert_array_equal(blended(small, large, 1.0), large)


def test_the_next_keyframe_is_where_most_is_to_gain() -> None:
    def rows(values: list[float]) -> list[FrameRow]:
        return [FrameRow(k, k / 10, value, 1, False) for k, value in enumerate(values)]

    assert next_keyframe(rows([1.0, 0.95, 0.92])) is None
    assert next_keyframe([]) is None
    advised = next_keyframe(rows([1.0, 0.3, 1.0, 0.5, 0.45, 0.4, 0.45, 0.5, 1.0]))
    assert advised is not None
    assert advised.frame == 5


def test_wrong_keyframes_are_told(rng: np.random.Generator) -> None:
    images, truth = scene(rng, 5)
    with pytest.raises(InputError, match="there is no frame 9, which has labels"):
        annotated(images, [truth[0], replace(truth[1], frame=9)])
    small = FrameLabels(
        2, 0.2, np.array([1]), np.array([0]), np.ones(1, np.float32), Masks.from_images(np.ones((1, 10, 20), bool)),
        Masks.empty((10, 20)),
    )  # fmt: skip
    with pytest.raises(FormatError, match="frame 2: labels of 10 x 20 for a frame of 96 x 160"):
        annotated(images, [small])


@pytest.mark.parametrize("kind", ["coco", "cvat-images", "cvat-xml", "mots-png"])
def test_from_the_command_line_by_each_format(
    kind: str, rng: np.random.Generator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, truth = scene(rng, 11)
    (tmp_path / "street").mkdir()
    for k, image in enumerate(images):
        Picture.fromarray(image).save(tmp_path / f"street/{k:06d}.png")
    target = tmp_path / {"coco": "keys.json", "mots-png": "keys"}.get(kind, "keys.xml")
    keys = [truth[0], truth[10]]
    if kind in ("cvat-xml", "mots-png"):  # which list every frame up to the last: all of them are keyframes
        keys = truth
    write(target, {"street": table_of_frames(keys, "street")}, kind)
    command = ["annotate", str(tmp_path / "street"), str(target), "--output", str(tmp_path / "out")]
    assert main(command) == 0
    assert f"{len(keys)} keyframes -> 11 frames" in capsys.readouterr().out
    found = list(mots_text.read(tmp_path / "out/street.txt"))
    assert len({tuple(each.ids.tolist()) for each in found}) == 1
    for each, own in zip(found, truth, strict=True):
        assert own.masks.iou(each.masks).max(axis=1).min() > 0.5
    rows = list(csv.DictReader((tmp_path / "out/street.confidence.csv").read_text().splitlines()))
    assert [int(row["keyframe"]) for row in rows] == [int(k in {each.frame for each in keys}) for k in range(11)]
    assert main(command) == 2
    assert "exists" in capsys.readouterr().err
    # And back to an annotator.
    assert main(["convert", str(tmp_path / "out/street.txt"), str(tmp_path / "back.xml"), "--to", "cvat-xml"]) == 0


def test_names_are_given_to_one_object_each() -> None:
    names = {31: 1, 32: 1, 40: 4}
    assert renamed(np.array([31, 40, 7]), names).tolist() == [1, 4, 7]
    assert renamed(np.array([32, 31, 40]), names).tolist() == [1, 31, 4]
    assert names == {32: 1, 40: 4}
    assert renamed(np.array([40, 4]), names).tolist() == [40, 4]
    assert names == {32: 1}
