"""The tasks of a batch, each run in its own process."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
import traceback
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from mots.batch.manifest import (
    chunk_fingerprint,
    chunk_of,
    detections_of,
    files_of,
    fingerprint,
    manifest_of,
    seen_now,
)
from mots.batch.plan import Outcome, Plan, Task
from mots.detection import saved_detections
from mots.errors import InputError, MotsError
from mots.files import cannot_write, of_system, sha256_of, take_place, write_whole
from mots.settings import Settings

if TYPE_CHECKING:
    from mots.segmentation.semantic_maps import FrameMaps

__all__ = ["do"]


def do(task: Task, plan: Plan, device: str = "") -> Outcome:
    """Run a task and write its files; a fault of this sequence is an outcome and raises nothing.

    `device`: of torch, where it is not the settings'.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before anything imports torch
    begin = perf_counter()
    name = task.sequence.name
    work = plan.output / ".work"
    try:
        work.mkdir(parents=True, exist_ok=True)
        # A unique name: on a cluster the process that this one replaces may still be running.
        folder = Path(tempfile.mkdtemp(prefix=f"{name}.run-", dir=work))
        try:
            done = measure(task, plan, device, folder) if task.step == "measure" else track(task, plan, device, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except MotsError as error:
        return Outcome(name, "failed", str(error), perf_counter() - begin)
    except OSError as error:
        return Outcome(name, "failed", str(of_system(error)), perf_counter() - begin)
    except Exception:  # a fault of the program in one sequence must not stop the others
        return Outcome(name, "failed", traceback.format_exc(), perf_counter() - begin)
    return dataclasses.replace(done, seconds=perf_counter() - begin)


def track(task: Task, plan: Plan, device: str, folder: Path) -> Outcome:
    """Track a sequence, from its images or from what was measured of them."""
    from mots.pipeline.pipeline import Pipeline
    from mots.pipeline.record import record_pipeline

    begin = perf_counter()
    sequence = task.sequence
    seen = seen_now(sequence, plan, task.seen)
    made = {**fingerprint(sequence, plan, seen), "seen": seen}
    settings = on_device(plan.settings_of(sequence), device)
    joins = task.step == "join"
    pipeline = Pipeline(
        measured(task, plan) if joins else sequence.source,
        settings,
        detections=None if joins else detections_of(sequence, plan),
        offline=plan.offline,
        name=sequence.name,
    )
    if plan.panoptic:
        from mots.formats.panoptic import PanopticFolder

        with PanopticFolder(folder / "panoptic", semantic_maps(task, plan, settings)) as pictures:
            summary = record_pipeline(pipeline, folder, overwrite=True, quiet=True, watch=pictures.write)
    else:
        summary = record_pipeline(pipeline, folder, overwrite=True, quiet=True)
    if sequence.frames is not None and summary.frames != sequence.frames:
        raise InputError(f"{sequence.source}: expected {sequence.frames} frames but found {summary.frames}")
    for old, new in files_of(sequence, plan).items():
        new.parent.mkdir(parents=True, exist_ok=True)
        if (folder / old).is_dir():
            take_place(folder / old, new)
        else:
            os.replace(folder / old, new)
    made |= {
        "source": str(sequence.source.resolve()),
        "sha256": {str(new.relative_to(plan.output)): sha256_of(new) for new in files_of(sequence, plan).values()},
        "frames": summary.frames,
        "tracks": summary.tracks,
        "masks": summary.masks,
        "seconds": round(perf_counter() - begin, 3),
    }
    file = manifest_of(sequence, plan)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps(made, indent=1).encode("utf-8"))
    if task.step == "join":
        shutil.rmtree(chunk_of(task, plan).parent, ignore_errors=True)
    return Outcome(sequence.name, "done", f"{summary.frames} frames, {summary.tracks} tracks")


def semantic_maps(task: Task, plan: Plan, settings: Settings) -> Path | FrameMaps | None:
    """The semantic maps of a sequence: a folder of them, those that a network makes of its frames, or none."""
    if plan.semantic is not None:
        return plan.semantic / task.sequence.name
    if not settings.semantic.weights:
        return None
    from mots.models.semantic import SemanticNetwork
    from mots.segmentation.semantic_maps import FrameMaps, SmoothedMaps
    from mots.video.opening import open_source

    source = open_source(task.sequence.source, settings.frame_rate or None, settings.source)
    return FrameMaps(source, SmoothedMaps(SemanticNetwork(settings.semantic)))


def measure(task: Task, plan: Plan, device: str, folder: Path) -> Outcome:
    """Measure the frames of a chunk: everything that the tracker is told of them."""
    from mots.pipeline.pipeline import Pipeline
    from mots.video.frame import Part
    from mots.video.opening import open_source

    settings = on_device(plan.settings_of(task.sequence), device)
    seen = seen_now(task.sequence, plan, task.seen)
    made: dict[str, Any] = {**chunk_fingerprint(task, plan, seen), "seen": seen}
    part = Part(open_source(task.sequence.source, settings.frame_rate or None, settings.source), task.start, task.stop)
    pipeline = Pipeline(part, settings, detections=detections_of(task.sequence, plan))
    frames = 0
    try:
        with saved_detections.DetectionWriter(
            folder / "chunk.npz", pipeline.frame_rate, pipeline.names, pipeline.refines_masks
        ) as writer:
            for each in pipeline.measure():
                if each.frame >= part.first:
                    writer.write(each.frame, each.time, each.detections, each.motion)
                    frames += 1
        path = chunk_of(task, plan)
        path.parent.mkdir(exist_ok=True)
        os.replace(folder / "chunk.npz", path)
        made["sha256"] = sha256_of(path)
        write_whole(path.with_suffix(".json"), json.dumps(made).encode("utf-8"))
    except OSError as error:
        raise cannot_write(plan.output, error, "make room for a chunk") from error
    return Outcome(task.sequence.name, "measured", f"chunk {task.number + 1} of {task.chunks}, {frames} frames")


def measured(task: Task, plan: Plan) -> saved_detections.SavedDetections:
    """All chunks of a sequence as one: those of this plan, whatever else an earlier run has left."""
    starts = range(0, task.chunks * plan.chunk, plan.chunk)
    first, *more = [chunk_of(dataclasses.replace(task, start=start), plan) for start in starts]
    return dataclasses.replace(saved_detections.read(first), more=tuple(more), length=task.sequence.frames)


def on_device(settings: Settings, device: str) -> Settings:
    """The settings with another device for the networks of images; the same where `device` is empty."""
    if not device:
        return settings
    detector = dataclasses.replace(settings.detector, device=device)
    return dataclasses.replace(
        settings, detector=detector, semantic=dataclasses.replace(settings.semantic, device=device)
    )
