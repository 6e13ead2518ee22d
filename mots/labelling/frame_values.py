"""What tells whether a frame is worth labelling: how sure the engine is of it, what it shows, and how it looks."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mots.detection.colour_histograms import embed
from mots.labels import FrameLabels
from mots.optional import opencv
from mots.pipeline.pipeline import Pipeline
from mots.pipeline.tracked_frame import TrackedFrame
from mots.segmentation.flow import OpenCvFlow, moved, places_in, reduced
from mots.trackers.detections import Detections

__all__ = ["FrameValue", "frame_values", "uncertainty"]

SIDE = 320  # longer side at which frames are compared, in pixels
TILES = 8  # rows and columns of the picture that tells near-duplicates
LOOKS = 64  # numbers by which an object's looks are kept: a long video has many objects
LOW, HIGH = 0.1, 0.9  # scores outside of these are sure: nothing there, or an object


@dataclass(frozen=True, eq=False)
class FrameValue:
    """One frame of a source. All shares run from 0, nothing to learn, to 1.

    `scores`: how near to even the detections' scores are. `confidence`: 1 less the mean confidence of identities.
    `disagreement`: 1 less the mean IoU of each mask with the one before, moved by the optical flow. `blur`: 1 where the
    frame has no sharp edges. `objects`: how many there are, by class. `tiles`: (TILES * TILES * 3,) the picture in
    small. `embedding`: (D,) of unit length or zeros: what picture and objects look like. `labels`: the engine's masks.
    `crops`: (N, LOOKS) of unit length, what each of these objects looks like; `classes`: (N,) of them.
    """

    source: str
    frame: int
    time: float
    scores: float
    confidence: float
    disagreement: float
    blur: float
    objects: dict[int, int]
    tiles: NDArray[np.float32]
    embedding: NDArray[np.float32]
    labels: FrameLabels = field(repr=False)
    crops: NDArray[np.float32] = field(repr=False)
    classes: NDArray[np.int64]


def uncertainty(value: FrameValue) -> float:
    """One number from 0 to 1: the mean of the four shares, in which blur has half a vote, as a blurred frame is hard to
    label too."""
    return (value.scores + value.confidence + value.disagreement + 0.5 * value.blur) / 3.5


def frame_values(pipeline: Pipeline, name: str, every: int = 1) -> Iterator[FrameValue]:
    """The values of every `every`-th frame of a run of the engine; all frames are tracked."""
    watch = Watch(name)
    for place, frame in enumerate(pipeline):
        found = watch.value(frame, place % every == 0)
        if found is not None:
            yield found


class Watch:
    """Measures one frame after another of one source."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cv2 = opencv("selecting frames")
        self.flow = OpenCvFlow()
        self.before: tuple[NDArray[np.uint8], FrameLabels] | None = None

    def value(self, frame: TrackedFrame, wanted: bool) -> FrameValue | None:
        """The values of the next frame; None where it is not wanted."""
        cv2, image, labels = self.cv2, frame.image, frame.labels
        small = reduced(cv2, image, SIDE)
        disagreement = self.disagreement(small, labels) if wanted else 0.0
        self.before = (small, labels)
        if not wanted:
            return None
        seen = frame.measurement.detections.scores
        unsure = seen[(seen >= LOW) & (seen <= HIGH)].astype(np.float64)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).std())
        tiles = cv2.resize(small, (TILES, TILES), interpolation=cv2.INTER_AREA).astype(np.float32).ravel() / 255
        classes, counts = np.unique(labels.classes, return_counts=True)
        found = Detections.from_masks(labels.masks, np.ones(len(labels)), labels.classes)
        colours = embed(image, found)
        return FrameValue(
            self.name,
            labels.frame,
            labels.time,
            float((1 - 2 * np.abs(unsure - 0.5)).mean()) if len(unsure) else 0.0,
            float(1 - frame.confidence.mean()) if len(labels) else 0.0,
            disagreement,
            float(np.exp(-sharpness / 10)),  # 10 grey levels: the edges of a picture in focus are several times as high
            dict(zip(classes.tolist(), counts.tolist(), strict=True)),
            tiles,
            embedding_of(tiles, colours),
            labels,
            looks_of(colours),
            labels.classes,
        )

    def disagreement(self, small: NDArray[np.uint8], labels: FrameLabels) -> float:
        """1 less the mean IoU of the masks with those of the same objects in the frame before, moved here."""
        if self.before is None or len(labels) == 0 or self.before[0].shape != small.shape:
            return 0.0
        last, earlier = self.before
        rows = {int(identity): k for k, identity in enumerate(earlier.ids)}
        both = [(k, rows[int(each)]) for k, each in enumerate(labels.ids) if int(each) in rows]
        if not both:
            return 0.0
        places = places_in(self.flow.between(small, last))
        size, ious = small.shape[1::-1], []
        for i, j in both:
            own, other = (
                self.cv2.resize(masks.image(k).astype(np.float32), size, interpolation=self.cv2.INTER_AREA)
                for masks, k in ((labels.masks, i), (earlier.masks, j))
            )
            one, two = own >= 0.5, moved(self.cv2, other, places) >= 0.5
            union = int((one | two).sum())
            if union:
                ious.append(int((one & two).sum()) / union)
        return float(1 - np.mean(ious)) if ious else 0.0


def embedding_of(tiles: NDArray[np.float32], colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """(D,) of unit length: half the picture in small, half the mean colours (N, C) of its objects."""
    mean = colours.mean(axis=0) if len(colours) else np.zeros(colours.shape[1], np.float32)
    joined = np.concatenate([unit(tiles - tiles.mean()), unit(mean)])
    return unit(joined)


def looks_of(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, LOOKS) of unit length: colours (N, C) in fewer numbers, whose cosines are nearly the same (a random
    projection: Johnson, Lindenstrauss, Contemporary Mathematics 26, 1984)."""
    return unit(colours @ projection(colours.shape[1]))


@functools.lru_cache(maxsize=1)
def projection(dimension: int) -> NDArray[np.float32]:
    """(dimension, LOOKS) random numbers, the same in each run."""
    return np.random.default_rng(0).normal(size=(dimension, LOOKS)).astype(np.float32)


def unit(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Vectors (..., D) of length 1; zeros stay."""
    lengths = np.linalg.norm(values, axis=-1, keepdims=True)
    return np.asarray(values / np.maximum(lengths, 1e-6), np.float32)
