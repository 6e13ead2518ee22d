"""Appearance of tracks: a gallery of embeddings for each, and what a distance of two embeddings means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .detections import Detections
from .kernels import box_intersection

__all__ = ["AppearanceScale", "AppearanceSettings", "Gallery", "clean"]


@dataclass(frozen=True)
class AppearanceSettings:
    """Which embeddings a track keeps, and how distances are read."""

    views: int = 6  # recent clean embeddings that a track keeps beside their moving average
    momentum: float = 0.9  # weight of the old moving average when a new embedding is added
    every: float = 0.1  # seconds between two embeddings that are kept; neighbouring frames look the same
    clean_score: float = 0.6  # a detection of at least this score is clean,
    clean_coverage: float = 0.3  # if at most this share of its box lies inside any other box
    occluder_score: float = 0.3  # detections below this score do not count as occluders
    reference_score: float = 0.5  # detections of at least this score give the usual distance of two objects
    similar_share: float = 0.1  # share of all pairs of objects that count as similar, in the strict scale
    strict_level: float = 0.75  # dissimilarity at which similar pairs lie in the strict scale
    strict_floor: float = 0.25  # smallest width of the strict scale, as a share of the usual width
    # Weights of a frame in the running estimates: 0.1 forgets in about ten frames. On MOTS20-02 and -05 with colours,
    # halving or doubling them changed HOTA by -0.3 to +0.7.
    other_rate: float = 0.1  # of the usual distance of two objects, and of the similar pairs
    same_rate: float = 0.05  # of the usual distance of a track to its own next detection


ROUNDING = 1e-6  # seconds; keeps 6 frames at 30 a second equal to 0.2 s, however the times were added up
SAMPLE = 32  # objects of a frame that are compared pairwise; only the cost depends on it, not the median
# Halving or doubling this changed nothing on MOTS20-02 and -05: it serves until the first match.
UNKNOWN_SAME = 0.25  # before the first match: this share of the usual distance of two objects
UNKNOWN = 0.5  # dissimilarity of every pair before the first estimate: neither the same nor another object


class CleanLimits(NamedTuple):
    """`AppearanceSettings.clean_score`, `clean_coverage` and `occluder_score`, for compiled functions."""

    score: float
    coverage: float
    occluder_score: float


def clean(detections: Detections, settings: AppearanceSettings) -> NDArray[np.bool_]:
    """(N,) whether each detection is confident and hardly occluded, so that its embedding may be kept."""
    limits = CleanLimits(settings.clean_score, settings.clean_coverage, settings.occluder_score)
    return clean_boxes(detections.boxes, detections.scores, limits)


@compiled
def clean_boxes(boxes: NDArray[np.float32], scores: NDArray[np.float32], limits: CleanLimits) -> NDArray[np.bool_]:
    """`clean` on arrays."""
    is_clean = scores >= limits.score
    for i in range(len(boxes)):
        if not is_clean[i]:
            continue
        area = max(np.float64(boxes[i, 2] - boxes[i, 0]) * np.float64(boxes[i, 3] - boxes[i, 1]), 1.0)
        for j in range(len(boxes)):
            if (
                j != i
                and scores[j] >= limits.occluder_score
                and box_intersection(boxes, i, boxes, j) > limits.coverage * area
            ):
                is_clean[i] = False
                break
    return is_clean


@dataclass(frozen=True, eq=False)
class Gallery:
    """The embeddings of T tracks, in rows that belong to the rows of `Tracks`.

    `means`: (T, D) float32 moving averages of unit length. `views`: (T, K, D) float32, the last K that were kept, zeros
    where there are fewer. `counts`: (T,) int64, how many were kept so far. `times`: (T,) float64 seconds, when the last
    one was kept; -inf where a track has only its first embedding and that one was not clean.
    """

    means: NDArray[np.float32]
    views: NDArray[np.float32]
    counts: NDArray[np.int64]
    times: NDArray[np.float64]

    @staticmethod
    def begin(embeddings: NDArray[np.float32], is_clean: NDArray[np.bool_], time: float, views: int) -> Gallery:
        """Galleries of new tracks, each with its first embedding (N, D), clean (N,) or not."""
        n, dimension = embeddings.shape
        first = np.zeros((n, views, dimension), np.float32)
        first[:, 0] = embeddings
        return Gallery(embeddings.copy(), first, np.ones(n, np.int64), np.where(is_clean, time, -np.inf))

    def take(self, index: NDArray[np.generic]) -> Gallery:
        """The galleries at an integer or bool index (K,), in its order."""
        return Gallery(self.means[index], self.views[index], self.counts[index], self.times[index])

    def join(self, other: Gallery) -> Gallery:
        """These galleries, then the other's."""
        return Gallery(
            np.concatenate([self.means, other.means]),
            np.concatenate([self.views, other.views]),
            np.concatenate([self.counts, other.counts]),
            np.concatenate([self.times, other.times]),
        )

    def add(
        self, rows: NDArray[np.int64], embeddings: NDArray[np.float32], time: float, settings: AppearanceSettings
    ) -> None:
        """Add clean embeddings (K, D) to the tracks `rows` (K,).

        The arrays are changed in place: they are a tracker's largest, and no one else holds them.
        """
        if len(rows) and embeddings.shape[1]:
            arrays = GalleryArrays(self.means, self.views, self.counts, self.times)
            add_embeddings(arrays, rows, embeddings, time, settings.momentum, settings.every)


