"""Results with cleaner masks: `mots clean`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.errors import InputError
from mots.labels import FrameLabels
from mots.rendering.saved_results import SavedResults, check_frame_size
from mots.segmentation.cleaning import CleanSettings, MaskCleaner
from mots.segmentation.flow import flow_named
from mots.segmentation.mask_smoothing import SmoothSettings, smoothed
from mots.video.frame import Source
from mots.video.opening import source_of

__all__ = ["clean"]


def clean(
    results: str | Path | SavedResults,
    source: str | Path | Source | Iterable[NDArray[np.uint8]],
    *,
    cleaning: CleanSettings | None = None,
    smoothing: SmoothSettings | None = None,
    flow: str = "dis",
    sequence: str | None = None,
) -> Iterator[FrameLabels]:
    """The frames of results with masks cleaned by morphology, then smoothed over time by optical flow.

    `cleaning`, `smoothing`: without them the defaults; a window of 0 smooths nothing. `sequence`: which one, where
    `results` holds several. Ids are those that people see. Raises InputError where the source has none of the results'
    frames, FormatError for masks of another size than the frames', and what reading both raises.
    """
    saved = results if isinstance(results, SavedResults) else SavedResults(results, sequence)
    cleaner, settings = MaskCleaner(cleaning), smoothing or SmoothSettings()
    frames = cleaned_frames(saved, source_of(source), cleaner)
    if settings.window == 0:
        return (labels for _, labels in frames)
    return smoothed(frames, settings, flow_named(flow))


def cleaned_frames(
    saved: SavedResults, source: Source, cleaner: MaskCleaner
) -> Iterator[tuple[NDArray[np.uint8], FrameLabels]]:
    """Each frame's image with its labels after morphology."""
    last, met = max(saved.frames, default=0), not saved.frames
    nothing = f"{source.name}: none of its frames has the number of one in {saved.path}"
    for frame in source:
        met |= frame.number in saved.frames
        if not met and frame.number > last:
            raise InputError(nothing)
        if saved.frames:
            check_frame_size(saved.path, saved.size, frame.image.shape)
        labels = saved.frame(frame.number, frame.time, (frame.image.shape[0], frame.image.shape[1])).labels
        masks, _ = cleaner.clean(labels.masks).disjoint(labels.scores.astype(np.float64))
        if len(labels) and not (masks.areas() > 0).all():
            masks = labels.masks  # one of them lay whole inside what another one gained
        yield frame.image, replace(labels, masks=masks)
    if not met:
        raise InputError(nothing)
