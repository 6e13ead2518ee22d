"""Scoring KITTI-STEP: panoptic PNGs of truth and results, frame by frame."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.errors import FormatError, InputError
from mots.formats import kitti_step
from mots.metrics.stq import StqCounts, stq

__all__ = ["check_there", "counts_of", "score_step"]

Codes = NDArray[np.uint32]


def score_step(
    truth: Path, results: Path, lengths: dict[str, int] | None = None, sequences: Iterable[str] | None = None
) -> dict[str, dict[str, StqCounts]]:
    """STQ of each sequence, under the class `all`. `lengths`: the sequences to score; all of the truth without it.

    Raises InputError for a missing sequence, FormatError for a missing frame, a frame that the truth does not have, and
    a picture that cannot be read.
    """
    truths, given = kitti_step.sequences(truth), kitti_step.sequences(results)
    names = list(sequences) if sequences is not None else list(lengths or truths)
    check_there(names, (truth, truths), (results, given), "000000.png")
    return {name: {"all": counts_of(truths[name], given[name])} for name in names}


def check_there(
    names: Iterable[str], truth: tuple[Path, Container[str]], results: tuple[Path, Container[str]], first: str
) -> None:
    """Raise InputError unless both sides, each a path and the sequences in it, have all of these sequences.

    `first`: the name of a sequence's first picture.
    """
    for name in names:
        if name not in truth[1]:
            raise InputError(f"{truth[0]}: the truth of sequence {name} is missing: wanted {name}/{first}")
        if name not in results[1]:
            raise InputError(f"{results[0]}: sequence {name} is missing: wanted {name}/{first}")


def counts_of(truth: Path, results: Path) -> StqCounts:
    """The counts of one sequence from its two folders. Raises FormatError."""
    try:
        return stq(pairs(truth, results))
    except ValueError as error:
        raise FormatError(f"{results}: {error}") from error


def pairs(truth: Path, results: Path) -> Iterator[tuple[Codes, Codes]]:
    """The frames of truth and results side by side."""
    wanted, given = kitti_step.frames(truth), kitti_step.frames(results)
    for number in sorted(set(wanted) ^ set(given)):
        if number in wanted:
            raise FormatError(f"{results}: frame {number} is missing: wanted {wanted[number].name}")
        raise FormatError(f"{given[number]}: the truth has no frame {number}")
    for number in sorted(wanted):
        one, two = kitti_step.read(wanted[number]), kitti_step.read(given[number])
        if one.shape != two.shape:
            raise FormatError(
                f"{given[number]}: {two.shape[0]} x {two.shape[1]} pixels where the truth has "
                f"{one.shape[0]} x {one.shape[1]}"
            )
        yield one, two
