"""Re-identification: a new track takes up the identity of a lost or removed one by appearance alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .appearance import AppearanceScale, AppearanceSettings, Gallery
from .class_groups import ClassGroups
from .lifecycle import CONFIRMED, LOST, REMOVED, ROUNDING
from .tracks import Tracks

__all__ = ["ReentrySettings", "archived", "identities_of", "reidentified"]


@dataclass(frozen=True)
class ReentrySettings:
    """How long removed tracks are remembered, and how certain a re-identification must be.

    A new track takes up an old identity if its dissimilarity to it is below `max_dissimilarity` and by `margin` lower
    than that to any other track of its group of classes, confirmed, lost or removed. So where objects look the same, a
    new identity begins: a false merge is worse than a break. Dissimilarity runs from 0, as a track and itself, to 1,
    as two objects usually are.
    """

    memory: float = 30.0  # seconds after its last match for which a removed track can return; 0: never
    min_views: int = 3  # a track with fewer clean embeddings is not remembered
    max_dissimilarity: float = 0.35  # of the new track and the one whose identity it takes up; not reached
    margin: float = 0.2  # to the next best candidate


class Candidates(NamedTuple):
    """Galleries of K tracks and their groups of classes (K,)."""

    gallery: Gallery
    groups: NDArray[np.int64]


def archived(archive: Tracks, tracks: Tracks, now: float, settings: ReentrySettings) -> Tracks:
    """The remembered tracks after a frame: those before and those of `tracks` just removed, without the expired ones.

    Both have the same columns of votes.
    """
    new = (tracks.states == REMOVED) & (tracks.ids > 0) & (tracks.gallery.counts >= settings.min_views)
    if new.any():
        archive = archive.join(tracks.take(new))
    expired = now - archive.last_seen > settings.memory + ROUNDING
    if not expired.any():
        return archive
    archive = archive.take(~expired)
    return archive.changed(masks=archive.masks.compact())


def reidentified(
    tracks: Tracks,
    archive: Tracks,
    classes: ClassGroups,
    scale: AppearanceScale,
    appearance: AppearanceSettings,
    settings: ReentrySettings,
) -> tuple[Tracks, Tracks]:
    """The tracks after newly confirmed ones have taken up lost or archived identities, and the rest of the archive.

    A lost track whose identity is taken up is removed, with the id 0.
    """
    new = np.flatnonzero((tracks.states == CONFIRMED) & (tracks.ids == 0))
    lost = np.flatnonzero(tracks.states == LOST)
    if len(new) == 0 or len(archive) + len(lost) == 0 or tracks.gallery.means.shape[1] == 0:
        return tracks, archive
    others = np.flatnonzero((tracks.ids > 0) & (tracks.states == CONFIRMED))
    absent = tracks.take(lost).join(archive)
    groups = classes.groups_of(tracks.votes)
    pairs = identities_of(
        Candidates(tracks.gallery.take(new), groups[new]),
        Candidates(absent.gallery, classes.groups_of(absent.votes)),
        Candidates(tracks.gallery.take(others), groups[others]),
        scale,
        appearance,
        settings,
    )
    if len(pairs) == 0:
        return tracks, archive
    rows, back = new[pairs[:, 0]], pairs[:, 1]
    ids, hits, votes, states = tracks.ids.copy(), tracks.hits.copy(), tracks.votes.copy(), tracks.states.copy()
    ids[rows] = absent.ids[back]
    hits[rows] += absent.hits[back]
    votes[rows] += absent.votes[back]
    merged = lost[back[back < len(lost)]]
    ids[merged] = 0
    states[merged] = REMOVED
    # The old gallery goes on: the new track has few embeddings, possibly of a half occluded object.
    order = np.arange(len(tracks))
    order[rows] = len(tracks) + back
    gallery = tracks.gallery.join(absent.gallery).take(order)
    rest = np.setdiff1d(np.arange(len(archive)), back - len(lost))
    return tracks.changed(ids=ids, hits=hits, votes=votes, states=states, gallery=gallery), archive.take(rest)


def identities_of(
    new: Candidates,
    absent: Candidates,
    others: Candidates,
    scale: AppearanceScale,
    appearance: AppearanceSettings,
    settings: ReentrySettings,
) -> NDArray[np.int64]:
    """(K, 2) pairs of new and absent tracks by the rule of `ReentrySettings`, the lowest dissimilarity first.

    `others`: the other tracks of the frame, which compete. Tracks of different groups are never paired.
    """
    to_absent = dissimilarities(new, absent, scale, appearance)
    to_others = dissimilarities(new, others, scale, appearance).min(axis=1, initial=np.inf)
    pairs: list[tuple[int, int]] = []
    for row in np.argsort(to_absent.min(axis=1, initial=np.inf), kind="stable").tolist():
        if to_absent.shape[1] == 0:
            break
        column = int(to_absent[row].argmin())
        best = to_absent[row, column]
        next_best = min(to_others[row], np.delete(to_absent[row], column).min(initial=np.inf))
        if best < settings.max_dissimilarity and best + settings.margin <= next_best:
            pairs.append((row, column))
            to_absent[:, column] = np.inf  # an identity returns once
    return np.array(pairs, np.int64).reshape(-1, 2)


def dissimilarities(
    new: Candidates, known: Candidates, scale: AppearanceScale, settings: AppearanceSettings
) -> NDArray[np.float64]:
    """(N, K) of new tracks and known ones, inf across groups.

    The cosine is the mean of two: of the new track's average with the known one's average, and with its nearest view,
    as in `comparison.cosine_distance`.
    """
    to_average = new.gallery.means @ known.gallery.means.T
    to_views = np.einsum("nd,kvd->nkv", new.gallery.means, known.gallery.views).max(axis=2, initial=-1.0)
    values = scale.dissimilarity(1.0 - 0.5 * (to_average + to_views), settings)
    return np.where(new.groups[:, None] == known.groups, values, np.inf)
