"""Draw the pictures of the documentation, on toy worlds, whose images may be published.

python tools/docs_pictures.py [--output docs/images]
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mots.classes import STEP_NAMES
from mots.formats import davis_png
from mots.labelling.drift import changes_between, seen_of
from mots.labelling.drift_plot import plot
from mots.labelling.keyframes import annotate_frames
from mots.labelling.selection_task import selected_frames, write_task
from mots.labels import FrameLabels
from mots.models.semantic import SemanticNetwork
from mots.pipeline.pipeline import Pipeline
from mots.rendering.annotator import Annotator, Drawing
from mots.segmentation.mask_smoothing import smoothed
from mots.segmentation.prompts import Prompt
from mots.segmentation.segment import OBJECT_NAMES, segment
from mots.segmentation.semantic_maps import SmoothedMaps
from mots.settings import load
from mots.toy.world import World, WorldSettings
from mots.trackers.masks import Masks
from mots.video.opening import source_of

Pixels = NDArray[np.uint8]
STILL = WorldSettings(height=288, width=512, walkers=9, vehicles=3, posts=4, pan=0.0, frame_rate=12.0)
GAP = 6  # pixels between the parts of a picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("docs/images"))
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in (
        ("background", background), ("segment", segmented), ("clean", cleaned), ("semantic", semantic),
        ("annotate", annotated),
    ):  # fmt: skip
        save(folder / f"{name}.png", draw())
    select(folder / "select.png")
    drift(folder / "drift.png")


def save(path: Path, picture: Pixels) -> None:
    """As a palette picture, which is a third of the size."""
    Image.fromarray(picture).quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path, path.stat().st_size // 1000, "kB")


def beside(*parts: Pixels) -> Pixels:
    """Pictures of one height, side by side."""
    gap = np.full((parts[0].shape[0], GAP, 3), 255, np.uint8)
    joined = [part for each in parts for part in (each, gap)][:-1]
    return np.concatenate(joined, axis=1)


def drawn(image: Pixels, labels: FrameLabels) -> Pixels:
    return Annotator(STILL.frame_rate, OBJECT_NAMES, Drawing(trace=0.0)).draw(image, labels)


def background() -> Pixels:
    world = World(16, STILL)
    settings = load(changes={"frame_rate": 12.0, "detector.kind": "background"})
    frames = list(Pipeline([world.frame(k)[0] for k in range(60)], settings))
    return beside(frames[-1].image, drawn(frames[-1].image, frames[-1].labels))


def segmented() -> Pixels:
    world = World(16, replace(STILL, frame_rate=25.0))
    images, truths = zip(*world.frames(25), strict=True)
    clear = np.argsort(-truths[0].masks.areas())[:4]
    prompts = [Prompt(int(truths[0].ids[k]), 0, mask=truths[0].masks.image(int(k))) for k in clear]
    found = list(segment(list(images), prompts, frame_rate=12.0))
    return beside(drawn(images[0], found[0]), drawn(images[12], found[12]))


def cleaned() -> Pixels:
    """One walker, enlarged: as tracked with frayed edges, and after the vote."""
    world, rng = World(16, STILL), np.random.default_rng(3)
    images, truths = zip(*world.frames(9), strict=True)
    worn = [frayed(rng, each) for each in truths]
    smooth = list(smoothed(zip(images, worn, strict=True)))
    whole = np.intersect1d(truths[3].ids, truths[5].ids)
    people = truths[4].ids[truths[4].classes == 0]
    k = max((int(np.flatnonzero(truths[4].ids == each)[0]) for each in whole if each in people),
            key=lambda row: truths[4].masks.areas()[row])  # fmt: skip
    x1, y1, x2, y2 = truths[4].masks.boxes[k].tolist()
    part = np.s_[max(y1 - 8, 0) : y2 + 8, max(x1 - 8, 0) : x2 + 8]
    parts = [drawn(images[4], each[4].take(np.array([k])))[part] for each in (worn, smooth)]
    return beside(*(np.asarray(Image.fromarray(each).resize((each.shape[1] * 2, each.shape[0] * 2))) for each in parts))


def frayed(rng: np.random.Generator, labels: FrameLabels) -> FrameLabels:
    """The labels with bites and bumps along each mask's edge."""
    images = labels.masks.to_images()
    for image in images:
        rows, columns = np.nonzero(image ^ np.roll(image, 1, axis=0))
        for place in rng.integers(0, max(len(rows), 1), 14 if len(rows) else 0):
            y, x = rows[place], columns[place]
            image[max(y - 5, 0) : y + 5, max(x - 5, 0) : x + 5] = rng.random() < 0.5
    masks, _ = Masks.from_images(images).disjoint(np.ones(len(labels)))
    return replace(labels, masks=masks)


def semantic() -> Pixels:
    world = World(72, WorldSettings(height=288, width=512, posts=6, pan=0.2))
    maps = SmoothedMaps(SemanticNetwork("demo-semantic"))
    found = [maps.map(world.frame(k)[0]) for k in range(8)]
    colours = np.array(davis_png.palette(), np.uint8).reshape(-1, 3)
    numbers = np.arange(len(STEP_NAMES)) + 1
    return beside(world.frame(7)[0], colours[np.append(numbers, np.zeros(237, int))[found[-1]]])


def annotated() -> Pixels:
    world = World(16, replace(STILL, frame_rate=25.0))
    images, truths = zip(*world.frames(13), strict=True)
    found = list(annotate_frames(source_of(list(images), 12.0), {0: truths[0], 12: truths[12]}))
    return beside(
        drawn(images[0], found[0].labels), drawn(images[6], found[6].labels), drawn(images[12], found[12].labels)
    )


def select(path: Path) -> None:
    """A sheet of the thumbnails that `mots select` writes."""
    with tempfile.TemporaryDirectory() as work:
        sources = []
        for seed in (61, 62):
            folder = Path(work) / f"street{seed - 60}"
            folder.mkdir()
            world = World(seed, STILL)
            for k in range(40):
                Image.fromarray(world.frame(3 * k)[0]).save(folder / f"{k:06d}.png")
            sources.append(str(folder))
        selection = selected_frames(sources, 8, load(changes={"detector.weights": "demo", "classes": "all"}), every=2)
        write_task(Path(work) / "task", selection)
        files = [
            Path(work) / f"task/thumbnails/{each.value.source}/{each.value.frame:06d}.jpg" for each in selection.choices
        ]
        small = [np.asarray(Image.open(file)) for file in files]
    rows = [beside(*small[k : k + 4]) for k in range(0, len(small), 4)]
    gap = np.full((GAP, rows[0].shape[1], 3), 255, np.uint8)
    save(path, np.concatenate([rows[0], gap, rows[1]]))


def drift(path: Path) -> None:
    """Two days of one street, the second one dark."""
    world = World(3, replace(STILL, height=144, width=256, light=0.0, frame_rate=1.0))
    sides = []
    for name, start, gain in (("monday", 0, 1.0), ("tuesday", 150, 0.6)):
        frames = ((world.detections(k), (world.frame(k)[0] * gain).astype(np.uint8)) for k in range(start, start + 100))
        sides.append(seen_of(name, frames))
    monday, tuesday = sides
    plot(monday, tuesday, changes_between(monday, tuesday), path)
    print(path, path.stat().st_size // 1000, "kB")


if __name__ == "__main__":
    main()
