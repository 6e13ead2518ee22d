"""All tracks of one tracker as aligned arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import motion
from .appearance import Gallery
from .compiled import compiled
from .detections import Detections
from .lifecycle import State
from .masks import Masks

__all__ = ["Tallies", "Track", "Tracks", "counted"]


@dataclass(frozen=True, eq=False)
class Track:
    """One track as it stands after a frame: a row of `Tracks` for reading."""

    id: int  # 0 while tentative
    state: State
    class_id: int  # the class with the largest sum of scores
    box: NDArray[np.float64]  # (4,) x1 y1 x2 y2 of the filter's estimate
    velocity: NDArray[np.float64]  # (2,) x y in pixels a second
    hits: int
    last_seen: float  # seconds


NOT_ROWS = ("masks", "gallery")  # fields that are no plain arrays, and are taken and joined by their own methods


@dataclass(frozen=True, eq=False)
class Tracks:
    """T tracks as aligned arrays.

    `ids`: (T,) int64, 0 while tentative. `states`: (T,) int8. `hits`: (T,) int64. `last_seen`: (T,) float64 seconds.
    `mean_scores`: (T,) float64, running means of their detections' scores. `means`: (T, 4, 2) and `covariances`:
    (T, 4, 2, 2) as in `motion.py`. `masks`: the last mask of each, where it was detected. `anchors`: (T, 2) x y of the
    filter's centre at that time, so that the mask can be moved with the filter. `votes`: (T, C) float64 sums of scores
    by class, in the order of the tracker's classes. `gallery`: their embeddings.
    """

    ids: NDArray[np.int64]
    states: NDArray[np.int8]
    hits: NDArray[np.int64]
    last_seen: NDArray[np.float64]
    mean_scores: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]
    anchors: NDArray[np.float64]
    votes: NDArray[np.float64]
    masks: Masks
    gallery: Gallery

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def tallies(self) -> Tallies:
        """The counted fields, for compiled functions."""
        return Tallies(self.votes, self.hits, self.mean_scores, self.last_seen)

    @staticmethod
    def empty(size: tuple[int, int], dimension: int = 0, views: int = 1) -> Tracks:
        """No tracks in frames of (height, width), with galleries of `views` embeddings of `dimension` numbers."""
        return Tracks(
            ids=np.zeros(0, np.int64),
            states=np.zeros(0, np.int8),
            hits=np.zeros(0, np.int64),
            last_seen=np.zeros(0),
            mean_scores=np.zeros(0),
            means=np.zeros((0, 4, 2)),
            covariances=np.zeros((0, 4, 2, 2)),
            anchors=np.zeros((0, 2)),
            votes=np.zeros((0, 0)),
            masks=Masks.empty(size),
            gallery=Gallery.begin(np.zeros((0, dimension), np.float32), np.zeros(0, np.bool_), 0.0, views),
        )

    @staticmethod
    def begin(
        detections: Detections,
        columns: NDArray[np.int64],
        classes: int,
        time: float,
        settings: motion.MotionSettings,
        is_clean: NDArray[np.bool_],
        views: int,
    ) -> Tracks:
        """New tentative tracks of N detections.

        `columns` (N,): of their classes among `classes` votes. `is_clean` (N,): whose embedding may be kept.
        """
        n = len(detections)
        means, covariances = motion.initiate(detections.boxes, settings)
        votes = np.zeros((n, classes))
        votes[np.arange(n), columns] = detections.scores
        return Tracks(
            ids=np.zeros(n, np.int64),
            states=np.full(n, State.TENTATIVE, np.int8),
            hits=np.ones(n, np.int64),
            last_seen=np.full(n, time),
            mean_scores=detections.scores.astype(np.float64),
            means=means,
            covariances=covariances,
            anchors=means[:, :2, 0].copy(),
            votes=votes,
            masks=detections.masks,
            gallery=Gallery.begin(detections.embeddings, is_clean, time, views),
        )

    def take(self, index: NDArray[np.generic]) -> Tracks:
        """The tracks at an integer or bool index (K,), in its order."""
        rows = {name: getattr(self, name)[index] for name in ROWS}
        return Tracks(**rows, masks=self.masks.take(index), gallery=self.gallery.take(index))

    def join(self, other: Tracks) -> Tracks:
        """These tracks, then the other's."""
        rows = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in ROWS}
        masks = Masks.concatenate(self.masks.size, [self.masks, other.masks])
        return Tracks(**rows, masks=masks, gallery=self.gallery.join(other.gallery))

    def changed(self, **arrays: Any) -> Tracks:
        """The same tracks with other arrays, by the names of the fields; as `dataclasses.replace`, in a tenth of its
        time."""
        assert arrays.keys() <= self.__dict__.keys()
        other = object.__new__(Tracks)
        other.__dict__.update(self.__dict__)
        other.__dict__.update(arrays)
        return other

    def with_classes(self, classes: int) -> Tracks:
        """The same tracks with room for the votes of `classes` classes."""
        if classes == self.votes.shape[1]:
            return self
        return self.changed(votes=np.pad(self.votes, ((0, 0), (0, classes - self.votes.shape[1]))))

    def moved_masks(self) -> Masks:
        """Each track's last mask, moved as far as its filter has moved since."""
        return self.masks.moved(self.means[:, :2, 0] - self.anchors)


ROWS = tuple(field.name for field in fields(Tracks) if field.name not in NOT_ROWS)


class Tallies(NamedTuple):
    """What is counted of T tracks: votes (T, C), hits (T,), mean scores (T,), times of the last match (T,)."""

    votes: NDArray[np.float64]
    hits: NDArray[np.int64]
    mean_scores: NDArray[np.float64]
    last_seen: NDArray[np.float64]


@compiled
def counted(
    before: Tallies,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    scores: NDArray[np.float32],
    now: float,
    span: float,
) -> tuple[Tallies, NDArray[np.bool_]]:
    """The tallies after the tracks `rows` (K,) were matched with detections of these scores (K,), and (T,) whether each
    track was matched.

    `columns` (K,): the columns of the detections' classes. A mean score is the mean of all at first, and forgets what
    is older than `span` seconds.
    """
    votes, hits = before.votes.copy(), before.hits.copy()
    means, last = before.mean_scores.copy(), before.last_seen.copy()
    matched = np.zeros(len(hits), np.bool_)
    for k in range(len(rows)):
        row, score = rows[k], np.float64(scores[k])
        votes[row, columns[k]] += score
        hits[row] += 1
        share = max(1.0 - np.exp((last[row] - now) / span), 1.0 / hits[row])
        means[row] += share * (score - means[row])
        last[row] = now
        matched[row] = True
    return Tallies(votes, hits, means, last), matched
