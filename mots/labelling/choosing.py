"""Which frames to label: those whose objects stand for most others, uncertain and rare ones first, no picture twice.

Frames are taken one after another, each time the one after which the objects of all frames are least unlike the nearest
object of a frame that is taken (facility location, a greedy choice that is at least 63 % as good as the best one:
Nemhauser, Wolsey, Fisher, Mathematical Programming 14, 1978). So a frame with many objects, none of which is there
already, comes first. Objects of uncertain frames and of rare classes count more. Farthest points first (k-centre) would
take outliers: with few labels they teach less than frames drawn at random (Hacohen, Dekel, Weinshall: Active Learning
on a Budget, ICML 2022).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mots.classes import class_name
from mots.labelling.frame_values import FrameValue, uncertainty

__all__ = ["Choice", "SelectSettings", "choose"]


@dataclass(frozen=True)
class SelectSettings:
    """How much each reason counts."""

    uncertainty: float = 0.5  # by how much the objects of a wholly uncertain frame count more than those of a sure one
    balance: float = 0.5  # power of a class's share of all objects by which its objects count less; 0: all the same
    picture: float = 0.02  # what the pictures themselves count beside the objects in them
    # Difference of two pictures in small, from 0 to 1, below which they count as one: the mean of the largest twentieth
    # of their tiles', so that a still background does not hide what moves before it.
    twin: float = 0.03


MOST_OBJECTS = 2000  # that are to be represented; of more, evenly many are taken
MOST_PICTURES = 500


@dataclass(frozen=True, eq=False)
class Choice:
    """A frame that was taken: its value, its `distance` to the nearest one taken before it (2 for the first), and the
    reason in words."""

    value: FrameValue
    uncertainty: float
    distance: float
    reason: str


def choose(
    values: Sequence[FrameValue],
    count: int,
    settings: SelectSettings | None = None,
    names: Mapping[int, str] | None = None,
) -> list[Choice]:
    """At most `count` frames in the order in which they are taken; fewer where the others are near-duplicates.

    `names`: classes that COCO lacks, id to name. The same values give the same frames.
    """
    settings = settings or SelectSettings()
    if not values:
        return []
    unsure = np.array([uncertainty(value) for value in values])
    # Uncertainty has no scale of its own: what counts is a frame's rank among the others.
    rank = np.searchsorted(np.sort(unsure), unsure) / max(len(values) - 1, 1)
    numbers = np.array([sum(value.objects.values()) for value in values], np.float64)
    density = numbers / max(float(numbers.max()), 1.0)
    embeddings = np.stack([value.embedding for value in values])
    tiles = np.stack([value.tiles for value in values])
    worth = 1.0 + settings.uncertainty * rank
    objects = Covered.of_objects(values, worth, settings.balance)
    pictures = Covered.of_pictures(embeddings, worth)
    distance = np.full(len(values), 2.0)
    free = np.ones(len(values), np.bool_)
    seen: Counter[int] = Counter()
    chosen: list[Choice] = []
    while len(chosen) < count and free.any():
        total = np.where(free, objects.gains() + settings.picture * pictures.gains(), -np.inf)
        best = int(total.argmax())
        value = values[best]
        reason = reason_of(
            value, float(rank[best]), float(distance[best]), float(density[best]), seen, bool(chosen), names
        )
        chosen.append(Choice(value, float(unsure[best]), float(distance[best]), reason))
        seen.update(value.objects)
        objects.take(best)
        pictures.take(best)
        distance = np.minimum(distance, 1.0 - embeddings @ embeddings[best])
        apart = np.sort(np.abs(tiles - tiles[best]), axis=1)[:, -max(tiles.shape[1] // 20, 1) :]
        free &= apart.mean(axis=1) >= settings.twin
        free[best] = False
    return chosen


class Covered:
    """How well G things are represented by the frames that are taken.

    `away`: (G, F) the distance of each from the nearest one in each of F frames, from 0 to 1. `weights`: (G,).
    """

    def __init__(self, away: NDArray[np.float32], weights: NDArray[np.float64]) -> None:
        self.away, self.weights = away, weights / max(float(weights.sum()), 1e-12)
        self.left = np.ones(len(away), np.float32)

    @classmethod
    def of_objects(cls, values: Sequence[FrameValue], worth: NDArray[np.float64], balance: float) -> Covered:
        """The objects of all frames, by their looks; those of a class by itself."""
        frames = np.repeat(np.arange(len(values)), [len(value.classes) for value in values])
        if len(frames) == 0:
            return cls(np.zeros((0, len(values)), np.float32), np.zeros(0))
        crops = np.concatenate([value.crops for value in values if len(value.classes)])
        classes = np.concatenate([value.classes for value in values])
        _, kinds, counts = np.unique(classes, return_inverse=True, return_counts=True)
        some = evenly(len(frames), MOST_OBJECTS)
        away = np.ones((len(some), len(values)), np.float32)
        for frame, value in enumerate(values):
            if len(value.classes):
                others = 1.0 - crops[some] @ value.crops.T
                others[classes[some][:, None] != value.classes] = 1.0
                away[:, frame] = np.clip(others, 0.0, 1.0).min(axis=1)
        return cls(away, worth[frames[some]] * (counts[kinds[some]] / len(frames)) ** -balance)

    @classmethod
    def of_pictures(cls, embeddings: NDArray[np.float32], worth: NDArray[np.float64]) -> Covered:
        """The pictures themselves."""
        some = evenly(len(embeddings), MOST_PICTURES)
        return cls(np.clip(1.0 - embeddings[some] @ embeddings.T, 0.0, 1.0).astype(np.float32), worth[some])

    def gains(self) -> NDArray[np.float64]:
        """(F,) by how much less is left if a frame is taken."""
        return np.asarray(self.weights @ np.maximum(self.left[:, None] - self.away, 0.0), np.float64)

    def take(self, frame: int) -> None:
        """A frame is taken."""
        self.left = np.minimum(self.left, self.away[:, frame])


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """Numbers below `count`, at most so many, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def reason_of(
    value: FrameValue,
    rank: float,
    distance: float,
    density: float,
    seen: Counter[int],
    later: bool,
    names: Mapping[int, str] | None,
) -> str:
    """Why a frame is taken, in words."""
    reasons = []
    parts: dict[str, float] = {
        "scores near even": value.scores,
        "unsure identities": value.confidence,
        "masks that do not follow the motion": value.disagreement,
        "blur": value.blur,
    }
    if rank >= 0.5:
        word = max(parts, key=lambda name: parts[name])
        reasons.append(f"{word} ({parts[word]:.2f})")
    new = [class_name(class_id, names) for class_id in value.objects if later and seen[class_id] == 0]
    if new:
        reasons.append(f"first frame with {', '.join(sorted(new))}")
    if later and distance >= 0.1:
        reasons.append(f"unlike the others ({distance:.2f})")
    if density >= 0.8:
        reasons.append(f"{sum(value.objects.values())} objects")
    return "; ".join(reasons) or ("the most to learn from" if not later else "the most of what is left")
