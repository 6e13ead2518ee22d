"""Frames of a data set with their truth, as data for training are made of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.benchmarks.layouts import SequenceFiles
from mots.errors import MotsError
from mots.formats import mots_text
from mots.formats import places as mots_folder
from mots.labels import FrameLabels
from mots.video.opening import Images, open_source

__all__ = ["TrainingFrame", "frames", "splits"]


@dataclass(frozen=True, eq=False)
class TrainingFrame:
    """A frame, its truth, and the file that it was read from (None: a video's frame)."""

    sequence: str
    path: Path | None
    image: NDArray[np.uint8]  # (H, W, 3) RGB
    truth: FrameLabels


def frames(sequence: SequenceFiles, every: int = 1) -> Iterator[TrainingFrame]:
    """Every `every`-th frame of a sequence. A frame that the truth does not name has no objects.

    Raises MotsError where there is no truth, or it is of another size than the pictures.
    """
    if sequence.truth is None:
        raise MotsError(f"{sequence.source}: no truth of sequence {sequence.name} beside it")
    lines = mots_folder.load(mots_folder.Place(sequence.truth))
    truth = {each.frame: each for each in mots_text.frames_of(lines)}
    source = open_source(sequence.source)
    paths = dict(source.numbered) if isinstance(source, Images) else {}
    for place, frame in enumerate(source):
        if place % every:
            continue
        size = (frame.image.shape[0], frame.image.shape[1])
        found = truth.get(frame.number, FrameLabels.empty(frame.number, frame.time, size))
        if found.size != size:
            raise MotsError(
                f"{sequence.truth}: frame {frame.number} is {found.size[0]} x {found.size[1]}, its picture "
                f"{size[0]} x {size[1]} (height x width)"
            )
        yield TrainingFrame(sequence.name, paths.get(frame.number), frame.image, found)


def splits(
    train: Sequence[SequenceFiles], val: Sequence[SequenceFiles], held_out: Sequence[str]
) -> tuple[list[SequenceFiles], list[SequenceFiles]]:
    """What to train on and what to check with: the benchmark's own splits, or the sequences `held_out` to check with.

    Where neither says what to check with, it is the last sequence. Raises MotsError for unknown names, or too few.
    """
    every = {each.name: each for each in [*train, *val]}
    if unknown := [name for name in held_out if name not in every]:
        raise MotsError(f"no sequence '{unknown[0]}' to hold out: there are {', '.join(every)}")
    names = list(held_out) or [each.name for each in val] or list(every)[-1:]
    rest = [each for name, each in every.items() if name not in names]
    if not rest:
        raise MotsError("nothing is left to train on: more than one sequence is needed")
    return rest, [every[name] for name in names]
