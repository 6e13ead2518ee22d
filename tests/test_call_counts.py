"""A guard against slow-downs that no clock is needed for: how many calls the core makes for one frame.

The loops over pixels are compiled; what grows unseen is the number of Python's and C's calls around them. The limits
are what was counted when they were set, and a tenth more.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest

from mots.detection.colour_histograms import ColourHistograms
from mots.detection.mask_refinement import EdgeRefiner
from mots.labels import label
from mots.toy.world import World, WorldSettings
from mots.trackers.detections import Detections
from mots.trackers.tracker import Tracker

TRACKER = 530  # a frame of about 18 objects, in the median
REFINER = 41  # a frame
COLOURS = 21  # a frame
LABELS = 73  # a mask


def calls_of(work: Callable[[], Any]) -> int:
    """The calls of Python and C functions that `work` makes."""
    count = 0

    def see(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.fixture(scope="module")
def frames() -> list[tuple[np.ndarray, Detections]]:
    """Frames of the toy world with their detections and colours."""
    world, colours = World(8, WorldSettings(walkers=14, vehicles=4)), ColourHistograms()
    found = []
    for k, (image, _) in enumerate(world.frames(12)):
        seen = world.detections(k)
        found.append((image, Detections(seen.boxes, seen.masks, seen.scores, seen.classes, colours.embed(image, seen))))
    return found


def most(counts: list[int]) -> int:
    """The largest of the counts after the first frames, in which kernels are compiled and tracks begin."""
    return max(counts[4:])


def test_calls_of_the_tracker(frames: list[tuple[np.ndarray, Detections]]) -> None:
    warm, tracker = Tracker(), Tracker()
    for _, found in frames:  # what is compiled when a track is lost or ends
        warm.update(found)
    counts = [calls_of(lambda found=found: tracker.update(found)) for _, found in frames]  # type: ignore[misc]
    assert statistics.median(counts[4:]) <= TRACKER
    assert most(counts) <= 2.5 * TRACKER  # a frame in which tracks begin and end


def test_calls_of_mask_refinement(frames: list[tuple[np.ndarray, Detections]]) -> None:
    refiner = EdgeRefiner()
    counts = [calls_of(lambda image=image, found=found: refiner.refine(image, found.masks)) for image, found in frames]  # type: ignore[misc]
    assert most(counts) <= REFINER


def test_calls_of_colours(frames: list[tuple[np.ndarray, Detections]]) -> None:
    colours = ColourHistograms()
    counts = [calls_of(lambda image=image, found=found: colours.embed(image, found)) for image, found in frames]  # type: ignore[misc]
    assert most(counts) <= COLOURS


def test_calls_of_labels(frames: list[tuple[np.ndarray, Detections]]) -> None:
    counts = []
    for _, found in frames:
        ids = np.arange(1, len(found) + 1)
        counts.append(calls_of(lambda found=found, ids=ids: label(found, ids, found.classes, 0, 0.0)))  # type: ignore[misc]
    assert most(counts) / max(len(found) for _, found in frames) <= LABELS


def test_the_counter_counts() -> None:
    assert calls_of(lambda: [len(()) for _ in range(10)]) >= 10
