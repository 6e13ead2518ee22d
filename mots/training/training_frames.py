"""Frames of a data set with their truth, for training data."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.benchmarks.layouts import SequenceFiles
from mots.errors import FormatError, InputError, MotsWarning
from mots.formats import places
from mots.labelling.annotate import frame_confidences
from mots.labels import FrameLabels
from mots.video.image_files import ImageFiles
from mots.video.opening import open_source

__all__ = ["TrainingFrame", "frames", "splits"]


@dataclass(frozen=True, eq=False)
class TrainingFrame:
    """A frame, its truth, and the file that it was read from (None for a frame of a video)."""

    sequence: str
    path: Path | None
    image: NDArray[np.uint8]  # (H, W, 3) RGB
    truth: FrameLabels


def frames(sequence: SequenceFiles, every: int = 1, least: float = 0.0) -> Iterator[TrainingFrame]:
    """Every `every`-th frame of a sequence. A frame that the truth does not mention has no objects. `least`: frames of
    a lower confidence, as `mots annotate` has written it beside the truth, are left out.

    Frames of the truth that have no image are told by a MotsWarning. Raises InputError where there is no truth,
    FormatError where its size is not the images', and where most of its frames have none.
    """
    if sequence.truth is None:
        raise InputError(f"{sequence.source}: no truth of sequence {sequence.name} beside it")
    table = places.load(places.Place(sequence.truth))
    truth = {each.frame: each for each in table.to_frames()}
    source = open_source(sequence.source)
    paths = dict(source.numbered) if isinstance(source, ImageFiles) else {}
    left = set(truth)
    sure = frame_confidences(sequence.truth) if least > 0 else {}
    for place, frame in enumerate(source):
        left.discard(frame.number)
        if place % every or sure.get(frame.number, 1.0) < least:
            continue
        size = (frame.image.shape[0], frame.image.shape[1])
        labels = truth.get(frame.number, FrameLabels.empty(frame.number, frame.time, size))
        if labels.size != size:
            raise FormatError(
                f"{sequence.truth}: frame {frame.number} is {labels.size[0]} x {labels.size[1]}, its image "
                f"{size[0]} x {size[1]} (height x width)"
            )
        yield TrainingFrame(sequence.name, paths.get(frame.number), frame.image, labels)
    if left:
        message = (
            f"{sequence.truth}: {len(left)} of {len(truth)} frames, as {min(left)}, have no image in {sequence.source}"
        )
        if 2 * len(left) > len(truth):
            raise FormatError(f"{message}: are the frame numbers the same?")
        warnings.warn(MotsWarning(message), stacklevel=2)


def splits(
    train: Sequence[SequenceFiles], val: Sequence[SequenceFiles], held_out: Sequence[str]
) -> tuple[list[SequenceFiles], list[SequenceFiles]]:
    """Sequences for training and for validation: the benchmark's own splits, or with `held_out` for validation.

    Without both, the last sequence is for validation. Raises InputError for unknown names, or too few sequences.
    """
    every = {each.name: each for each in [*train, *val]}
    if unknown := [name for name in held_out if name not in every]:
        raise InputError(f"no sequence '{unknown[0]}' to validate with: there are {', '.join(every)}")
    names = list(held_out) or [each.name for each in val] or list(every)[-1:]
    rest = [each for name, each in every.items() if name not in names]
    if not rest:
        raise InputError("no sequence is left for training: more than one is needed")
    return rest, [every[name] for name in names]
