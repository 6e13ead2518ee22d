"""A whole benchmark: every sequence of a folder tracked, skipped where it is done, and scored where truth is there.

`<output>/data/<sequence>.txt` holds the results, `tracks/<sequence>.csv` the tables of tracks, and
`manifest/<sequence>.json` what made them. Each file appears whole, the manifest last: whatever kills a run, what has
its manifest is done, and the rest is made again from its beginning.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import shutil
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from multiprocessing.connection import Connection, wait
from pathlib import Path
from time import perf_counter
from typing import Any, cast

from mots import __version__
from mots.datasets import SequenceFiles
from mots.errors import MotsError
from mots.files import write_whole
from mots.models.devices import cuda_devices
from mots.settings import Settings, settings_toml

__all__ = ["Outcome", "Plan", "run_all"]


@dataclass(frozen=True)
class Plan:
    """What is done to every sequence. `detections`: a folder of saved ones, `<sequence>.npz` or `.txt`, if any."""

    output: Path
    settings: Settings
    offline: bool = False
    detections: Path | None = None
    panoptic: bool = False  # write KITTI-STEP's PNGs
    semantic: Path | None = None  # a folder of semantic maps for them


@dataclass(frozen=True)
class Outcome:
    """What became of a sequence: `done`, `skipped` because it was done before, or `failed`, with the reason."""

    name: str
    state: str
    message: str = ""
    seconds: float = 0.0


def run_all(
    sequences: Sequence[SequenceFiles], plan: Plan, jobs: int = 1, tell: Callable[[Outcome], None] = lambda _: None
) -> list[Outcome]:
    """Track the sequences, `jobs` at a time, each in a process of its own; what became of each, in their order.

    `tell` is given each outcome when it is there. A sequence that fails, or whose process dies, stops no other.
    """
    outcomes: dict[str, Outcome] = {}

    def keep(outcome: Outcome) -> None:
        outcomes[outcome.name] = outcome
        tell(outcome)

    plan.output.mkdir(parents=True, exist_ok=True)
    waiting = []
    for sequence in sequences:
        if is_done(sequence, plan):
            keep(Outcome(sequence.name, "skipped"))
        else:
            waiting.append(sequence)
    context = multiprocessing.get_context("spawn")
    running: dict[Any, tuple[SequenceFiles, Any]] = {}
    auto = plan.settings.detector.device == "auto" and plan.detections is None
    devices = [f"cuda:{k}" for k in range(cuda_devices())] if auto else []
    started = 0
    try:
        while waiting or running:
            while waiting and len(running) < max(jobs, 1):
                sequence = waiting.pop(0)
                ours, theirs = context.Pipe(duplex=False)
                device = devices[started % len(devices)] if devices else ""
                process = context.Process(target=work, args=(sequence, plan, device, theirs), daemon=True)
                process.start()
                theirs.close()
                running[ours] = (sequence, process)
                started += 1
            for ready in cast("list[Connection[Any, Outcome]]", wait(list(running))):
                sequence, process = running.pop(ready)
                try:
                    keep(ready.recv())
                except EOFError:
                    process.join()
                    keep(Outcome(sequence.name, "failed", f"its process died (exit status {process.exitcode})"))
                process.join()
    finally:
        for _, process in running.values():
            process.terminate()
            process.join()
    return [outcomes[sequence.name] for sequence in sequences]


def work(sequence: SequenceFiles, plan: Plan, device: str, answer: Any) -> None:
    """One sequence in a process of its own."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before anything imports torch
    with contextlib.suppress(KeyboardInterrupt):  # the parent says so
        answer.send(run_sequence(sequence, plan, device))


