"""Scoring video object segmentation as DAVIS 2017 does: pictures of object numbers, frame by frame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.errors import FormatError, MissingDependency
from mots.evaluation.step_scoring import check_there
from mots.formats import davis_png
from mots.metrics.stability import instability
from mots.metrics.vos import TOLERANCE, ObjectCurve, VosScores, boundary_f

__all__ = ["measured", "objects_in", "score_davis"]


def score_davis(truth: Path, results: Path, sequences: Iterable[str] | None = None) -> dict[str, dict[str, VosScores]]:
    """J and F of each sequence, under the class `object`; each object of the truth is compared with the one of the same
    number.

    The objects are those up to the largest number of the first frame, as the toolkit has them; the first frame, which
    is given, and the last one are not counted. Raises InputError for a missing sequence, FormatError for a missing
    frame, another size, and a picture that cannot be read.
    """
    truths, given = davis_png.folders(truth), davis_png.folders(results)
    names = list(sequences) if sequences is not None else list(truths)
    check_there(names, (truth, truths), (results, given), "00000.png")
    return {name: {"object": scores_of(truths[name], given[name])} for name in names}


def scores_of(truth: Path, results: Path) -> VosScores:
    """The scores of one sequence from its two folders. Raises FormatError."""
    wanted, given = davis_png.pictures(truth), davis_png.pictures(results)
    frames = list(wanted)
    if len(frames) < 3:
        raise FormatError(
            f"{truth}: {len(frames)} frames: the first and the last are not counted, so wanted 3 at least"
        )
    first = objects_in(davis_png.read_image(wanted[frames[0]]))
    count = int(first.max())
    if count == 0:
        raise FormatError(f"{wanted[frames[0]]}: no objects")
    counted = dict.fromkeys(range(1, count + 1), frames[1:-1])
    return measured(wanted, given, counted, results)


def measured(
    wanted: Mapping[str, Path], given: Mapping[str, Path], counted: Mapping[int, Sequence[str]], results: Path
) -> VosScores:
    """The scores of objects, by number, in the frames that count for each. Raises FormatError."""
    values: dict[int, list[tuple[float, float]]] = {number: [] for number in counted}
    flicker: dict[int, list[float]] = {number: [] for number in counted}
    before: NDArray[np.uint8] | None = None
    for name in sorted({name for names in counted.values() for name in names}):
        if name not in given:
            raise FormatError(f"{results}: frame {name} is missing: wanted {name}.png")
        own, other = objects_in(davis_png.read_image(wanted[name])), objects_in(davis_png.read_image(given[name]))
        if own.shape != other.shape:
            (high, wide), (tall, broad) = other.shape, own.shape
            raise FormatError(f"{given[name]}: {high} x {wide} pixels where the truth has {tall} x {broad}")
        radius = math.ceil(TOLERANCE * math.hypot(*own.shape))
        for number, names in counted.items():
            if name not in names:
                continue
            one, two = own == number, other == number
            union = int((one | two).sum())
            j = 1.0 if union == 0 else int((one & two).sum()) / union
            values[number].append((j, boundary_f(one, two, radius)))
            if before is not None and before.shape == other.shape:
                flicker[number].append(flickering(before == number, two))
        before = other
    curves = [
        ObjectCurve(number, tuple(names), *np.array(values[number], np.float64).reshape(-1, 2).T)
        for number, names in counted.items()
    ]
    means = [np.array(each)[np.isfinite(each)] for each in flicker.values()]
    return VosScores.of(curves, [float(each.mean()) if len(each) else float("nan") for each in means])


def flickering(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> float:
    """T of two masks; nan where one is empty, and where OpenCV is not installed."""
    try:
        return instability(before, after)
    except MissingDependency:
        return float("nan")


def objects_in(numbers: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) object numbers, with void as background, as the toolkit has it where the prompts are given."""
    return np.where(numbers == davis_png.VOID, np.uint8(0), numbers)
