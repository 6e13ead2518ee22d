"""`mots demo`: the whole engine on a rendered toy world, offline, compared with the world's exact truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter

import numpy as np

from mots import settings as knobs
from mots.labels import FrameLabels
from mots.metrics.events import accumulate, identity_scores
from mots.models.weights import DEMO
from mots.models.yolov8_seg import YOLOv8Seg
from mots.pipeline.pipeline import Run
from mots.pipeline.record import record
from mots.toy.world import World
from mots.video.opening import Frame

__all__ = ["Agreement", "WorldSource", "compare", "run"]

CLASSES = ("person", "car", "bus", "truck")
DETECTED = 0.5  # IoU from which a mask counts as found


class WorldSource:
    """A toy world as a source of frames; keeps the truth of the frames that were read."""

    live = False

    def __init__(self, world: World, length: int) -> None:
        self.world, self.name = world, f"world{world.seed}"
        self.frame_rate = world.settings.frame_rate
        self.length: int | None = length
        self.truth: list[FrameLabels] = []

    def __iter__(self) -> Iterator[Frame]:
        assert self.length is not None
        for number, (image, truth) in enumerate(self.world.frames(self.length)):
            self.truth.append(truth)
            yield Frame(number, truth.time, image)


@dataclass
class Agreement:
    """How results compare with the truth, counted frame by frame: counts add, ratios divide."""

    objects: int = 0
    found: int = 0
    iou: float = 0.0  # summed over the found
    pairs: list[tuple[FrameLabels, FrameLabels]] = field(default_factory=list)

    def add(self, truth: FrameLabels, result: FrameLabels) -> None:
        overlap = truth.masks.iou(result.masks)
        best = overlap.max(axis=1, initial=0.0)  # results share no pixel, so above 0.5 there is one at most
        self.objects += len(truth)
        self.found += int((best >= DETECTED).sum())
        self.iou += float(best[best >= DETECTED].sum())
        self.pairs.append((truth, result))

    @property
    def recall(self) -> float:
        return self.found / max(self.objects, 1)

    @property
    def mean_iou(self) -> float:
        return self.iou / max(self.found, 1)


def compare(truth: list[FrameLabels], results: list[FrameLabels]) -> Agreement:
    """Frame by frame; a frame without results counts as empty."""
    by_frame = {labels.frame: labels for labels in results}
    agreement = Agreement()
    for labels in truth:
        agreement.add(labels, by_frame.get(labels.frame, FrameLabels.empty(labels.frame, labels.time, labels.size)))
    return agreement


def run(folder: Path, *, seed: int = 7, frames: int = 150, quiet: bool = False) -> str:
    """Render, detect, track, write results and video into `folder`, and say how they compare with the truth."""
    started = perf_counter()
    source = WorldSource(World(seed), frames)
    settings = knobs.load(changes={"detector.weights": DEMO, "classes": CLASSES})
    detector = YOLOv8Seg(settings.detector)
    tracking = Run(source, settings, detector=detector)
    kept: list[FrameLabels] = []
    summary = record(tracking, folder, video=True, overwrite=True, quiet=quiet, watch=lambda f: kept.append(bare(f)))
    agreement = compare(source.truth, kept)
    scores = identity_scores(accumulate(agreement.pairs))
    return (
        f"{summary}\n"
        f"against the exact truth of world {seed} ({agreement.objects} masks of "
        f"{len(np.unique(np.concatenate([t.ids for t in source.truth])))} objects):\n"
        f"  masks       recall at IoU 0.5 {agreement.recall:.3f}, mean IoU of the found {agreement.mean_iou:.3f}\n"
        f"  identities  IDF1 {scores.idf1:.3f}, {scores.switches} switches\n"
        f"look at {folder / f'{source.name}.mp4'} ({perf_counter() - started:.0f} s)"
    )


def bare(frame: FrameLabels) -> FrameLabels:
    """The labels without the picture, to keep."""
    return FrameLabels(
        frame.frame, frame.time, frame.ids, frame.classes, frame.scores, replace(frame.masks), frame.ignore
    )