class GalleryArrays(NamedTuple):
    """The arrays of a `Gallery`, for compiled functions."""

    means: NDArray[np.float32]
    views: NDArray[np.float32]
    counts: NDArray[np.int64]
    times: NDArray[np.float64]


@compiled
def add_embeddings(
    gallery: GalleryArrays,
    rows: NDArray[np.int64],
    embeddings: NDArray[np.float32],
    time: float,
    momentum: float,
    every: float,
) -> None:
    """`Gallery.add` on its arrays."""
    means, views = gallery.means, gallery.views
    keep, add = np.float32(momentum), np.float32(1.0 - momentum)
    for k in range(len(rows)):
        row = rows[k]
        length = np.float32(0.0)
        for d in range(means.shape[1]):
            means[row, d] = keep * means[row, d] + add * embeddings[k, d]
            length += means[row, d] * means[row, d]
        means[row] /= max(np.sqrt(length), np.float32(1e-12))
        if time - gallery.times[row] >= every - ROUNDING:
            # A clean embedding replaces a first one that was not clean.
            count = gallery.counts[row] if np.isfinite(gallery.times[row]) else 0
            views[row, count % views.shape[1]] = embeddings[k]
            gallery.counts[row] = count + 1
            gallery.times[row] = time


@dataclass(frozen=True)
class AppearanceScale:
    """What cosine distances mean in this video: running estimates, so that no embedding needs thresholds of its own.

    `same`: the usual distance of a track and its own next clean detection. `other`: the usual distance of two objects
    in one frame. `similar`: the distance that a tenth of all pairs of objects fall below. nan before the first
    estimate.
    """

    same: float = float("nan")
    other: float = float("nan")
    similar: float = float("nan")

    def dissimilarity(
        self, distances: NDArray[np.float64], settings: AppearanceSettings, strict: bool = False
    ) -> NDArray[np.float64]:
        """Distances on a scale from 0, as a track and itself, to 1, as two objects usually are.

        `strict`: the scale is narrower where the objects of this video look similar: 1 is then near the distance of
        the most similar pairs, so a weak embedding separates fewer pairs wrongly.
        """
        if not np.isfinite(self.other):
            return np.full(distances.shape, UNKNOWN)
        same = self.same if np.isfinite(self.same) else UNKNOWN_SAME * self.other
        width = self.other - same
        if strict:
            width = min(max((self.similar - same) / settings.strict_level, settings.strict_floor * width), width)
        return shares(distances.ravel(), same, max(width, 1e-6)).reshape(distances.shape)

    def with_frame(self, embeddings: NDArray[np.float32], settings: AppearanceSettings) -> AppearanceScale:
        """The estimates after a frame with these (N, D) embeddings of different objects; N < 3 changes nothing."""
        n = len(embeddings)
        if n < 3 or embeddings.shape[1] == 0:
            return self
        sample = embeddings[:: -(-n // SAMPLE)]
        distances = lower_distances(sample @ sample.T)
        other = running_mean(self.other, upper_median(distances), settings.other_rate)
        # A few pairs have no reliable quantile: it is approached in small steps that are 0 on average once it is met.
        if np.isfinite(self.similar):
            step = settings.similar_share - share_below(distances, self.similar)
            similar = self.similar + settings.other_rate * other * step
        else:
            similar = float(np.quantile(distances, settings.similar_share))
        return AppearanceScale(self.same, other, similar)

    def with_matches(self, distances: NDArray[np.float64], settings: AppearanceSettings) -> AppearanceScale:
        """The estimates after matches of confirmed tracks and clean detections at these (K,) distances."""
        if len(distances) == 0:
            return self
        same = running_mean(self.same, upper_median(distances), settings.same_rate)
        return AppearanceScale(same, self.other, self.similar)


@compiled
def shares(distances: NDArray[np.float64], zero: float, width: float) -> NDArray[np.float64]:
    """Distances as shares of a width from `zero` on, from 0 to 1."""
    found = np.empty(len(distances))
    for p in range(len(distances)):
        found[p] = min(max((distances[p] - zero) / width, 0.0), 1.0)
    return found


@compiled
def lower_distances(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n (n - 1) / 2) the distances 1 - cosine of the pairs of n embeddings, from their cosines (n, n)."""
    n = len(cosines)
    distances = np.empty(n * (n - 1) // 2, np.float32)
    place = 0
    for i in range(n):
        for j in range(i):
            distances[place] = np.float32(1.0) - cosines[i, j]
            place += 1
    return distances


@compiled
def share_below(values: NDArray[np.float32], limit: float) -> float:
    """The share of the values that is below the limit."""
    count = 0
    for value in values:
        if np.float64(value) < limit:
            count += 1
    return count / len(values)


@compiled
def upper_median(values: NDArray[np.floating]) -> float:
    """The median; of an even number of values, the upper one of the two in the middle."""
    place = len(values) // 2
    return np.float64(np.partition(values, place)[place])


def running_mean(before: float, now: float, rate: float) -> float:
    """An exponential mean; the first value is taken as it is."""
    return now if not np.isfinite(before) else (1 - rate) * before + rate * now
