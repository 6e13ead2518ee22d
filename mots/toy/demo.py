"""`mots demo`: the whole engine on a rendered toy world, without a network connection, compared with exact truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np

from mots.analytics.frame_table import table_of
from mots.analytics.lines import FORWARD, Crossing, crossings_of
from mots.analytics.paths import paths_of
from mots.analytics.scene import Line, Scene
from mots.counting.counts import count
from mots.labels import FrameLabels, HasLabels
from mots.metrics.events import accumulate, identity_scores
from mots.models.weights import DEMO
from mots.pipeline.record import record
from mots.report.page import report
from mots.toy.world import World
from mots.video.frame import Frame

__all__ = ["CLASSES", "Agreement", "WorldSource", "compare", "run"]

CLASSES = ("person", "car", "bus", "truck")
DETECTED = 0.5  # the IoU from which on an object counts as detected


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
    """How results agree with the truth, counted frame by frame: counts add, ratios divide."""

    objects: int = 0
    detected: int = 0
    iou: float = 0.0  # summed over the detected objects
    pairs: list[tuple[FrameLabels, FrameLabels]] = field(default_factory=list)

    def add(self, truth: FrameLabels, result: FrameLabels) -> None:
        overlap = truth.masks.iou(result.masks)
        best = overlap.max(axis=1, initial=0.0)  # results share no pixel, so above 0.5 there is one at most
        self.objects += len(truth)
        self.detected += int((best >= DETECTED).sum())
        self.iou += float(best[best >= DETECTED].sum())
        self.pairs.append((truth, result))

    @property
    def recall(self) -> float:
        return self.detected / max(self.objects, 1)

    @property
    def mean_iou(self) -> float:
        return self.iou / max(self.detected, 1)


def compare(truth: list[FrameLabels], results: list[FrameLabels]) -> Agreement:
    """Frame by frame; a frame without results counts as empty."""
    by_frame = {labels.frame: labels for labels in results}
    agreement = Agreement()
    for labels in truth:
        agreement.add(labels, by_frame.get(labels.frame, FrameLabels.empty(labels.frame, labels.time, labels.size)))
    return agreement


@dataclass(frozen=True, eq=False)
class Numbered:
    """Labels whose ids are tracks' own numbers, not those of a file."""

    labels: FrameLabels


def directions(crossings: list[Crossing]) -> str:
    """How many crossed in each direction."""
    forward = sum(crossing.direction == FORWARD for crossing in crossings)
    return f"{forward} to the right, {len(crossings) - forward} to the left"


def run(folder: str | Path, *, seed: int = 7, frames: int = 150, quiet: bool = False) -> str:
    """Render, detect, track, write results, video, counts and a report into `folder`, and say how they agree with the
    truth."""
    folder = Path(folder)
    started = perf_counter()
    source = WorldSource(World(seed), frames)
    results: list[FrameLabels] = []

    def keep(frame: HasLabels) -> None:
        results.append(frame.labels)

    summary = record(
        source, folder, video=True, table="csv", overwrite=True, quiet=quiet, watch=keep, weights=DEMO, classes=CLASSES
    )
    agreement = compare(source.truth, results)
    scores = identity_scores(accumulate(agreement.pairs))
    objects = len(np.unique(np.concatenate([labels.ids for labels in source.truth])))
    height, width = source.world.size
    line = Line("middle", np.array([[width / 2, height], [width / 2, 0.4 * height]]))
    counted = count(folder, Scene((line,)), folder / "counts", overwrite=True)
    true = crossings_of(paths_of(table_of([Numbered(labels) for labels in source.truth])), (line,))
    page = report(folder, WorldSource(World(seed), frames), output=folder / "report.html", overwrite=True)
    return (
        f"{summary}\n"
        f"compared with the exact truth of world {seed} ({agreement.objects} masks of {objects} objects):\n"
        f"  masks       recall at IoU 0.5 {agreement.recall:.3f}, mean IoU of the detected {agreement.mean_iou:.3f}\n"
        f"  identities  IDF1 {scores.idf1:.3f}, {scores.switches} switches\n"
        f"  crossings   of the line in the middle: {directions(counted.crossings)}; in truth {directions(true)}\n"
        f"video: {folder / f'{source.name}.mp4'}\n"
        f"counts: {folder / 'counts'}\n"
        f"report: {page} ({perf_counter() - started:.0f} s)"
    )