def run_sequence(sequence: SequenceFiles, plan: Plan, device: str = "") -> Outcome:
    """Track one sequence and leave its files; never raises for what concerns this sequence alone."""
    import dataclasses

    from mots.pipeline import Run
    from mots.recording import record

    begin = perf_counter()
    settings = plan.settings
    if device:
        settings = dataclasses.replace(settings, detector=dataclasses.replace(settings.detector, device=device))
    folder = plan.output / ".work" / sequence.name
    try:
        made = fingerprint(sequence, plan)
        shutil.rmtree(folder, ignore_errors=True)
        run = Run(sequence.source, settings, detections=detections_of(sequence, plan))
        run.name = sequence.name
        if plan.panoptic:
            from mots.panoptic import PanopticFolder

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
        seconds = perf_counter() - begin
        made |= {
            "sha256": {str(new.relative_to(plan.output)): sha256_of(new) for new in files_of(sequence, plan).values()},
            "frames": summary.frames,
            "tracks": summary.tracks,
            "masks": summary.masks,
            "seconds": round(seconds, 3),
        }
        file = manifest_of(sequence, plan)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(made, indent=1).encode("utf-8"))
        shutil.rmtree(folder, ignore_errors=True)
    except MotsError as error:
        return Outcome(sequence.name, "failed", str(error), perf_counter() - begin)
    except Exception:  # a fault of ours in one sequence must not take the others with it
        return Outcome(sequence.name, "failed", traceback.format_exc(), perf_counter() - begin)
    return Outcome(sequence.name, "done", f"{summary.frames} frames, {summary.tracks} tracks", seconds)


# What is there already


def files_of(sequence: SequenceFiles, plan: Plan) -> dict[str, Path]:
    """What a run leaves in its working folder, and where that goes."""
    found = {
        f"{sequence.name}.txt": plan.output / "data" / f"{sequence.name}.txt",
        "tracks.csv": plan.output / "tracks" / f"{sequence.name}.csv",
    }
    if plan.panoptic:
        found["panoptic"] = plan.output / "panoptic" / sequence.name
    return found


def manifest_of(sequence: SequenceFiles, plan: Plan) -> Path:
    return plan.output / "manifest" / f"{sequence.name}.json"


def is_done(sequence: SequenceFiles, plan: Plan) -> bool:
    """Whether the same run has left this sequence's files, and they are as it left them."""
    try:
        made = json.loads(manifest_of(sequence, plan).read_bytes())
        if {name: made[name] for name in ("made from", "by")} != fingerprint(sequence, plan):
            return False
        return all(sha256_of(plan.output / name) == digest for name, digest in made["sha256"].items())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False


def fingerprint(sequence: SequenceFiles, plan: Plan) -> dict[str, Any]:
    """All that decides a sequence's results; a change of any of it makes the sequence run again."""
    detections = detections_of(sequence, plan)
    weights: dict[str, str] = {}
    if detections is None:
        from mots.models.weights import find

        weights["detector"] = sha256_of(find(plan.settings.detector.weights))
    reid = plan.settings.reid.weights
    if reid not in ("off", "colours"):
        weights["reid"] = sha256_of(Path(reid)) if Path(reid).is_file() else reid
    return {
        "made from": {
            "source": [sequence.source.name, listing(sequence.source)],
            "detections": None if detections is None else sha256_of(detections),
            "semantic": None if plan.semantic is None else listing(plan.semantic / sequence.name),
            "weights": weights,
        },
        "by": {
            "settings": settings_toml(plan.settings),
            "offline": plan.offline,
            "panoptic": plan.panoptic,
            "versions": versions(),
        },
    }


def detections_of(sequence: SequenceFiles, plan: Plan) -> Path | None:
    """The saved detections of a sequence, where a folder of them was given."""
    if plan.detections is None:
        return None
    for ending in (".npz", ".txt"):
        if (plan.detections / f"{sequence.name}{ending}").is_file():
            return plan.detections / f"{sequence.name}{ending}"
    raise MotsError(f"{plan.detections}: no detections of sequence {sequence.name}: wanted {sequence.name}.npz or .txt")


@cache
def versions() -> dict[str, str]:
    """Of ourselves and of what computes."""
    found = {"mots-engine": __version__}
    for name in ("numpy", "scipy", "numba", "torch", "ultralytics", "onnxruntime", "opencv-python", "av"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def listing(source: Path) -> str:
    """The sha256 of a file, or of the names and sizes of a folder's files."""
    if source.is_file():
        return sha256_of(source)
    entries = sorted((entry.name, entry.stat().st_size) for entry in source.iterdir() if entry.is_file())
    return hashlib.sha256(json.dumps(entries).encode("utf-8")).hexdigest()


def sha256_of(path: Path) -> str:
    """Of a file, or of all files of a folder with their names."""
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        if path.is_dir():
            digest.update(file.name.encode("utf-8"))
        with file.open("rb") as content:
            while block := content.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
