"""The plan of a batch, its tasks, and their outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mots.benchmarks.layouts import SequenceFiles
from mots.settings import Settings

__all__ = ["Outcome", "Plan", "Task"]


@dataclass(frozen=True)
class Plan:
    """What is done with every sequence. `detections`: a folder of saved ones, `<sequence>.npz` or `.txt`, or None."""

    output: Path
    settings: Settings
    offline: bool = False
    detections: Path | None = None
    panoptic: bool = False  # write KITTI-STEP's PNGs
    semantic: Path | None = None  # a folder of semantic maps for them
    chunk: int = 0  # frames of a chunk of a long sequence; 0: no sequence is cut

    def settings_of(self, sequence: SequenceFiles) -> Settings:
        """The settings for a sequence: images that tell no frame rate have the one that the benchmark knows."""
        if sequence.frame_rate is None:
            return self.settings
        return replace(self.settings, source=replace(self.settings.source, default_rate=sequence.frame_rate))


@dataclass(frozen=True)
class Task:
    """One piece of work for one process.

    `step`: `track`, a whole sequence; `measure`, the frames from `start` to before `stop`, chunk `number` of `chunks`;
    `join`, track what was measured in all chunks. `seen`: the contents of its files when the batch began (see
    `manifest`).
    """

    sequence: SequenceFiles
    step: str = "track"
    chunks: int = 0
    number: int = 0
    start: int = 0
    stop: int | None = None
    seen: Mapping[str, Mapping[str, str]] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Outcome:
    """The state of a sequence: `done`, `skipped` because it was done before, or `failed`, with the reason; of a chunk:
    `measured`."""

    name: str
    state: str
    message: str = ""
    seconds: float = 0.0
