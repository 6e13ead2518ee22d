"""Where a score was lost: every switch, fragmentation, miss and false positive, and what lay behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mots.analytics.frame_table import occlusion
from mots.evaluation.scoring import Scores
from mots.rendering.saved_results import SavedResults

__all__ = ["Loss", "losses_of"]

COVERED = 0.3  # of an object's box under others: it counts as occluded
NEAR_END = 0.5  # seconds from an object's first or last moment, in which it enters or leaves
BORDER = 2  # pixels from the frame's edge
SMALL = 0.03  # of the frame's height: a lower object is small
BEFORE = 1.0  # seconds before a switch in which an occlusion explains it
BESIDE = 1.5  # heights within which another object of the class is near
RUN = 0.3  # seconds between two misses (or false positives) of one run
FOUND = 0.3  # IoU of a detection with an object, from which on it was found


@dataclass(frozen=True)
class Loss:
    """A run of one error: its kind, its cause, its first and last frame, how many frames, and which truth and results
    (ids that people see, None for none); `before`: of a switch the id that the object had, and `at` where."""

    kind: str
    cause: str
    frame: int
    last: int
    count: int
    truth: int | None
    result: int | None
    before: int | None = None
    at: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same for the page."""
        return {
            "kind": self.kind, "cause": self.cause, "frame": self.frame, "last": self.last, "count": self.count,
            "truth": self.truth, "result": self.result, "before": self.before, "at": self.at,
        }  # fmt: skip


def losses_of(
    scores: Scores, results: SavedResults, truth: SavedResults, detected: Mapping[int, Any] | None = None
) -> list[Loss]:
    """The losses of one sequence, in the order of frames.

    `scores`: of the sequence, with events. `results`, `truth`: the same files. `detected`: saved detections by frame,
    which tell a low score from no detection.
    """
    scene = Scene(results, truth, detected)
    found: list[Loss] = []
    runs: dict[tuple[str, str, int], Loss] = {}
    matched: dict[int, tuple[int, int]] = {}  # of each object, the frame and the hypothesis of its last match
    lost: set[int] = set()  # objects that were matched before, and are not now
    for _, _, frame, kind, own, given, _ in sorted(scores.events, key=lambda row: row[2]):
        object_id = None if own is None else scene.truth_ids.get(own, own)
        result_id = None if given is None else scene.result_ids.get(given, given)
        if kind in ("match", "switch"):
            assert object_id is not None
            assert result_id is not None
            before = matched.get(object_id)
            if kind == "switch" and before is not None:
                cause = scene.cause_of_switch(object_id, frame, before[0])
                found.append(Loss("switch", cause, frame, frame, 1, object_id, result_id, before[1], before[0]))
            elif object_id in lost and before is not None:
                cause = scene.cause_of_miss(object_id, before[0] + 1)
                found.append(Loss("fragmentation", cause, frame, frame, 1, object_id, result_id, before[1], before[0]))
            lost.discard(object_id)
            matched[object_id] = frame, result_id
            continue
        if kind == "miss":
            assert object_id is not None
            cause, who = scene.cause_of_miss(object_id, frame), object_id
            if object_id in matched:
                lost.add(object_id)
        else:
            assert result_id is not None
            cause, who = scene.cause_of_invented(result_id, frame), result_id
        key = kind, cause, who
        run = runs.get(key)
        if run is not None and scene.time(frame) - scene.time(run.last) <= RUN:
            runs[key] = Loss(kind, cause, run.frame, frame, run.count + 1, object_id, result_id)
        else:
            if run is not None:
                found.append(run)
            runs[key] = Loss(kind, cause, frame, frame, 1, object_id, result_id)
    return sorted([*found, *runs.values()], key=lambda loss: (loss.frame, loss.kind))


