"""Runs that leave files: track a source into a folder, or save its detections."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mots.detection import saved_detections as saved
from mots.errors import MotsError
from mots.pipeline.interrupts import interruptible
from mots.pipeline.pipeline import Run, TrackedFrame
from mots.pipeline.progress import shown
from mots.pipeline.results import ResultFolder
from mots.trackers.offline import Observed

if TYPE_CHECKING:
    from mots.trackers.detections import Detections
    from mots.video.opening import Frame

__all__ = ["Summary", "record", "save_detections"]


class Summary:
    """What a run did, counted as it goes; prints as a sentence."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.frames = self.masks = self.moved_pixels = self.tracks = 0

    def add(self, frame: TrackedFrame) -> None:
        self.frames += 1
        self.masks += len(frame)
        self.moved_pixels += frame.moved_pixels

    def __str__(self) -> str:
        return (
            f"{self.frames} frames, {self.tracks} tracks, {self.masks} masks "
            f"({self.moved_pixels} pixels were claimed twice and given to one) -> {self.folder}"
        )


def record(
    run: Run,
    folder: Path,
    *,
    video: bool = False,
    overwrite: bool = False,
    quiet: bool = False,
    offline: bool = False,
    watch: Callable[[TrackedFrame], None] | None = None,
) -> Summary:
    """Track a run into `folder`: MOTS text, tracks.csv and, with `video`, an annotated MP4.

    `offline`: see all frames first, then write what is known in the light of all. `watch` is called with what was
    written of each frame.

    Raises MotsError, once what was tracked so far is on disk, for whatever stops it before the end.
    """
    if video and run.source is None:
        raise MotsError("--video needs the frames: give them as SOURCE, and the detections as --detections FILE")
    summary = Summary(folder)
    with ExitStack() as stack:
        results = stack.enter_context(ResultFolder(folder, run.name, overwrite, run.names))
        if video:
            from mots.rendering.annotator import Annotator, VideoWriter

            annotator = Annotator(run.frame_rate, run.names)
            writer = stack.enter_context(VideoWriter(folder / f"{run.name}.mp4", run.frame_rate))
        frames = First(run, quiet, video).refined() if offline else shown(run.tracked(), run.name, run.length, quiet)
        # Closed here and not by chance: a bar that ends later writes over the message of what stopped the run.
        stack.enter_context(closing(frames))
        for frame in interruptible(frames):
            written = frame if run.settings.refine.write_filled else without_predicted(frame)
            results.write(written)
            summary.add(written)
            summary.tracks = len(results.tracks)
            if video:
                writer.write(annotator.draw(frame.image, frame), frame.time)
            if watch is not None:
                watch(written)
    return summary


def without_predicted(frame: TrackedFrame) -> TrackedFrame:
    """The frame's objects that a detection shows."""
    return frame.take(np.flatnonzero(~frame.predicted)) if frame.predicted.any() else frame


class First:
    """The first pass of an offline run; what stops it is raised once all frames before it have come out refined."""

    def __init__(self, run: Run, quiet: bool, images: bool) -> None:
        self.run, self.images = run, images
        self.observed: list[Observed] = []
        self.stopped: BaseException | None = None
        try:
            with closing(shown(run.observed(), run.name, run.length, quiet)) as frames:
                for each in interruptible(frames):
                    self.observed.append(each)
        except (MotsError, KeyboardInterrupt) as error:
            self.stopped = error

    def refined(self) -> Generator[TrackedFrame, None, None]:
        yield from self.run.refined(self.observed, self.images)
        if self.stopped is not None:
            raise self.stopped


def save_detections(run: Run, output: Path, *, overwrite: bool = False, quiet: bool = False) -> str:
    """Write a run's detections to `output`, .npz or .txt; a sentence of what was written."""
    if output.exists() and not overwrite:
        raise MotsError(f"{output} exists: choose another --output, or add --overwrite")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.suffix == ".txt":  # which cannot tell that masks are fitted: they are when it is tracked with frames
            run.outline = None
        writer = saved.create(output, run.frame_rate, run.names, run.fitted)
        frames = count = 0
        with writer, closing(shown(map(Measured, run.measured()), run.name, run.length, quiet)) as measured:
            for each in interruptible(measured):
                writer.write(each.frame.number, each.frame.time, each.detections, each.camera)
                frames, count = frames + 1, count + len(each.detections)
    except OSError as error:
        raise MotsError(
            f"{output}: cannot be written ({error.strerror}): make room or choose another --output; the frames that "
            "did fit are there"
        ) from error
    return f"{frames} frames, {count} detections -> {output}"


class Measured:
    """What is known of a frame, as the progress bar counts it."""

    def __init__(self, found: tuple[Frame, Detections, NDArray[np.float64]]) -> None:
        self.frame, self.detections, self.camera = found
        self.alive = 0
