"""What tracks look like: a gallery of embeddings for each track, and how unlike detections are to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled
from .detections import Detections

__all__ = ["AppearanceScale", "AppearanceSettings", "Gallery", "clean"]


@dataclass(frozen=True)
class AppearanceSettings:
    """Which views of a track are kept, and how much they count."""

    views: int = 6  # recent clean views that a track keeps beside their moving average
    momentum: float = 0.9  # of the moving average: what a new view leaves of the old ones
    every: float = 0.1  # seconds between two views that are kept: neighbours look the same
    clean_score: float = 0.6  # a detection of at least this score,
    clean_coverage: float = 0.3  # with at most this share of its box inside any other's, is a clean view
    seen_score: float = 0.3  # detections below this score hide nobody


ROUNDING = 1e-6  # seconds: 6 frames at 30 a second are 0.2 s, however their times were computed
ALIKE_SHARE = 0.1  # of all pairs of objects: those that look most alike
LOOK_ALIKE = 0.75  # where they begin on a wary scale, from 0 to 1: the limits of the stages were chosen for that
NARROWEST = 0.25  # of the usual scale: where all wear the same, a wary one would take noise for a difference
SAMPLE = 32  # objects of a frame whose distances from each other tell what is usual
UPPER = np.tril_indices(SAMPLE, -1)  # the pairs of the first n of them come first


def clean(detections: Detections, settings: AppearanceSettings) -> NDArray[np.bool_]:
    """(N,) whether each detection is sure and hardly hidden, so that its looks may be remembered."""
    return clean_boxes(
        detections.boxes, detections.scores, settings.clean_score, settings.clean_coverage, settings.seen_score
    )


@compiled
def clean_boxes(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], least: float, coverage: float, seen: float
) -> NDArray[np.bool_]:
    """`clean` with its knobs."""
    free = scores >= least
    for i in range(len(boxes)):
        if not free[i]:
            continue
        area = max(np.float64(boxes[i, 2] - boxes[i, 0]) * np.float64(boxes[i, 3] - boxes[i, 1]), 1.0)
        for j in range(len(boxes)):
            if j != i and scores[j] >= seen:
                wide = np.float64(min(boxes[i, 2], boxes[j, 2]) - max(boxes[i, 0], boxes[j, 0]))
                tall = np.float64(min(boxes[i, 3], boxes[j, 3]) - max(boxes[i, 1], boxes[j, 1]))
                if wide > 0 and tall > 0 and wide * tall > coverage * area:
                    free[i] = False
                    break
    return free


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

    def see(
        self, rows: NDArray[np.int64], embeddings: NDArray[np.float32], time: float, settings: AppearanceSettings
    ) -> None:
        """Take in that the tracks `rows` (K,) were seen cleanly with these embeddings (K, D).

        It changes the arrays in place: they are a tracker's largest, and nobody else's.
        """
        if len(rows) and embeddings.shape[1]:
            take_in(
                self.means, self.views, self.kept, self.last, rows, embeddings, time, settings.momentum, settings.every
            )


@compiled
def take_in(
    means: NDArray[np.float32],
    views: NDArray[np.float32],
    kept: NDArray[np.int64],
    last: NDArray[np.float64],
    rows: NDArray[np.int64],
    embeddings: NDArray[np.float32],
    time: float,
    momentum: float,
    every: float,
) -> None:
    """`Gallery.see` on its arrays."""
    keep, add = np.float32(momentum), np.float32(1.0 - momentum)
    for k in range(len(rows)):
        row = rows[k]
        length = np.float32(0.0)
        for d in range(means.shape[1]):
            means[row, d] = keep * means[row, d] + add * embeddings[k, d]
            length += means[row, d] * means[row, d]
        means[row] /= max(np.sqrt(length), np.float32(1e-12))
        if time - last[row] >= every - ROUNDING:
            place = kept[row] if np.isfinite(last[row]) else 0  # a clean view replaces an unclean first one
            views[row, place % views.shape[1]] = embeddings[k]
            kept[row] = place + 1
            last[row] = time


@dataclass(frozen=True)
class AppearanceScale:
    """What cosine distances mean here: running estimates, so that any embedding serves without thresholds of its own.

    `same`: the usual distance of a track and its own next clean detection. `other`: the usual one of two objects in
    one frame. `alike`: the one that a tenth of all pairs of objects fall below. nan before the first estimate.
    """

    same: float = float("nan")
    other: float = float("nan")
    alike: float = float("nan")

    def unlikeness(self, distances: NDArray[np.float64], wary: bool = False) -> NDArray[np.float64]:
        """Distances as numbers from 0, as alike as a track and itself, to 1, as unlike as two objects usually are.

        `wary`: as unlike as those that look most alike, where those look more alike than usual: the less an embedding
        tells, the more alike a pair must be.
        """
        if not np.isfinite(self.other):
            return np.full(distances.shape, 0.5)
        same = self.same if np.isfinite(self.same) else 0.25 * self.other
        whole = self.other - same
        if wary:
            whole = min(max((self.alike - same) / LOOK_ALIKE, NARROWEST * whole), whole)
        return np.clip((distances - same) / max(whole, 1e-6), 0.0, 1.0)

    def with_frame(self, embeddings: NDArray[np.float32]) -> AppearanceScale:
        """After a frame with these sure detections of different objects, (N, D); fewer than three tell nothing."""
        n = len(embeddings)
        if n < 3 or embeddings.shape[1] == 0:
            return self
        few = embeddings[:: -(-n // SAMPLE)]
        pairs = len(few) * (len(few) - 1) // 2
        distances = 1.0 - (few @ few.T)[UPPER[0][:pairs], UPPER[1][:pairs]]
        other = blended(self.other, middle(distances), 0.1)
        # Few pairs have no quantile, so it is approached: by small steps that are 0 on average once it is met.
        if np.isfinite(self.alike):
            alike = self.alike + 0.1 * other * (ALIKE_SHARE - float((distances < self.alike).mean()))
        else:
            alike = float(np.quantile(distances, ALIKE_SHARE))
        return AppearanceScale(self.same, other, alike)

    def with_pairs(self, distances: NDArray[np.float64]) -> AppearanceScale:
        """After tracks in sight and their clean detections were (K,) apart."""
        if len(distances) == 0:
            return self
        return replace(self, same=blended(self.same, middle(distances), 0.05))


def middle(values: NDArray[np.floating]) -> float:
    """The median (of an even number the upper one of the two), without the general one's checks."""
    place = len(values) // 2
    return float(np.partition(values, place)[place])


def blended(before: float, now: float, share: float) -> float:
    """A running mean; the first value counts whole."""
    return now if not np.isfinite(before) else (1 - share) * before + share * now
