"""Scoring KITTI-STEP: panoptic PNGs of truth and results, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.errors import MotsError
from mots.formats import kitti_step
from mots.metrics.stq import StqCounts, stq

__all__ = ["score_step"]

Codes = NDArray[np.uint32]


def score_step(
    truth: Path, results: Path, lengths: dict[str, int] | None = None, sequences: Iterable[str] | None = None
) -> dict[str, dict[str, StqCounts]]:
    """STQ of each sequence, under the class `all`. `lengths`: the sequences to score; all of the truth without it.

    Raises MotsError for a missing sequence or frame, a frame that the truth does not have, and an unreadable picture.
    """
    truths, found = kitti_step.sequences(truth), kitti_step.sequences(results)
    names = list(sequences) if sequences is not None else list(lengths or truths)
    for name in names:
        if name not in truths:
            raise MotsError(f"{truth}: the truth of sequence {name} is missing: wanted {name}/000000.png")
        if name not in found:
            raise MotsError(f"{results}: sequence {name} is missing: wanted {name}/000000.png")
    return {name: {"all": counted(truths[name], found[name])} for name in names}


def counted(truth: Path, results: Path) -> StqCounts:
    try:
        return stq(pairs(truth, results))
    except ValueError as error:
        raise MotsError(f"{results}: {error}") from error


def pairs(truth: Path, results: Path) -> Iterator[tuple[Codes, Codes]]:
    """The frames of truth and results side by side."""
    wanted, found = kitti_step.frames(truth), kitti_step.frames(results)
    for number in sorted(set(wanted) ^ set(found)):
        if number in wanted:
            raise MotsError(f"{results}: frame {number} is missing: wanted {wanted[number].name}")
        raise MotsError(f"{found[number]}: the truth has no frame {number}")
    for number in sorted(wanted):
        one, two = kitti_step.read(wanted[number]), kitti_step.read(found[number])
        if one.shape != two.shape:
            raise MotsError(
                f"{found[number]}: {two.shape[0]} x {two.shape[1]} pixels where the truth has "
                f"{one.shape[0]} x {one.shape[1]}"
            )
        yield one, two
