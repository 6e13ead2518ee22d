"""The steps of the loop over frames, as generators: detect, measure, identify, label, and refine after the fact.

There is one loop: tracking, tuning, batch runs and the tools all use these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.detection.measurement import FrameMeasurement, Measurer, detected, of_classes
from mots.detection.protocols import Detector, StagedDetector
from mots.detection.saved_detections import SavedDetections
from mots.errors import InputError
from mots.labels import LabelSettings, label
from mots.pipeline.ahead import ahead, at_once
from mots.pipeline.batches import BatchSize, batched
from mots.pipeline.tracked_frame import TrackedFrame
from mots.settings import Settings
from mots.trackers.detections import Detections
from mots.trackers.explanation import Candidate
from mots.trackers.masks import Masks
from mots.trackers.motion import STILL
from mots.trackers.offline import Refined, refine
from mots.trackers.tracker import Tracker
from mots.video.frame import Frame

__all__ = [
    "IdentifiedFrame",
    "detect",
    "detect_in_steps",
    "identify",
    "label_frames",
    "measure",
    "measure_saved",
    "refine_frames",
]


@dataclass(frozen=True, eq=False)
class IdentifiedFrame:
    """A measurement with the tracker's answer: `ids` (N,), 0 for none; `classes` (K,) of the K detections with an id;
    `started`, `ended` and `alive` as in `TrackedFrame`; `confidence` (N,) of each detection's identity."""

    measurement: FrameMeasurement
    ids: NDArray[np.int64]
    classes: NDArray[np.int64]
    started: NDArray[np.int64]
    ended: NDArray[np.int64]
    alive: int
    confidence: NDArray[np.float64]
    candidates: Sequence[Sequence[Candidate]] = ()  # (N,) of each detection, where the tracker explains


def detect(frames: Iterable[Frame], detector: Detector, classes: tuple[int, ...]) -> Iterator[tuple[Frame, Detections]]:
    """Each frame with its detections of these classes (all where there are none)."""
    for frame in frames:
        yield frame, of_classes(detected(detector, frame.image, classes, f"frame {frame.number}"), classes)


def detect_in_steps(
    frames: Iterable[Frame],
    detector: StagedDetector,
    classes: tuple[int, ...],
    size: BatchSize,
    room: int,
    calls: int = 1,
) -> Iterator[tuple[Frame, Detections]]:
    """`detect` with batches of this size; reading and preparing, and the network, run ahead, each in its own thread.

    `room`: how many frames (batches, of the network) wait between two steps; 0: one thread for all. `calls`: so many
    threads run the network at the same time.
    """

    def infer(batch: list[tuple[Frame, Any]]) -> list[tuple[Frame, Any]]:
        begin = perf_counter()
        outputs = detector.infer([inputs for _, inputs in batch])
        size.took(len(batch), perf_counter() - begin)
        return [(frame, output) for (frame, _), output in zip(batch, outputs, strict=True)]

    ready = ahead(prepare(frames, detector), room and max(room, size.largest), "reading")
    inferred = at_once(infer, batched(ready, size), calls, "the network")
    for batch in ahead(inferred, room and 1, "the network"):
        for frame, output in batch:
            height, width = frame.image.shape[:2]
            yield frame, of_classes(detector.finish(output, (height, width), classes), classes)


def prepare(frames: Iterable[Frame], detector: StagedDetector) -> Iterator[tuple[Frame, Any]]:
    """Each frame with what the network takes of it."""
    for frame in frames:
        yield frame, detector.prepare(frame.image)


def measure(pairs: Iterable[tuple[Frame, Detections]], measurer: Measurer) -> Iterator[FrameMeasurement]:
    """The measurement of each frame with its detections."""
    for frame, detections in pairs:
        yield measurer.measure(frame, detections)


def measure_saved(
    saved: SavedDetections,
    frame_rate: float,
    classes: tuple[int, ...],
    with_motion: bool = True,
    with_times: bool = True,
) -> Iterator[FrameMeasurement]:
    """The measurements that a file holds, without the frames.

    A time that it does not hold follows from the number; so do all without `with_times`.
    """
    first: int | None = None
    for each in saved:
        first = each.frame if first is None else first
        time = each.time if with_times and np.isfinite(each.time) else (each.frame - first) / frame_rate
        motion = each.motion if with_motion else STILL
        yield FrameMeasurement(each.frame, time, each.image, of_classes(each.detections, classes), motion)


def identify(measurements: Iterable[FrameMeasurement], tracker: Tracker) -> Iterator[IdentifiedFrame]:
    """Each measurement with the tracker's ids. Raises InputError that names the frame which the tracker refuses."""
    for each in measurements:
        try:
            ids = tracker.update(each.detections, each.time, each.motion)
        except ValueError as error:
            raise InputError(f"frame {each.frame}: {error}") from error
        classes = tracker.classes_of(ids[ids > 0])
        yield IdentifiedFrame(
            each, ids, classes, tracker.started, tracker.ended, tracker.alive, tracker.confidence, tracker.candidates
        )


