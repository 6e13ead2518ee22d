"""What happened to each object in each frame: as a list of events, and as motmetrics' event table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mots.labels import FrameLabels
from mots.metrics.clear import Convention, matches
from mots.metrics.sequence import ScoredSequence

__all__ = ["Event", "IdentityScores", "accumulate", "events", "identity_scores"]

Event = tuple[int, str, int | None, int | None, float | None]  # frame, kind, object, hypothesis, IoU


def events(sequence: ScoredSequence, convention: Convention = "trackeval") -> list[Event]:
    """What CLEAR saw, in the order of frames: each match, switch (a match with another id than the object's last one),
    miss and false positive.
    """
    pairs = matches(sequence, convention)
    truth, result = sequence.pairs[pairs].T
    order = np.argsort(sequence.truth_frames[truth], kind="stable")
    last: dict[int, int] = {}
    found: list[Event] = []
    for pair, row, column in zip(pairs[order].tolist(), truth[order].tolist(), result[order].tolist(), strict=True):
        own, given = int(sequence.truth_ids[row]), int(sequence.result_ids[column])
        kind = "switch" if last.get(own, given) != given else "match"
        last[own] = given
        found.append((int(sequence.truth_frames[row]), kind, own, given, float(sequence.iou[pair])))
    missed = np.setdiff1d(np.arange(len(sequence.truth_ids)), truth)
    invented = np.setdiff1d(np.arange(len(sequence.result_ids)), result)
    pairs_of = zip(sequence.truth_frames[missed].tolist(), sequence.truth_ids[missed].tolist(), strict=True)
    found += [(frame, "miss", own, None, None) for frame, own in pairs_of]
    pairs_of = zip(sequence.result_frames[invented].tolist(), sequence.result_ids[invented].tolist(), strict=True)
    found += [(frame, "false positive", None, given, None) for frame, given in pairs_of]
    return sorted(found, key=lambda event: event[0])


@dataclass(frozen=True)
class IdentityScores:
    """IDF1 as a fraction of one (Ristani et al. 2016), and identity switches (Bernardin and Stiefelhagen 2008)."""

    idf1: float
    switches: int


def accumulate(pairs: Iterable[tuple[FrameLabels, FrameLabels]], min_iou: float = 0.5) -> Any:
    """A `motmetrics.MOTAccumulator` of (truth, result) pairs, one for each frame.

    The distance is 1 - mask IoU; pairs of another class or of less IoU than `min_iou` cannot match. Results that match
    nothing and lie more than half inside the ignore regions are left out, as the MOTS kits do.
    """
    import motmetrics

    accumulator = motmetrics.MOTAccumulator(auto_id=False)
    for truth, result in pairs:
        overlap = truth.masks.iou(result.masks)
        possible = (overlap >= min_iou) & (truth.classes[:, None] == result.classes[None, :])
        kept = np.ones(len(result), np.bool_)
        if len(truth.ignore) and len(result):
            # Ignore regions of one frame share no pixel, so their coverages add.
            ignored = result.masks.coverage(truth.ignore).sum(axis=1) > 0.5
            kept = possible.any(axis=0) | ~ignored
        distances = np.where(possible, 1.0 - overlap, np.nan)[:, kept]
        accumulator.update(truth.ids, result.ids[kept], distances, frameid=truth.frame)
    return accumulator


def identity_scores(accumulator: Any) -> IdentityScores:
    """IDF1 and switches of an event table."""
    import motmetrics

    table = motmetrics.metrics.create().compute(accumulator, metrics=["idf1", "num_switches"])
    return IdentityScores(float(table["idf1"].iloc[0]), int(table["num_switches"].iloc[0]))
