"""Whether new footage is still like the old one: distributions of what the engine sees, compared.

Neighbouring frames are no independent samples, so each side is cut into blocks of frames, and a difference counts where
few of the ways to deal the blocks to two sides at random give one as large (a block permutation test; Good:
Permutation, Parametric, and Bootstrap Tests of Hypotheses, Springer 2005). Objects stay for many blocks, so a change
must also be larger than that between the halves of each side. What is compared several times is corrected by Holm's
method (Scandinavian Journal of Statistics 6, 1979).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.detection import saved_detections
from mots.detection.measurement import FrameMeasurement
from mots.errors import InputError
from mots.settings import Settings
from mots.trackers.detections import Detections

__all__ = ["Difference", "DriftSettings", "Seen", "changes_between", "seen_in", "seen_of"]

LUMA = np.array([0.299, 0.587, 0.114])
EVERY = 4  # pixels between two that are taken for a frame's brightness


@dataclass(frozen=True)
class DriftSettings:
    """How differences are judged."""

    blocks: int = 12  # that each side is cut into
    rounds: int = 1999  # random deals of the blocks
    level: float = 0.05  # chance at which one of all comparisons is called a change though there is none
    min_score: float = 0.3  # detections below this score are left out, but for the comparison of scores


@dataclass(frozen=True, eq=False)
class Seen:
    """What was seen in F frames: by name, one array for each frame, (n, d) of its n samples; `kinds` of classes."""

    name: str
    frames: int
    samples: dict[str, list[NDArray[np.float64]]]


@dataclass(frozen=True)
class Difference:
    """One comparison: the means of both sides (shares of the largest change, for classes), the size of the difference
    from 0 to 1, its probability by chance, corrected, and whether it counts as a change."""

    name: str
    reference: str
    new: str
    size: float
    p: float
    changed: bool


def seen_in(path: str | Path, settings: Settings) -> Seen:
    """What is seen in a video, in saved detections (`.npz`, without brightness), or in detections as text.

    Raises InputError where there is nothing to compare, and what reading raises.
    """
    from mots.pipeline.pipeline import Pipeline

    path = Path(path)
    if path.is_file() and path.suffix in (".npz", ".txt"):
        saved = saved_detections.read(path)
        return seen_of(path.name, ((each.detections, each.image) for each in saved))
    pipeline = Pipeline(path, settings)
    measured: Iterable[FrameMeasurement] = pipeline.measure()
    return seen_of(path.name, ((each.detections, each.image) for each in measured))


def seen_of(
    name: str, frames: Iterable[tuple[Detections, NDArray[np.uint8]]], settings: DriftSettings | None = None
) -> Seen:
    """What is seen in frames of detections and images, which may be empty. Raises InputError for no frames."""
    settings = settings or DriftSettings()
    samples: dict[str, list[NDArray[np.float64]]] = {
        each: [] for each in ("score", "size", "class", "objects", "brightness", "embedding")
    }
    count = 0
    for detections, image in frames:
        count += 1
        sure = detections.take(np.flatnonzero(detections.scores >= settings.min_score))
        height, width = detections.size
        samples["score"].append(detections.scores.astype(np.float64)[:, None])
        relative = np.sqrt(sure.masks.areas() / max(height * width, 1))
        samples["size"].append(relative[:, None])
        samples["class"].append(sure.classes.astype(np.float64)[:, None])
        samples["objects"].append(np.array([[float(len(sure))]]))
        if image.size:
            samples["brightness"].append(np.array([[float((image[::EVERY, ::EVERY] @ LUMA).mean() / 255)]]))
        if sure.embeddings.shape[1]:
            samples["embedding"].append(sure.embeddings.astype(np.float64))
    if count == 0:
        raise InputError(f"{name}: no frames")
    kept = {each: own for each, own in samples.items() if len(own) == count and any(len(each) for each in own)}
    return Seen(name, count, kept)


def changes_between(
    reference: Seen, new: Seen, settings: DriftSettings | None = None, seed: int = 0
) -> list[Difference]:
    """All comparisons that both sides allow, by name. Raises InputError where a side has fewer than two frames."""
    settings = settings or DriftSettings()
    for side in (reference, new):
        if side.frames < 2:
            raise InputError(f"{side.name}: {side.frames} frame: wanted 2 or more")
    found = []
    for name in reference.samples:
        if name not in new.samples:
            continue
        one, two = reference.samples[name], new.samples[name]
        if name == "embedding" and one[0].shape[1] != two[0].shape[1]:
            raise InputError(
                f"embeddings of {two[0].shape[1]} numbers in {new.name}, of {one[0].shape[1]} in {reference.name}: "
                "detect both with the same --reid"
            )
        found.append((name, one, two, *tested(name, one, two, settings, seed)))
    order = sorted(range(len(found)), key=lambda k: found[k][4])
    corrected, highest = {}, 0.0
    for rank, k in enumerate(order):
        highest = max(highest, min(found[k][4] * (len(found) - rank), 1.0))
        corrected[k] = highest
    return [
        Difference(name, told(name, one), told(name, two), size, corrected[k], corrected[k] <= settings.level)
        for k, (name, one, two, size, _) in enumerate(found)
    ]


def tested(
    name: str,
    one: Sequence[NDArray[np.float64]],
    two: Sequence[NDArray[np.float64]],
    settings: DriftSettings,
    seed: int,
) -> tuple[float, float]:
    """The size of a difference from 0 to 1, and the probability of one as large by chance."""
    blocks = [*blocks_of(one, settings.blocks), *blocks_of(two, settings.blocks)]
    first = min(settings.blocks, len(one))
    summaries, distance = summaries_of(name, blocks)
    total = summaries.sum(axis=0)
    sides = np.stack(
        [summaries[:first].sum(axis=0), *(half(summaries[part]) for part in (np.s_[:first], np.s_[first:]))]
    )
    wholes = np.stack([total, summaries[:first].sum(axis=0), summaries[first:].sum(axis=0)])
    observed, *own = distance(sides, wholes - sides).tolist()
    if observed <= max(own):
        return float(observed), 1.0
    rng = np.random.default_rng(seed)
    dealt = (
        np.argsort(rng.random((settings.rounds, len(blocks))), axis=1) < first
    )  # (rounds, B) which are the reference
    ones = dealt.astype(np.float64) @ summaries
    larger = int((distance(ones, total - ones) >= observed - 1e-12).sum())
    return float(observed), (1 + larger) / (1 + settings.rounds)


def half(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S,) the sum of the first half of a side's blocks (B, S)."""
    return np.asarray(sums[: len(sums) // 2].sum(axis=0), np.float64)


def blocks_of(frames: Sequence[NDArray[np.float64]], count: int) -> list[NDArray[np.float64]]:
    """The samples of so many stretches of frames of about one length, or of each frame where there are fewer."""
    edges = np.linspace(0, len(frames), min(count, len(frames)) + 1).round().astype(int)
    return [np.concatenate(frames[a:b]) for a, b in itertools.pairwise(edges.tolist())]


Distance = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


def summaries_of(name: str, blocks: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], Distance]:
    """(B, S) sums of each block's samples, which add up to those of a side, and the distances (R,) of R pairs of sides
    by their sums (R, S).

    Numbers: counts below each value that occurs, and the largest difference of the two distributions (Kolmogorov and
    Smirnov). Classes: counts, and half the sum of the differences of shares. Embeddings: sums and a count, and half the
    distance of the two means (maximum mean discrepancy with a linear kernel).
    """
    if name == "embedding":
        sums = np.stack([np.append(block.sum(axis=0), len(block)) for block in blocks])
        return sums, lambda a, b: np.linalg.norm(mean_of(a) - mean_of(b), axis=1) / 2
    values = np.unique(np.concatenate(blocks))
    if name != "class" and len(values) > 256:  # places between them are enough
        values = np.quantile(np.concatenate(blocks), np.linspace(0, 1, 256))
    if name == "class":
        counts = np.stack([(block == values[None, :]).sum(axis=0) for block in blocks]).astype(np.float64)
        return counts, lambda a, b: np.abs(shares_of(a) - shares_of(b)).sum(axis=1) / 2
    below = np.stack([np.searchsorted(np.sort(block[:, 0]), values, side="right") for block in blocks])
    sums = np.concatenate([below, np.array([[len(block)] for block in blocks])], axis=1).astype(np.float64)
    return sums, lambda a, b: np.abs(mean_of(a) - mean_of(b)).max(axis=1, initial=0.0)


def mean_of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """(R, S - 1) sums by the count in the last column; zeros where there is none."""
    return np.asarray(sums[:, :-1] / np.maximum(sums[:, -1:], 1), np.float64)


def shares_of(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(R, S) counts by their sum."""
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), np.float64)


def told(name: str, frames: Sequence[NDArray[np.float64]]) -> str:
    """A side's samples in short: the mean, or the most frequent classes."""
    from mots.classes import class_name

    every = np.concatenate(frames)
    if name == "embedding":
        return f"{len(every)} objects"
    if name == "class":
        classes, counts = np.unique(every[:, 0].astype(int), return_counts=True)
        order = np.argsort(-counts, kind="stable")[:3]
        return ", ".join(f"{class_name(int(classes[k]))} {counts[k] / counts.sum():.0%}" for k in order)
    return f"{every.mean():.3f}"
