"""Masks that are fitted to pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mots.detection import saved_detections as saved
from mots.detection.mask_refinement import EdgeRefiner, OutlineSettings
from mots.formats import mots_text
from mots.pipeline.pipeline import Pipeline
from mots.pipeline.record import save_detections
from mots.settings import Settings
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

SIZE = (120, 160)


def disc(radius: float, x: float = 80, y: float = 60) -> np.ndarray:
    yy, xx = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    return np.asarray((xx - x) ** 2 + (yy - y) ** 2 < radius**2)


def picture(shape: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A light shape on a dark ground, a little noisy."""
    light = np.where(shape, 170, 80) + rng.normal(0, 3, SIZE)
    return np.repeat(np.clip(light, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def iou(mask: np.ndarray, shape: np.ndarray) -> float:
    return float((mask & shape).sum() / (mask | shape).sum())


def test_a_coarse_outline_goes_to_the_pictures_edge(rng: np.random.Generator) -> None:
    shape = disc(30)
    coarse = np.kron(shape[2::4, 2::4], np.ones((4, 4), np.bool_))  # as a network of a quarter's resolution sees it
    coarse = np.roll(coarse, (-1, -1), axis=(0, 1))
    fitted = EdgeRefiner().refine(picture(shape, rng), Masks.from_images(coarse[None])).image(0)
    assert iou(fitted, shape) > iou(coarse, shape) + 0.03


def test_where_the_picture_shows_no_edge_the_mask_is_moved_back_by_half_a_pixel() -> None:
    plain = np.full((*SIZE, 3), 100, np.uint8)
    mask = np.zeros(SIZE, np.bool_)
    mask[40:80, 50:110] = True
    for settings in (OutlineSettings(), OutlineSettings(threshold=0.5)):
        fitted = EdgeRefiner(settings).refine(plain, Masks.from_images(mask[None]))
        x1, y1, x2, y2 = fitted.boxes[0].tolist()
        assert 0 <= x1 - 50 <= 1
        assert 0 <= y1 - 40 <= 1
        assert 0 <= x2 - 110 + 1 <= 1
        assert 0 <= y2 - 80 + 1 <= 1


def test_masks_stay_in_their_order_at_the_frames_edges_and_none_is_lost(rng: np.random.Generator) -> None:
    shapes = np.stack(
        [disc(20, 0, 0), disc(25, 159, 119), disc(2, 80, 60), disc(0.5, 20, 100), np.zeros(SIZE, np.bool_)]
    )
    masks = Masks.from_images(shapes)
    fitted = EdgeRefiner().refine(picture(np.asarray(shapes.any(axis=0)), rng), masks)
    assert fitted.size == SIZE
    assert [iou(fitted.image(i), shapes[i]) > 0.5 for i in range(4)] == [True] * 4
    assert fitted.areas()[4] == 0
    assert len(EdgeRefiner().refine(np.zeros((*SIZE, 3), np.uint8), masks.take([]))) == 0


def test_a_bright_spot_beside_an_object_is_not_part_of_it(rng: np.random.Generator) -> None:
    shape = disc(30)
    image = picture(shape, rng)
    image[95:103, 79:81] = 250
    mask = shape.copy()
    mask[90:97, 70:90] = True  # it runs over what is beside the object
    fitted = EdgeRefiner().refine(image, Masks.from_images(mask[None])).image(0)
    assert not fitted[97:103].any()
    halves = disc(30) & (np.abs(np.arange(SIZE[1]) - 80) > 4)  # behind a post: two pieces, and both are kept
    fitted = EdgeRefiner().refine(picture(halves, rng), Masks.from_images(halves[None])).image(0)
    assert fitted[60, 60]
    assert fitted[60, 100]


def filtered(image: np.ndarray, mask: np.ndarray, radius: int, settings: OutlineSettings) -> np.ndarray:
    """The refined mask by the paper's equations, in double precision and with OpenCV's means, in the whole picture."""
    cv2 = pytest.importorskip("cv2")

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.blur(values, (2 * radius + 1, 2 * radius + 1)))

    guide = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) / 255.0
    padded = np.pad(mask.astype(np.float64), ((1, 0), (1, 0)), mode="edge")
    moved = (padded[1:, 1:] + padded[1:, :-1] + padded[:-1, 1:] + padded[:-1, :-1]) / 4
    slope = (mean(guide * moved) - mean(guide) * mean(moved)) / (
        mean(guide**2) - mean(guide) ** 2 + settings.contrast**2
    )
    intercept = mean(moved) - slope * mean(guide)
    return np.asarray(mean(slope) * guide + mean(intercept) >= settings.threshold)


@pytest.mark.parametrize("largest", [1, 3, 8, 25])
def test_the_filter_is_that_of_the_paper_up_to_the_frames_edges(rng: np.random.Generator, largest: int) -> None:
    settings = OutlineSettings(radius=10, max_radius=largest, min_piece=0.0)
    shapes = [disc(24, 70, 50), disc(20, 3, 60), disc(15, 150, 110), disc(40, 80, 0)]
    image = rng.integers(0, 256, (*SIZE, 3)).astype(np.uint8)
    image[np.logical_or.reduce(shapes)] //= 2
    fitted = EdgeRefiner(settings).refine(image, Masks.from_images(np.stack(shapes)))
    for i, shape in enumerate(shapes):
        wanted = filtered(image, shape, largest, settings)
        assert (fitted.image(i) != wanted).mean() < 2e-4  # rounding, where a pixel lies on the threshold


