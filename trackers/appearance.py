"""What tracks look like: a gallery of embeddings for each track, and how unlike detections are to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .detections import Detections

__all__ = ["AppearanceScale", "AppearanceSettings", "Gallery", "clean"]


@dataclass(frozen=True)
class AppearanceSettings:
    """Which views of a track are kept, and how much they count."""

    views: int = 6  # recent clean views that a track keeps beside their moving average
    momentum: float = 0.9  # of the moving average: what a new view leaves of the old ones
    every: float = 0.2  # seconds between two views that are kept: neighbours look the same
    clean_score: float = 0.6  # a detection of at least this score,
    clean_coverage: float = 0.3  # with at most this share of its box inside any other's, is a clean view
    seen_score: float = 0.3  # detections below this score hide nobody


def clean(detections: Detections, settings: AppearanceSettings) -> NDArray[np.bool_]:
    """(N,) whether each detection is sure and hardly hidden, so that its looks may be remembered."""
    boxes = detections.boxes.astype(np.float64)
    others = boxes[detections.scores >= settings.seen_score]
    width = np.minimum(boxes[:, None, 2], others[None, :, 2]) - np.maximum(boxes[:, None, 0], others[None, :, 0])
    height = np.minimum(boxes[:, None, 3], others[None, :, 3]) - np.maximum(boxes[:, None, 1], others[None, :, 1])
    common = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    common[np.flatnonzero(detections.scores >= settings.seen_score), np.arange(len(others))] = 0.0  # each with itself
    area = np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1.0)
    covered = common.max(axis=1, initial=0.0) / area
    sure: NDArray[np.bool_] = detections.scores >= settings.clean_score
    free: NDArray[np.bool_] = covered <= settings.clean_coverage
    return sure & free


@dataclass(frozen=True, eq=False)
class Gallery:
    """The views of T tracks: rows that live and die with `Tracks`.

    `means`: (T, D) float32 moving averages of unit length. `views`: (T, K, D) float32, the last K that were kept, zeros
    where there are fewer. `kept`: (T,) int64, how many were kept so far. `last`: (T,) float64, when the last one was,
    in seconds; -inf where a track has only its first view, and that was no clean one.
    """

    means: NDArray[np.float32]
    views: NDArray[np.float32]
    kept: NDArray[np.int64]
    last: NDArray[np.float64]

    @staticmethod
    def begin(embeddings: NDArray[np.float32], is_clean: NDArray[np.bool_], time: float, views: int) -> Gallery:
        """Galleries of new tracks, each with its first view (N, D), clean (N,) or not."""
        n, dimension = embeddings.shape
        first = np.zeros((n, views, dimension), np.float32)
        first[:, 0] = embeddings
        return Gallery(embeddings.copy(), first, np.ones(n, np.int64), np.where(is_clean, time, -np.inf))

    def take(self, index: NDArray[np.generic]) -> Gallery:
        """The galleries at an integer or bool index (K,), in its order."""
        return Gallery(self.means[index], self.views[index], self.kept[index], self.last[index])

    def join(self, other: Gallery) -> Gallery:
        """These galleries, then the other's."""
        return Gallery(
            np.concatenate([self.means, other.means]),
            np.concatenate([self.views, other.views]),
            np.concatenate([self.kept, other.kept]),
            np.concatenate([self.last, other.last]),
        )

    def seen(
        self, rows: NDArray[np.int64], embeddings: NDArray[np.float32], time: float, settings: AppearanceSettings
    ) -> Gallery:
        """The galleries after the tracks `rows` (K,) were seen cleanly with these embeddings (K, D)."""
        if len(rows) == 0 or embeddings.shape[1] == 0:
            return self
        means, views, kept, last = self.means.copy(), self.views.copy(), self.kept.copy(), self.last.copy()
        mixed = settings.momentum * means[rows] + (1 - settings.momentum) * embeddings
        means[rows] = mixed / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-12)
        due = time - last[rows] >= settings.every
        rows, embeddings = rows[due], embeddings[due]
        place = np.where(np.isfinite(last[rows]), kept[rows], 0)  # a clean view takes the place of an unclean first one
        views[rows, place % views.shape[1]] = embeddings
        kept[rows] = place + 1
        last[rows] = time
        return Gallery(means, views, kept, last)

    def distances(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """(T, N) cosine distance of each embedding (N, D) to each track: the mean of that to its average and its
        nearest view."""
        tracks, views, dimension = self.views.shape
        to_mean = self.means @ embeddings.T
        to_views = self.views.reshape(tracks * views, dimension) @ embeddings.T
        nearest = to_views.reshape(tracks, views, len(embeddings)).max(axis=1, initial=-1.0)
        return np.asarray(1.0 - 0.5 * (to_mean + nearest), np.float64)


@dataclass(frozen=True)
class AppearanceScale:
    """What cosine distances mean here: running estimates, so that any embedding serves without thresholds of its own.

    `same`: the usual distance of a track and its own next clean detection. `other`: the usual one of two objects in
    one frame. nan before the first estimate.
    """

    same: float = float("nan")
    other: float = float("nan")

    def unlikeness(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distances as numbers from 0, as alike as a track and itself, to 1, as unlike as two objects."""
        if not np.isfinite(self.other):
            return np.full(distances.shape, 0.5)
        same = self.same if np.isfinite(self.same) else 0.25 * self.other
        return np.clip((distances - same) / max(self.other - same, 1e-6), 0.0, 1.0)

    def with_frame(self, embeddings: NDArray[np.float32]) -> AppearanceScale:
        """After a frame with these sure detections of different objects, (N, D); fewer than three tell nothing."""
        n = len(embeddings)
        if n < 3 or embeddings.shape[1] == 0:
            return self
        between = 1.0 - (embeddings @ embeddings.T)[np.triu_indices(n, 1)]
        return AppearanceScale(self.same, blended(self.other, float(np.median(between)), 0.1))

    def with_pairs(self, distances: NDArray[np.float64]) -> AppearanceScale:
        """After tracks in sight and their clean detections were (K,) apart."""
        if len(distances) == 0:
            return self
        return AppearanceScale(blended(self.same, float(np.median(distances)), 0.05), self.other)


def blended(before: float, now: float, share: float) -> float:
    """A running mean; the first value counts whole."""
    return now if not np.isfinite(before) else (1 - share) * before + share * now
