"""A pair of truth and results as motmetrics' event table, for those who know its summaries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mots.labels import FrameLabels

__all__ = ["IdentityScores", "accumulate", "identity_scores"]


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
