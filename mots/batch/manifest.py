"""The manifest of a sequence: what its results were made from; written last, and read to see whether it is done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from mots import __version__
from mots.batch.plan import Plan, Task
from mots.benchmarks.layouts import SequenceFiles
from mots.benchmarks.registry import other_names
from mots.errors import InputError
from mots.files import check_target, sha256_of
from mots.settings import settings_toml

__all__ = [
    "check_places",
    "chunk_fingerprint",
    "chunk_of",
    "detections_of",
    "files_of",
    "fingerprint",
    "is_done",
    "is_measured",
    "manifest_of",
    "seen_now",
    "weights_of",
]


Seen = Mapping[str, Mapping[str, str]]  # by what they are for, the `contents` of files


def files_of(sequence: SequenceFiles, plan: Plan) -> dict[str, Path]:
    """The files that a run writes into its working folder, and their places in the output."""
    files = {
        f"{sequence.name}.txt": plan.output / "data" / f"{sequence.name}.txt",
        "tracks.csv": plan.output / "tracks" / f"{sequence.name}.csv",
    }
    if plan.panoptic:
        files["panoptic"] = plan.output / "panoptic" / sequence.name
    return files


def chunk_of(task: Task, plan: Plan) -> Path:
    """The file of a chunk's measurements; it exists until the sequence is done."""
    return plan.output / ".work" / f"{task.sequence.name}.chunks" / f"{task.start:08d}.npz"


def is_measured(task: Task, plan: Plan) -> bool:
    """Whether a run with the same inputs has written this chunk."""
    path = chunk_of(task, plan)
    try:
        made = json.loads(path.with_suffix(".json").read_bytes())
        own = {name: made[name] for name in ("made from", "by", "stop")}
        return own == chunk_fingerprint(task, plan, made["seen"]) and sha256_of(path) == made["sha256"]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False


def chunk_fingerprint(task: Task, plan: Plan, seen: Seen) -> dict[str, Any]:
    """Everything that decides the content of a chunk. `seen`: see `fingerprint`."""
    return {**fingerprint(task.sequence, plan, seen), "stop": task.stop}


def manifest_of(sequence: SequenceFiles, plan: Plan) -> Path:
    """The manifest file of a sequence."""
    return plan.output / "manifest" / f"{sequence.name}.json"


def is_done(sequence: SequenceFiles, plan: Plan) -> bool:
    """Whether a run with the same inputs has written this sequence's files, and they are unchanged."""
    try:
        made = json.loads(manifest_of(sequence, plan).read_bytes())
        if {name: made[name] for name in ("made from", "by")} != fingerprint(sequence, plan, made["seen"]):
            return False
        return all(sha256_of(plan.output / name) == digest for name, digest in made["sha256"].items())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False


def check_places(sequence: SequenceFiles, plan: Plan, known: bool = True) -> None:
    """Raise InputError where a sequence's files are its own inputs, the results of another source, or, in a folder that
    is not `known` as one of batches, anybody's."""
    read = [sequence.source, sequence.truth, detections_of(sequence, plan)]
    for file in files_of(sequence, plan).values():
        check_target(file, True, read)
        if not known and file.exists():
            raise InputError(f"{file} exists, and no batch has made it: choose another folder", parameters=("output",))
    try:
        made = json.loads(manifest_of(sequence, plan).read_bytes())
        before = Path(made["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    if before != sequence.source.resolve() and before.exists():
        raise InputError(
            f"{plan.output}: holds results of {before}, and {sequence.source} has the same name: choose another folder",
            parameters=("output",),
        )


def fingerprint(sequence: SequenceFiles, plan: Plan, seen: Seen) -> dict[str, Any]:
    """Everything that decides a sequence's results; a change of any of it makes the sequence run again.

    `seen`: `contents` of the files at another time; what is as it was then need not be read.
    """
    detections = detections_of(sequence, plan)
    weights = {name: sha256_of(file) for name, file in weights_of(plan, detections).items()}
    return {
        "made from": {
            "source": [sequence.source.name, contents(sequence.source, seen.get("source"))["sha256"]],
            "detections": None if detections is None else sha256_of(detections),
            "semantic": None
            if plan.semantic is None
            else contents(plan.semantic / sequence.name, seen.get("semantic"))["sha256"],
            "weights": weights,
        },
        "by": {
            "settings": settings_toml(plan.settings_of(sequence)),
            "offline": plan.offline,
            "panoptic": plan.panoptic,
            "versions": installed_versions(),
        },
    }


def weights_of(plan: Plan, detections: Path | None) -> dict[str, Path]:
    """The files of the networks that take part, by what they do. Raises InputError for one that is not found."""
    from mots.models.reid import WITHOUT_NETWORK
    from mots.models.weights import find
    from mots.pipeline.parts import detector_weights

    names = {"detector": detector_weights(plan.settings.detector) if detections is None else ""}
    names["reid"] = "" if plan.settings.reid.weights in WITHOUT_NETWORK else plan.settings.reid.weights
    names["semantic"] = plan.settings.semantic.weights if plan.panoptic and plan.semantic is None else ""
    return {part: find(name) for part, name in names.items() if name}


def detections_of(sequence: SequenceFiles, plan: Plan) -> Path | None:
    """The saved detections of a sequence; None where the plan has no folder of them. Raises InputError."""
    if plan.detections is None:
        return None
    for name in other_names(sequence.name):
        for ending in (".npz", ".txt"):
            if (plan.detections / f"{name}{ending}").is_file():
                return plan.detections / f"{name}{ending}"
    raise InputError(
        f"{plan.detections}: no detections of sequence {sequence.name}: wanted {sequence.name}.npz or .txt"
    )


@cache
def installed_versions() -> dict[str, str]:
    """The versions of the engine and of the packages that compute."""
    versions = {"mots-engine": __version__}
    for name in ("numpy", "scipy", "numba", "torch", "ultralytics", "onnxruntime", "openvino", "opencv-python", "av"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def contents(source: Path, before: Mapping[str, str] | None = None) -> dict[str, str]:
    """`sha256` of a file, or of a folder's files with their names, and `state`, of their sizes and times.

    `before`: an earlier answer. Where the state is the same, nothing is read, and its `sha256` holds: the time at which
    a file's entry was changed cannot be set by any program, so it tells also of files that were replaced.
    """
    files = sorted(entry for entry in source.iterdir() if entry.is_file()) if source.is_dir() else [source]
    stats = [(file.name, (own := file.stat()).st_size, own.st_mtime_ns, own.st_ctime_ns) for file in files]
    state = hashlib.sha256(json.dumps(stats).encode("utf-8")).hexdigest()
    if before is not None and before.get("state") == state:
        return {"state": state, "sha256": before["sha256"]}
    return {"state": state, "sha256": sha256_of(source)}


def seen_now(sequence: SequenceFiles, plan: Plan, before: Seen) -> Seen:
    """The contents of a sequence's source and semantic maps; `before`: an earlier answer."""
    seen = {"source": contents(sequence.source, before.get("source"))}
    if plan.semantic is not None:
        seen["semantic"] = contents(plan.semantic / sequence.name, before.get("semantic"))
    return seen
