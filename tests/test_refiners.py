"""Refiners by name: chained in order, given what they choose among, and segmenters by prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mots.detection.measurement import Measurer
from mots.errors import FormatError, InputError
from mots.pipeline.parts import mask_refiner_of
from mots.pipeline.pipeline import Pipeline
from mots.segmentation.cleaning import MaskCleaner
from mots.segmentation.mask_smoothing import MaskSmoother
from mots.segmentation.prompted_refiner import PromptedRefiner, PromptSettings
from mots.segmentation.refiner_chain import RefinerChain
from mots.settings import load
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks
from mots.video.frame import Frame

Image = NDArray[np.uint8]
SIZE = (80, 120)


class Grower:
    """Adds a row of pixels below each mask."""

    def refine(self, image: Image, masks: Masks) -> Masks:
        images = masks.to_images()
        return Masks.from_images(images | np.roll(images, 1, axis=1))


class Asked:
    """A segmenter that answers with what it is told, and remembers what it was asked."""

    def __init__(self, answer: NDArray[np.bool_] | None = None) -> None:
        self.answer = answer
        self.guesses: list[NDArray[np.bool_]] = []
        self.others: list[NDArray[np.bool_]] = []

    def cut(self, image: Image, guess: Any, others: Any, memory: Any = None) -> NDArray[np.bool_]:
        self.guesses.append(guess >= 0.5)
        self.others.append(others)
        return (guess >= 0.5) if self.answer is None else self.answer


def boxes(*corners: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    images = np.zeros((len(corners), *SIZE), np.bool_)
    for image, (x1, y1, x2, y2) in zip(images, corners, strict=True):
        image[y1:y2, x1:x2] = True
    return images


def detections(images: NDArray[np.bool_], scores: list[float]) -> Detections:
    return Detections.from_masks(Masks.from_images(images), np.array(scores), np.zeros(len(scores)))


def test_refiners_work_one_after_another() -> None:
    images = boxes((10, 10, 40, 40))
    image = np.zeros((*SIZE, 3), np.uint8)
    found = RefinerChain([Grower(), Grower()]).refine(image, Masks.from_images(images))
    assert found.boxes.tolist() == [[10, 10, 40, 42]]
    measured = Measurer(RefinerChain([Grower(), PromptedRefiner(Asked())])).measure(  # type: ignore[arg-type]
        Frame(0, 0.0, image), detections(images, [0.3])
    )
    assert measured.detections.masks.boxes.tolist() == [[10, 10, 40, 41]]


def test_only_uncertain_and_half_hidden_masks_are_asked_for() -> None:
    images = boxes(
        (0, 0, 20, 20), (40, 0, 60, 20), (55, 0, 75, 20), (90, 0, 110, 20), (0, 40, 20, 60), (40, 40, 44, 44)
    )
    given = detections(images, [0.9, 0.9, 0.8, 0.5, 0.2, 0.4])
    asked = Asked()
    refiner = PromptedRefiner(asked)  # type: ignore[arg-type]
    masks = refiner.refine_detections(np.zeros((*SIZE, 3), np.uint8), given)
    # The fourth is unsure, the second and third overlap; the fifth is hardly an object, and the last is too small.
    assert [np.flatnonzero((images == guess).all(axis=(1, 2)))[0] for guess in asked.guesses] == [3, 2, 1]
    np.testing.assert_array_equal(masks.to_images(), images)
    # What surer masks have is not offered, but for the pixels that both claim.
    np.testing.assert_array_equal(asked.others[1], (images[0] | images[1]) & ~images[2])
    few = PromptedRefiner(Asked(), PromptSettings(most=1))  # type: ignore[arg-type]
    few.refine_detections(np.zeros((*SIZE, 3), np.uint8), given)
    assert few.asked == 1


def test_an_answer_that_disagrees_is_not_taken() -> None:
    (own, better, other) = boxes((10, 10, 40, 40), (10, 10, 38, 44), (50, 50, 90, 75))
    image = np.zeros((*SIZE, 3), np.uint8)
    for answer, wanted in ((better, better), (other, own), (np.zeros(SIZE, np.bool_), own)):
        refiner = PromptedRefiner(Asked(answer))  # type: ignore[arg-type]
        found = refiner.refine_detections(image, detections(own[None], [0.4]))
        np.testing.assert_array_equal(found.image(0), wanted)


def test_refiners_are_chosen_by_name() -> None:
    def kinds(names: str, coarse: bool = False) -> list[str]:
        found = mask_refiner_of(load(changes={"refiners": names}), coarse)
        every = found.refiners if isinstance(found, RefinerChain) else [found]
        return [type(each).__name__ for each in every]

    assert kinds("") == ["NoneType"]
    assert kinds("", coarse=True) == ["EdgeRefiner"]
    assert kinds("smooth, clean") == [MaskSmoother.__name__, MaskCleaner.__name__]
    assert kinds("grabcut", coarse=True) == ["EdgeRefiner", "PromptedRefiner"]
    with pytest.raises(InputError, match="unknown refiner 'sharpen': there are clean, smooth, grabcut, sam"):
        kinds("sharpen")
    with pytest.raises(InputError, match=r"no weights 'sam_b\.pt'"):
        kinds("sam")


def test_a_run_uses_them(rng: np.random.Generator) -> None:
    crumbs = boxes((10, 10, 40, 40))
    crumbs[0, 60, 100] = True

    class Detector:
        coarse = False

        def detect(self, images: Any, classes: Any = ()) -> list[Detections]:
            return [detections(crumbs, [0.9]) for _ in images]

    image = rng.integers(0, 256, (*SIZE, 3)).astype(np.uint8)
    for names, wanted in (("", [10, 10, 101, 61]), ("clean", [10, 10, 40, 40])):
        detector: Any = Detector()
        (frame,) = Pipeline([image], load(changes={"refiners": names}), detector=detector)
        assert frame.masks.boxes.tolist() == [wanted]


def test_sam_answers_prompts_with_weights_of_its_own_definition(tmp_path: Path, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("ultralytics")
    from mots.models.torchvision_operators import import_torchvision

    import_torchvision()
    from ultralytics.models.sam.build import build_mobile_sam

    from mots.models.sam import Sam

    torch.manual_seed(0)
    state = build_mobile_sam().state_dict()
    torch.save(state, tmp_path / "mobile_sam.pt")
    segmenter = Sam(tmp_path / "mobile_sam.pt", "cpu")
    image = rng.integers(0, 256, (60, 80, 3)).astype(np.uint8)
    found = segmenter.from_box(image, (10.0, 10.0, 50.0, 40.0))
    assert found.shape == (60, 80)
    assert found.dtype == np.bool_
    np.testing.assert_array_equal(segmenter.from_box(image, (10.0, 10.0, 50.0, 40.0)), found)
    points = segmenter.from_points(image, np.array([[30.0, 20.0], [70.0, 50.0]]), np.array([True, False]))
    assert points.shape == (60, 80)
    guess = np.zeros((60, 80), np.float32)
    guess[10:40, 10:50] = 1
    others = np.zeros((60, 80), np.bool_)
    others[10:20] = True
    cut = segmenter.cut(image, guess, others)
    assert not (cut & others).any()
    assert (cut & (guess >= 0.5)).any()  # random weights see nothing there: the guess stays
    torch.save(state, tmp_path / "own.pt")
    with pytest.raises(FormatError, match="its name says none of the networks"):
        Sam(tmp_path / "own.pt")
    torch.save({"a": torch.zeros(2)}, tmp_path / "sam_b.pt")
    with pytest.raises(FormatError, match="no weights of this network"):
        Sam(tmp_path / "sam_b.pt", "cpu")
    (tmp_path / "mobile_sam.pt").write_bytes(b"cposix\nsystem\n(S'false'\ntR.")
    with pytest.raises(FormatError, match="not weights that can be loaded safely"):
        Sam(tmp_path / "mobile_sam.pt")
