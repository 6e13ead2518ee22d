"""What a benchmark run is to do, cut into tasks, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mots.benchmarks.layouts import SequenceFiles
from mots.settings import Settings

__all__ = ["Outcome", "Plan", "Task"]


@dataclass(frozen=True)
class Plan:
    """What is done to every sequence. `detections`: a folder of saved ones, `<sequence>.npz` or `.txt`, if any."""

    output: Path
    settings: Settings
    offline: bool = False
    detections: Path | None = None
    panoptic: bool = False  # write KITTI-STEP's PNGs
    semantic: Path | None = None  # a folder of semantic maps for them
    chunk: int = 0  # frames of the pieces that long sequences are cut into; 0: none is cut


@dataclass(frozen=True)
class Task:
    """One piece of work, done by one process.

    `step`: `track`, a whole sequence; `measure`, what the tracker must know of the frames from `start` up to `stop`,
    chunk `number` of `chunks`; `join`, track what was measured in all chunks.
    """

    sequence: SequenceFiles
    step: str = "track"
    chunks: int = 0
    number: int = 0
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a sequence: `done`, `skipped` because it was done before, or `failed`, with the reason; and of one
    of its chunks: `measured`."""

    name: str
    state: str
    message: str = ""
    seconds: float = 0.0