def test_a_mask_as_thin_as_the_frame_and_extreme_settings_are_possible(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (1, 40, 3)).astype(np.uint8)
    line = np.zeros((1, 1, 40), np.bool_)
    line[0, 0, 5:30] = True
    for settings in (
        OutlineSettings(radius=10, max_radius=10**6),
        OutlineSettings(contrast=0.0, threshold=0.0),
        OutlineSettings(contrast=1.0, threshold=1.0, min_piece=1.0),
    ):
        fitted = EdgeRefiner(settings).refine(image, Masks.from_images(line))
        assert 0 < fitted.areas()[0] <= 40


def test_fitting_changes_nothing_that_it_was_given(rng: np.random.Generator) -> None:
    masks, image = Masks.from_images(disc(20)[None]), picture(disc(20), rng)
    before = masks.pixels.copy(), image.copy()
    EdgeRefiner().refine(image, masks)
    assert (masks.pixels == before[0]).all()
    assert (image == before[1]).all()


@pytest.fixture
def clip(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A picture of a disc, and coarse detections of it as text and as npz."""
    (tmp_path / "clip").mkdir()
    Image.fromarray(picture(disc(30), rng)).save(tmp_path / "clip/000000.png")
    coarse = Masks.from_images(np.kron(disc(30)[2::4, 2::4], np.ones((4, 4), np.bool_))[None])
    found = Detections.from_masks(coarse, np.array([0.9]), np.array([0]))
    for name in ("coarse.txt", "coarse.npz"):
        with saved.DetectionWriter(tmp_path / name, 30.0, {}) as writer:
            writer.write(0, 0.0, found)
    return tmp_path


def masks_of(run: Pipeline) -> Masks:
    (measured,) = run.measure()
    return measured.detections.masks


@pytest.mark.parametrize("name", ["coarse.txt", "coarse.npz"])
def test_saved_masks_are_fitted_once_and_only_where_there_are_pictures(clip: Path, name: str) -> None:
    (coarse,) = (each.detections.masks for each in saved.read(clip / name))
    run = Pipeline(clip / "clip", detections=clip / name)
    assert run.refines_masks
    fitted = masks_of(run)
    assert iou(fitted.image(0), disc(30)) > iou(coarse.image(0), disc(30))
    alone = Pipeline(clip / name)
    assert not alone.refines_masks
    assert (masks_of(alone).image(0) == coarse.image(0)).all()
    off = Settings(outline=OutlineSettings(enabled=False))
    assert (masks_of(Pipeline(clip / "clip", off, detections=clip / name)).image(0) == coarse.image(0)).all()
    with saved.DetectionWriter(clip / "again.npz", 30.0, {}, run.refines_masks) as writer:
        for each in run.measure():
            plain = replace(each.detections, embeddings=each.detections.embeddings[:, :0])
            writer.write(each.frame, each.time, plain, each.motion)
    again = Pipeline(clip / "clip", detections=clip / "again.npz")
    assert again.refines_masks
    assert (masks_of(again).image(0) == fitted.image(0)).all()


def test_detections_are_saved_with_their_refined_masks_in_both_forms(clip: Path) -> None:
    (coarse,) = (each.detections.masks for each in saved.read(clip / "coarse.npz"))
    for name in ("out.txt", "out.npz"):
        save_detections(Pipeline(clip / "clip", detections=clip / "coarse.npz"), clip / name, quiet=True)
        opened = saved.read(clip / name)
        assert opened.refined
        (masks,) = (each.detections.masks for each in opened)
        assert not (masks.image(0) == coarse.image(0)).all()
        # They are not refined a second time.
        (again,) = (each.detections.masks for each in Pipeline(clip / "clip", detections=clip / name).measure())
        assert (again.image(0) == masks.image(0)).all()


def test_a_detector_of_ones_own_keeps_its_masks_unless_it_says_that_they_are_coarse(clip: Path) -> None:
    class Own:
        names: dict[int, str] = {}  # noqa: RUF012
        coarse = False

        def detect(self, images: object, classes: object = ()) -> list[object]:
            return [each.detections for each in saved.read(clip / "coarse.npz")]

    own = Own()
    assert not Pipeline(clip / "clip", detector=own).refines_masks  # type: ignore[arg-type]
    own.coarse = True
    assert Pipeline(clip / "clip", detector=own).refines_masks  # type: ignore[arg-type]


def test_real_masks_come_nearer_to_the_truth(shared: Path) -> None:
    truth = {each.frame: each for each in mots_text.read(shared / "data/mots20/0005/instances.txt")}
    outline, before, after = EdgeRefiner(), [], []
    for each in saved.read(shared / "acceptance/detections/0005.txt"):
        if each.frame % 60 or each.frame not in truth:
            continue
        image = np.asarray(Image.open(shared / f"data/mots20/0005/images/{each.frame:06d}.jpg").convert("RGB"))
        coarse, own = each.detections.masks, truth[each.frame].masks
        ious = own.iou(coarse)
        rows, columns = np.nonzero(ious >= 0.5)
        before.append(ious[rows, columns])
        after.append(own.iou(outline.refine(image, coarse))[rows, columns])
    assert np.concatenate(after).mean() > np.concatenate(before).mean() + 0.005