def label_frames(frames: Iterable[IdentifiedFrame], settings: LabelSettings) -> Iterator[TrackedFrame]:
    """Each identified frame with its labels."""
    for each in frames:
        own = each.measurement
        labels, moved = label(own.detections, each.ids, each.classes, own.frame, own.time, settings)
        predicted = np.zeros(len(labels), np.bool_)
        confidence = confidence_of(labels.ids, each.ids, each.confidence)
        yield TrackedFrame(
            labels, own, predicted, each.started, each.ended, each.alive, moved, confidence,
            candidates_of(each.ids, each.candidates),
        )  # fmt: skip


def candidates_of(ids: NDArray[np.int64], candidates: Sequence[Sequence[Candidate]]) -> dict[int, Sequence[Candidate]]:
    """The candidates of each id's detection; empty where nothing was explained."""
    return {identity: each for identity, each in zip(ids.tolist(), candidates, strict=False) if identity > 0}


def confidence_of(
    wanted: NDArray[np.int64], ids: NDArray[np.int64], confidence: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(K,) the confidence of each of these ids among a frame's detections (N,); 0 where no detection has it."""
    known = dict(zip(ids.tolist(), confidence.tolist(), strict=True))
    return np.array([known.get(identity, 0.0) for identity in wanted.tolist()], np.float64)


def refine_frames(
    frames: Sequence[IdentifiedFrame], settings: Settings, images: Iterable[Frame] = ()
) -> Iterator[TrackedFrame]:
    """The frames of a whole first pass after refinement. `images`: the source's frames again, for the pictures."""
    own = [each.measurement for each in frames]
    refined = refine(
        [each.time for each in own],
        [each.detections for each in own],
        [each.ids for each in frames],
        [each.motion for each in own],
        settings.refine,
        settings.tracker.appearance,
        settings.tracker.groups,
    )
    seen: set[int] = set()
    ends = last_frames(refined)
    pictures = iter(images)
    for place, (each, result) in enumerate(zip(frames, refined, strict=True)):
        picture = next((frame for frame in pictures if frame.number >= each.measurement.frame), None)
        frame = refined_frame(each, result, settings.labels)
        ids = set(frame.ids.tolist())
        started, ended = sorted(ids - seen), sorted(ends.get(place - 1, ()))
        seen |= ids
        measurement = frame.measurement
        if picture is not None:
            measurement = FrameMeasurement(
                measurement.frame, measurement.time, picture.image, measurement.detections, measurement.motion
            )
        yield TrackedFrame(
            frame.labels,
            measurement,
            frame.predicted,
            np.array(started, np.int64),
            np.array(ended, np.int64),
            frame.alive,
            frame.moved_pixels,
            frame.confidence,
            frame.candidates,
        )


def last_frames(refined: Sequence[Refined]) -> dict[int, list[int]]:
    """The ids whose last detection is in each frame, by the frame's place."""
    last: dict[int, int] = {}
    for place, each in enumerate(refined):
        last.update(dict.fromkeys(each.ids[each.ids > 0].tolist(), place))
    ends: dict[int, list[int]] = {}
    for identity, place in last.items():
        ends.setdefault(place, []).append(identity)
    return ends


def refined_frame(each: IdentifiedFrame, result: Refined, settings: LabelSettings) -> TrackedFrame:
    """A frame after refinement; masks moved into gaps lie under all others, with a score of 0."""
    own, filled = each.measurement, len(result.filled)
    detections = own.detections
    both = Detections(
        np.concatenate([detections.boxes, result.filled.boxes.astype(np.float32)]),
        Masks.concatenate(detections.size, [detections.masks, result.filled]),
        np.concatenate([detections.scores, np.zeros(filled, np.float32)]),
        np.concatenate([detections.classes, np.zeros(filled, np.int64)]),
        np.zeros((len(detections) + filled, 0), np.float32),
    )
    ids = np.concatenate([result.ids, result.filled_ids])
    classes = np.array([result.classes[identity] for identity in ids[ids > 0].tolist()], np.int64)
    labels, moved = label(both, ids, classes, own.frame, own.time, settings)
    predicted = np.isin(labels.ids, result.filled_ids)
    none = np.zeros(0, np.int64)
    confidence = confidence_of(labels.ids, result.ids, each.confidence)
    explained = candidates_of(result.ids, each.candidates)
    return TrackedFrame(labels, own, predicted, none, none, each.alive, moved, confidence, explained)
