"""The tasks of a benchmark run, each done in a process of its own."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
import traceback
from pathlib import Path
from time import perf_counter
from typing import Any

from mots.batch.manifest import (
    chunk_fingerprint,
    chunk_of,
    detections_of,
    files_of,
    fingerprint,
    manifest_of,
    sha256_of,
)
from mots.batch.plan import Outcome, Plan, Task
from mots.detection import saved_detections as saved
from mots.errors import MotsError
from mots.files import write_whole

__all__ = ["do"]


def do(task: Task, plan: Plan, device: str = "") -> Outcome:
    """Do a task and leave its files; never raises for what concerns this sequence alone.

    `device`: torch's, where it is not the settings'.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before anything imports torch
    begin = perf_counter()
    name = task.sequence.name
    work = plan.output / ".work"
    try:
        work.mkdir(parents=True, exist_ok=True)
        # Of its own name: on a cluster the process that this one replaces may still be at work.
        folder = Path(tempfile.mkdtemp(prefix=f"{name}.run-", dir=work))
        try:
            done = measure(task, plan, device, folder) if task.step == "measure" else track(task, plan, device, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except MotsError as error:
        return Outcome(name, "failed", str(error), perf_counter() - begin)
    except Exception:  # a fault of ours in one sequence must not take the others with it
        return Outcome(name, "failed", traceback.format_exc(), perf_counter() - begin)
    return dataclasses.replace(done, seconds=perf_counter() - begin)


def track(task: Task, plan: Plan, device: str, folder: Path) -> Outcome:
    """Track a sequence, from its pictures or from what was measured of them."""
    from mots.pipeline.pipeline import Run
    from mots.pipeline.record import record

    begin = perf_counter()
    sequence = task.sequence
    made = fingerprint(sequence, plan)
    settings = plan.settings
    if device:
        settings = dataclasses.replace(settings, detector=dataclasses.replace(settings.detector, device=device))
    if task.step == "join":
        run = Run(measured(task, plan), settings)
    else:
        run = Run(sequence.source, settings, detections=detections_of(sequence, plan))
    run.name = sequence.name
    if plan.panoptic:
        from mots.formats.panoptic import PanopticFolder

        with PanopticFolder(folder / "panoptic", plan.semantic and plan.semantic / sequence.name) as written:
            summary = record(run, folder, overwrite=True, quiet=True, offline=plan.offline, watch=written.write)
    else:
        summary = record(run, folder, overwrite=True, quiet=True, offline=plan.offline)
    if sequence.frames is not None and summary.frames != sequence.frames:
        raise MotsError(f"{sequence.source}: {summary.frames} frames where {sequence.frames} are due")
    for old, new in files_of(sequence, plan).items():
        new.parent.mkdir(parents=True, exist_ok=True)
        if new.is_dir():
            shutil.rmtree(new)
        os.replace(folder / old, new)
    made |= {
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


def measure(task: Task, plan: Plan, device: str, folder: Path) -> Outcome:
    """Detect and embed the frames of a chunk, and measure the camera's motion: all that the tracker is told."""
    from mots.pipeline.pipeline import Run
    from mots.video.opening import Part, open_source

    settings = plan.settings
    if device:
        settings = dataclasses.replace(settings, detector=dataclasses.replace(settings.detector, device=device))
    made: dict[str, Any] = chunk_fingerprint(task, plan)
    part = Part(open_source(task.sequence.source, settings.frame_rate), task.start, task.stop)
    run = Run(part, settings, detections=detections_of(task.sequence, plan))
    frames = 0
    try:
        with saved.create(folder / "chunk.npz", run.frame_rate, run.names, run.fitted) as writer:
            for frame, found, camera in run.measured():
                if frame.number >= part.first:
                    writer.write(frame.number, frame.time, found, camera)
                    frames += 1
        path = chunk_of(task, plan)
        path.parent.mkdir(exist_ok=True)
        os.replace(folder / "chunk.npz", path)
        made["sha256"] = sha256_of(path)
        write_whole(path.with_suffix(".json"), json.dumps(made).encode("utf-8"))
    except OSError as error:
        raise MotsError(f"{plan.output}: a chunk could not be written ({error.strerror}): make room") from error
    return Outcome(task.sequence.name, "measured", f"chunk {task.number + 1} of {task.chunks}, {frames} frames")


def measured(task: Task, plan: Plan) -> saved.SavedDetections:
    """All chunks of a sequence as one."""
    first, *more = sorted(chunk_of(task, plan).parent.glob("*.npz"))
    return dataclasses.replace(saved.read(first), more=tuple(more), length=task.sequence.frames)
