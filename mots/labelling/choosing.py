"""Which frames to label: uncertain ones, each unlike the others, rare classes first, no picture twice.

Frames are taken one after another, each time the one with the largest product of its distance to the nearest frame that
is taken already (k-centre: Sener, Savarese: Active Learning for Convolutional Neural Networks, ICLR 2018) and its own
worth, which grows with uncertainty and with objects of classes that the frames so far have few of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mots.classes import class_name
from mots.labelling.frame_values import FrameValue, uncertainty

__all__ = ["Choice", "SelectSettings", "choose"]


@dataclass(frozen=True)
class SelectSettings:
    """How much each reason counts."""

    # By how much the worth of a frame grows from sure to wholly uncertain. With few labels, frames that are like many
    # others teach more than doubtful ones (Hacohen, Dekel, Weinshall: Active Learning on a Budget, ICML 2022).
    uncertainty: float = 0.5
    balance: float = 1.0  # and from no object to one of a class that no taken frame has
    density: float = 1.0  # and from no object to as many as the fullest frame has
    # Difference of two pictures in small, from 0 to 1, below which they count as one: the mean of the largest twentieth
    # of their tiles', so that a still background does not hide what moves before it.
    twin: float = 0.03


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
    distance = np.full(len(values), 2.0)
    free = np.ones(len(values), np.bool_)
    seen: Counter[int] = Counter()
    chosen: list[Choice] = []
    while len(chosen) < count and free.any():
        rarity = np.array([rarity_of(value, seen) for value in values])
        worth = 1 + settings.uncertainty * rank + settings.balance * rarity + settings.density * density
        total = np.where(free, distance * worth, -np.inf)
        best = int(total.argmax())
        value = values[best]
        reason = reason_of(
            value, float(rank[best]), float(distance[best]), float(density[best]), seen, bool(chosen), names
        )
        chosen.append(Choice(value, float(unsure[best]), float(distance[best]), reason))
        seen.update(value.objects)
        distance = np.minimum(distance, 1.0 - embeddings @ embeddings[best])
        apart = np.sort(np.abs(tiles - tiles[best]), axis=1)[:, -max(tiles.shape[1] // 20, 1) :]
        free &= apart.mean(axis=1) >= settings.twin
        free[best] = False
    return chosen


def rarity_of(value: FrameValue, seen: Counter[int]) -> float:
    """The largest rarity of a class in a frame: 1 for one that no taken frame has, less the more objects of it there
    are already."""
    return max((1.0 / (1.0 + seen[class_id]) for class_id in value.objects), default=0.0)


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