class Scene:
    """Truth and results, as far as causes need them."""

    def __init__(self, results: SavedResults, truth: SavedResults, detected: Mapping[int, Any] | None) -> None:
        self.results, self.truth, self.detected = results, truth, detected
        self.truth_ids, self.result_ids = truth.numbers, results.numbers
        self.height = truth.size[0]
        self.seen: dict[int, list[int]] = {}
        self.covered: dict[tuple[int, int], float] = {}
        for number in sorted(truth.frames):
            labels = truth.frames[number].labels
            shares = occlusion(labels.masks).tolist() if len(labels) else []
            for identity, share in zip(labels.ids.tolist(), shares, strict=True):
                self.seen.setdefault(identity, []).append(number)
                self.covered[identity, number] = float(share)
        numbers = sorted(truth.frames)
        self.first, self.last = (numbers[0], numbers[-1]) if numbers else (0, 0)
        times = [truth.frames[number].labels.time for number in numbers]
        steps = np.diff(times) / np.maximum(np.diff(numbers), 1) if len(numbers) > 1 else np.array([1 / 30])
        self.step = float(np.median(steps)) or 1 / 30

    def time(self, frame: int) -> float:
        """About the time of a frame in seconds."""
        return frame * self.step

    def box(self, identity: int, frame: int) -> np.ndarray | None:
        """(4,) an object's box; None where it is not there."""
        found = self.truth.frames.get(frame)
        if found is None:
            return None
        rows = np.flatnonzero(found.labels.ids == identity)
        return found.labels.masks.boxes[rows[0]].astype(np.float64) if len(rows) else None

    def cause_of_switch(self, identity: int, frame: int, before: int) -> str:
        """Why an object has another id than in frame `before`."""
        first = min(before, frame - round(BEFORE / self.step))
        shares: list[float] = [
            self.covered.get((identity, number), 0.0) for number in self.seen[identity] if first <= number <= frame
        ]
        if max(shares, default=0.0) >= COVERED:
            return "occlusion"
        if any(
            number not in self.truth.frames or self.box(identity, number) is None for number in range(before, frame)
        ):
            return "out of sight"
        if self.neighbours(identity, frame):
            return "look-alike near by"
        if frame - before > 1:
            return "not detected before"
        return "other"

    def cause_of_miss(self, identity: int, frame: int) -> str:
        """Why an object has no hypothesis."""
        box = self.box(identity, frame)
        frames = self.seen[identity]
        if box is None:
            return "out of sight"
        if self.covered.get((identity, frame), 0.0) >= COVERED:
            return "occlusion"
        if box[3] - box[1] < SMALL * self.height:
            return "small"
        # At the film's own beginning and end nothing enters or leaves.
        entered = frame - frames[0] if frames[0] > self.first else np.inf
        left = frames[-1] - frame if frames[-1] < self.last else np.inf
        ends = min(entered, left) * self.step
        size = self.truth.size
        if ends < NEAR_END or box[0] <= BORDER or box[2] >= size[1] - BORDER or box[3] >= size[0] - BORDER:
            return "entering or leaving"
        if self.detected is not None:
            return "low score" if self.was_detected(box, frame) else "no detection"
        return "no hypothesis"

    def cause_of_invented(self, identity: int, frame: int) -> str:
        """What a hypothesis without an object is."""
        saved, true = self.results.frames[frame], self.truth.frames.get(frame)
        labels = saved.labels
        row = int(np.flatnonzero(labels.ids == identity)[0])
        mask = labels.masks.take([row])
        if bool(saved.predicted[row]):
            return "predicted"
        if true is None or not len(true.labels):
            return "no object"
        overlap = float(mask.iou(true.labels.masks).max(initial=0.0))
        inside = float(mask.coverage(true.labels.masks).max(initial=0.0))
        if overlap >= 0.3:
            return "mask too different"
        return "part or double of an object" if inside >= 0.5 else "no object"

    def neighbours(self, identity: int, frame: int) -> bool:
        """Whether another object of the class is near."""
        found = self.truth.frames.get(frame)
        box = self.box(identity, frame)
        if found is None or box is None:
            return False
        labels = found.labels
        own = labels.classes[labels.ids == identity][0]
        others = (labels.ids != identity) & (labels.classes == own)
        boxes = labels.masks.boxes[others].astype(np.float64)
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        reach = BESIDE * (box[3] - box[1])
        return bool((np.linalg.norm(middles - (box[:2] + box[2:]) / 2, axis=1) < reach).any())

    def was_detected(self, box: np.ndarray, frame: int) -> bool:
        """Whether a saved detection of any score lies on a box."""
        assert self.detected is not None
        found = self.detected.get(frame)
        if found is None or not len(found):
            return False
        boxes = found.boxes.astype(np.float64)
        low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
        common = np.prod(np.maximum(high - low, 0.0), axis=1)
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) + float(np.prod(box[2:] - box[:2]))
        return bool((common / np.maximum(areas - common, 1e-9) >= FOUND).any())
