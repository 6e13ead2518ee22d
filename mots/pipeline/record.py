"""Tracking a source into a folder of results, and saving its detections."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mots.analytics.ground import Ground
from mots.analytics.scene import Scene
from mots.analytics.scene import load as load_scene
from mots.analytics.tables import FrameTableFile
from mots.counting.live import SceneWatcher
from mots.detection.protocols import CameraMotion, Detector, Embedder, MaskRefiner
from mots.detection.saved_detections import DetectionWriter
from mots.errors import InputError, MotsError
from mots.files import cannot_write, check_target
from mots.pipeline.interrupts import interruptible
from mots.pipeline.line_files import LineFile, comparisons
from mots.pipeline.options import chosen_settings
from mots.pipeline.pipeline import Pipeline, SourceLike
from mots.pipeline.progress import with_progress
from mots.pipeline.results import ResultFolder
from mots.pipeline.steps import IdentifiedFrame
from mots.pipeline.tracked_frame import TrackedFrame
from mots.settings import Settings
from mots.storage.run_folder import EXPLAIN

__all__ = ["Summary", "record", "record_pipeline", "save_detections"]


class Summary:
    """What was recorded, counted frame by frame; as text it is a sentence."""

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
            f"({self.moved_pixels} pixels were claimed by several masks and given to one) -> {self.folder}"
        )


def record(
    source: SourceLike,
    folder: str | Path | None = None,
    *,
    video: bool = False,
    table: str | None = None,
    offline: bool = False,
    explain: bool = False,
    scene: str | Path | Scene | None = None,
    events: str | Path | None = None,
    show: bool = False,
    overwrite: bool = False,
    quiet: bool = False,
    watch: Callable[[TrackedFrame], None] | None = None,
    preset: str = "default",
    settings: Settings | str | Path | None = None,
    changes: Mapping[str, Any] | None = None,
    classes: str | int | Iterable[str | int] | None = None,
    detections: str | Path | None = None,
    detector: Detector | None = None,
    embedder: Embedder | None = None,
    mask_refiner: MaskRefiner | None = None,
    camera_motion: CameraMotion | None = None,
    weights: str | None = None,
    conf: float | None = None,
    imgsz: int | None = None,
    device: str | None = None,
    reid: str | None = None,
    frame_rate: float | None = None,
) -> Summary:
    """Track `source` into `folder` (default: runs/<name>): MOTS text, tracks.csv and, with `video`, an annotated MP4.

    `table`: "csv" or "parquet", to write a row for each object and frame as well (see `analytics.tables`). `overwrite`:
    replace results that are there. `explain`: also `explain.jsonl`, what each identity was compared with. `scene`: of
    `events`, a file of JSON lines, or "-" for standard output (see `counting.live`); with its ground the table has
    places and speeds. `show`: in a window. `quiet`: no progress bar. `watch` is called with each frame after it
    was written. The other arguments are those of `track`.

    Raises MotsError, with what was tracked so far on disk, for anything that stops it before the end.
    """
    chosen = chosen_settings(
        preset, settings, changes, classes=classes, weights=weights, conf=conf, imgsz=imgsz, device=device, reid=reid,
        frame_rate=frame_rate,
    )  # fmt: skip
    pipeline = Pipeline(
        source,
        chosen,
        detections=detections,
        detector=detector,
        embedder=embedder,
        mask_refiner=mask_refiner,
        camera_motion=camera_motion,
        offline=offline,
        explain=explain,
    )
    return record_pipeline(
        pipeline, folder, video=video, table=table, scene=scene, events=events, show=show, overwrite=overwrite,
        quiet=quiet, watch=watch,
    )  # fmt: skip


def record_pipeline(
    pipeline: Pipeline,
    folder: str | Path | None = None,
    *,
    video: bool = False,
    table: str | None = None,
    scene: str | Path | Scene | None = None,
    events: str | Path | None = None,
    show: bool = False,
    overwrite: bool = False,
    quiet: bool = False,
    watch: Callable[[TrackedFrame], None] | None = None,
) -> Summary:
    """`record` for a pipeline that is there already."""
    folder = Path("runs") / pipeline.name if folder is None else Path(folder)
    if video and pipeline.source is None:
        raise InputError("a video needs the frames: give them as the source", parameters=("video", "detections"))
    if table not in (None, "csv", "parquet"):
        raise InputError(f"a table as '{table}': wanted csv or parquet", parameters=("table",))
    if show and pipeline.source is None:
        raise InputError("showing needs the frames: give them as the source", parameters=("show", "detections"))
    if events is not None and scene is None:
        raise InputError("events need a scene", parameters=("events", "scene"))
    if scene is not None and events is None and table is None:
        raise InputError("a scene needs a table or events to be written", parameters=("scene", "table", "events"))
    if isinstance(scene, (str, Path)):
        scene = load_scene(scene)
    summary = Summary(folder)
    for ending in (".txt", ".mp4") if video else (".txt",):
        check_target(folder / f"{pipeline.name}{ending}", overwrite, pipeline.files)
    with ExitStack() as stack:
        results = stack.enter_context(ResultFolder(folder, pipeline.name, overwrite, pipeline.names))
        if video:
            from mots.rendering.annotator import Annotator
            from mots.video.writer import VideoWriter

            annotator = Annotator(pipeline.frame_rate, pipeline.names)
            writer = stack.enter_context(VideoWriter(folder / f"{pipeline.name}.mp4", pipeline.frame_rate))
        if show:
            from mots.rendering.annotator import Annotator
            from mots.rendering.window import Window

            window = stack.enter_context(Window(pipeline.name))
            shown = Annotator(pipeline.frame_rate, pipeline.names)
        line_files: list[LineFile] = []
        if pipeline.explain:
            explaining = partial(comparisons, sequence=pipeline.name)
            line_files.append(stack.enter_context(LineFile(folder / EXPLAIN, explaining, overwrite)))
        if events is not None:
            assert isinstance(scene, Scene)
            path = None if str(events) == "-" else Path(events)
            watcher = SceneWatcher(scene, pipeline.names)
            line_files.append(stack.enter_context(LineFile(path, watcher.update, overwrite)))
        rows: FrameTableFile | None = None
        if table is not None:
            ground = None if scene is None or scene.ground is None else Ground(*scene.ground)
            rows = stack.enter_context(FrameTableFile(folder, table == "parquet", overwrite, pipeline.names, ground))
        frames = tracked_frames(pipeline, quiet, images=video or show)
        # Closed here, so that the bar ends before the message of what stopped the run is printed.
        stack.enter_context(closing(frames))
        for frame in interruptible(frames):
            written = frame if pipeline.settings.refine.write_filled else without_predicted(frame)
            if scene is not None:
                scene.check_size(written.labels.size, pipeline.name)
            results.write(written)
            if rows is not None:
                rows.write(written)
            summary.add(written)
            summary.tracks = len(results.tracks)
            if video:
                writer.write(annotator.draw(frame.image, frame), frame.time)
            for lines in line_files:
                lines.write(written)
            if watch is not None:
                watch(written)
            if show and not window.show(shown.draw(frame.image, frame)):
                break
    return summary


def tracked_frames(pipeline: Pipeline, quiet: bool, images: bool) -> Generator[TrackedFrame, None, None]:
    """The pipeline's frames with a progress bar; offline, it shows the first pass.

    What stops the first pass is raised after all frames before it were refined.
    """
    if not pipeline.offline:
        source = pipeline.source
        yield from with_progress(
            pipeline, pipeline.name, pipeline.length, quiet, lambda: int(getattr(source, "dropped", 0))
        )
        return
    first: list[IdentifiedFrame] = []
    stopped: BaseException | None = None
    try:
        with closing(
            with_progress(pipeline.identify_without_images(), pipeline.name, pipeline.length, quiet)
        ) as frames:
            first.extend(interruptible(frames))
    except (MotsError, KeyboardInterrupt) as error:
        stopped = error
    yield from pipeline.refine(first, images)
    if stopped is not None:
        raise stopped


def without_predicted(frame: TrackedFrame) -> TrackedFrame:
    """The frame's objects that a detection shows."""
    return frame.take(np.flatnonzero(~frame.predicted)) if frame.predicted.any() else frame


def save_detections(pipeline: Pipeline, output: str | Path, *, overwrite: bool = False, quiet: bool = False) -> str:
    """Write a pipeline's measurements to `output`, .npz or .txt; a sentence of what was written.

    Raises InputError where `output` exists, MotsError where it cannot be written.
    """
    output = Path(output)
    check_target(output, overwrite, pipeline.files)
    frames = detections = 0
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        writer = DetectionWriter(output, pipeline.frame_rate, pipeline.names, pipeline.refines_masks)
        measured = with_progress(pipeline.measure(), pipeline.name, pipeline.length, quiet)
        with writer, closing(measured):
            for each in interruptible(measured):
                writer.write(each.frame, each.time, each.detections, each.motion)
                frames, detections = frames + 1, detections + len(each.detections)
    except OSError as error:
        advice = "make room or choose another file; the frames that did fit are there"
        raise cannot_write(output, error, advice) from error
    return f"{frames} frames, {detections} detections -> {output}"
