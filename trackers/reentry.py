"""Who comes back: tracks that are out of memory for motion are known again by their looks alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .appearance import AppearanceScale, Gallery
from .lifecycle import ROUNDING
from .tracks import Tracks

__all__ = ["ReentrySettings", "known_again", "remembered"]


@dataclass(frozen=True)
class ReentrySettings:
    """How long those who are gone are remembered, and how sure their return must be.

    The rule against false merges: a new track takes up an old identity only if it looks as much like it as
    `unlikeness` asks, and by `margin` more like it than like anybody else of its class, in sight or not. Both are
    measured from 0, as alike as a track and itself usually are, to 1, as unlike as two objects usually are.
    """

    memory: float = 30.0  # seconds after it was last seen for which a removed track can come back; 0: never
    views: int = 3  # a track with fewer clean views is not remembered
    unlikeness: float = 0.35
    margin: float = 0.2


def remembered(away: Tracks, removed: Tracks, now: float, settings: ReentrySettings) -> Tracks:
    """Those who are away after a frame: the ones before and those just removed, less the forgotten.

    `removed`: rows of the same columns of votes.
    """
    if len(removed):
        away = away.join(removed.take((removed.ids > 0) & (removed.gallery.kept >= settings.views)))
    forgotten = now - away.last_seen > settings.memory + ROUNDING
    if not forgotten.any():
        return away
    away = away.take(~forgotten)
    return Tracks(**{**vars(away), "masks": away.masks.compact()})


def known_again(
    new: Gallery,
    new_groups: NDArray[np.int64],
    away: Gallery,
    away_groups: NDArray[np.int64],
    others: Gallery,
    other_groups: NDArray[np.int64],
    scale: AppearanceScale,
    settings: ReentrySettings,
) -> NDArray[np.int64]:
    """(K, 2) which of N new tracks is which of A that are away, by the rule of `ReentrySettings`; the surest first.

    `others`: everybody else who is tracked. Groups (N,), (A,), (O,): tracks of different ones are never the same.
    """
    unlike = np.where(new_groups[:, None] == away_groups, unlikeness(new, away, scale), np.inf)
    rivals = np.where(new_groups[:, None] == other_groups, unlikeness(new, others, scale), np.inf)
    rival = rivals.min(axis=1, initial=np.inf)
    chosen: list[tuple[int, int]] = []
    for row in np.argsort(unlike.min(axis=1, initial=np.inf), kind="stable").tolist():
        if unlike.shape[1] == 0:
            break
        column = int(unlike[row].argmin())
        best = unlike[row, column]
        next_best = min(rival[row], np.delete(unlike[row], column).min(initial=np.inf))
        if best < settings.unlikeness and best + settings.margin <= next_best:
            chosen.append((row, column))
            unlike[:, column] = np.inf  # one identity returns once
    return np.array(chosen, np.int64).reshape(-1, 2)


def unlikeness(new: Gallery, known: Gallery, scale: AppearanceScale) -> NDArray[np.float64]:
    """(N, K) how unlike new tracks are to known ones, 0 to 1: of a new one's average, to the other's average and to its
    nearest view in equal parts."""
    to_average = new.means @ known.means.T
    to_views = np.einsum("nd,kvd->nkv", new.means, known.views).max(axis=2, initial=-1.0)
    return scale.unlikeness(1.0 - 0.5 * (to_average + to_views))
