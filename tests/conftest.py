"""What tests share: where the real data lies, and scenes drawn at random."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from mots.detection import saved_detections as saved
from mots.formats import mots_text
from mots.toy.world import World, WorldSettings
from mots.trackers.detections import Detections
from mots.trackers.masks import Masks

# Machines are shared and numba compiles on first use: no example may fail for being slow.
settings.register_profile("mots", deadline=None)
settings.load_profile("mots")

# A shell ignores interrupts for what it starts in the background, and children inherit that; tests of interrupts need
# Python's own handler.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Exports of weights are kept between the tests, and away from the user's own.
os.environ["XDG_CACHE_HOME"] = str(Path(__file__).resolve().parents[1] / "build/test-cache")

SHARED = Path(os.environ.get("MOTS_DATA") or Path(__file__).resolve().parents[1].parent / "shared")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and weights beside the project."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"real data is not there: {SHARED}")
    return SHARED


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260101)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes: the disk is full.

    Held inside a test, not around it: pytest's own report may go to a file too.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def random_images(rng: np.random.Generator, n: int, size: tuple[int, int], fill: float = 0.3) -> np.ndarray:
    """(n, H, W) bool: blobs of noise in random boxes, some of them empty."""
    images = np.zeros((n, *size), np.bool_)
    for image in images:
        y1, y2 = sorted(rng.integers(0, size[0] + 1, 2))
        x1, x2 = sorted(rng.integers(0, size[1] + 1, 2))
        image[y1:y2, x1:x2] = rng.random((y2 - y1, x2 - x1)) < fill
    return images


def boxes_as_detections(
    boxes: list[tuple[int, int, int, int]],
    scores: list[float] | None = None,
    classes: list[int] | None = None,
    size: tuple[int, int] = (100, 200),
) -> Detections:
    """Detections whose masks fill their boxes."""
    corners = [(x1, y1) for x1, y1, _, _ in boxes]
    crops = [np.ones((y2 - y1, x2 - x1), np.bool_) for x1, y1, x2, y2 in boxes]
    return Detections.from_masks(
        Masks.from_crops(size, corners, crops),
        np.array([0.9] * len(boxes) if scores is None else scores, np.float32),
        np.array([0] * len(boxes) if classes is None else classes, np.int64),
    )


TOY_FRAMES = 12
TOY = WorldSettings(height=90, width=160, walkers=6, vehicles=2)


def toy_root(root: Path, names: tuple[str, ...] = ("0000", "0001")) -> Path:
    """Toy worlds in the layout of KITTI MOTS, their noisy detections beside it, and a sequence map."""
    for number, name in enumerate(names):
        world, table = World(8 + number, TOY), mots_text.IdTable()
        images, text = root / f"training/image_02/{name}", ""
        images.mkdir(parents=True)
        (root / "detections").mkdir(exist_ok=True)
        with saved.DetectionWriter(root / f"detections/{name}.npz", 10.0, {}) as writer:
            for k, (image, truth) in enumerate(world.frames(TOY_FRAMES)):
                Image.fromarray(image).save(images / f"{k:06d}.png")
                text += mots_text.lines(truth.take(np.flatnonzero(np.isin(truth.classes, (0, 2)))), table)
                writer.write(k, k / 10, world.detections(k))
        (root / "instances_txt").mkdir(exist_ok=True)
        (root / f"instances_txt/{name}.txt").write_text(text)
    (root / "x.seqmap").write_text("".join(f"{name} empty 000000 {TOY_FRAMES - 1:06d}\n" for name in names))
    return root


def result_files(output: Path) -> dict[str, bytes]:
    """A benchmark run's results, by name."""
    return {
        str(file.relative_to(output)): file.read_bytes()
        for folder in ("data", "tracks")
        for file in sorted((output / folder).iterdir())
    }


class WorldDetector:
    """A detector that gives a world's noisy detections, frame after frame."""

    names: dict[int, str] = {}  # noqa: RUF012
    coarse = False

    def __init__(self, world: World) -> None:
        self.world, self.frame = world, -1

    def detect(self, images: Sequence[np.ndarray], classes: Sequence[int] = ()) -> list[Detections]:
        self.frame += 1
        found = self.world.detections(self.frame)
        return [found.take(np.isin(found.classes, classes)) if classes else found]
