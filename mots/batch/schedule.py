"""A whole benchmark: every sequence of a folder tracked, skipped where it is done, and scored where truth is there.

`<output>/data/<sequence>.txt` holds the results, `tracks/<sequence>.csv` the tables of tracks, and
`manifest/<sequence>.json` what made them. Each file appears whole, the manifest last: whatever kills a run, what has
its manifest is done, and the rest is made again from its beginning.

A long sequence can be cut into chunks. What costs time (detections, embeddings, the camera's motion) depends on a frame
and the one before it only, so chunks are measured in parallel, with one frame of overlap for the camera; then one
tracker goes over all of them. Nothing is stitched, and the results are those of one run, byte for byte.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections import deque
from collections.abc import Callable, Sequence

from mots.batch.manifest import is_done, is_measured
from mots.batch.plan import Outcome, Plan, Task
from mots.batch.processes import Engine, Processes
from mots.benchmarks.layouts import SequenceFiles
from mots.errors import MotsError

__all__ = ["run_all"]

Tell = Callable[[Outcome], None]


def run_all(
    sequences: Sequence[SequenceFiles], plan: Plan, engine: Engine | None = None, tell: Tell = lambda _: None
) -> list[Outcome]:
    """Track the sequences by an engine (one process at a time without any); what became of each, in their order.

    `tell` is given each outcome when it is there. A sequence that fails, or whose process dies, stops no other.
    """
    engine = engine or Processes(plan, 1)
    outcomes: dict[str, Outcome] = {}
    seconds: dict[str, float] = {}
    left: dict[str, int] = {}  # chunks to be measured
    tasks: deque[Task] = deque()

    def keep(outcome: Outcome) -> None:
        outcomes[outcome.name] = outcome
        tell(outcome)

    try:
        plan.output.mkdir(parents=True, exist_ok=True)
        for sequence in sequences:
            if is_done(sequence, plan):
                keep(Outcome(sequence.name, "skipped"))
                continue
            clean(sequence, plan)
            try:
                parts = chunks(sequence, plan)
            except MotsError as error:
                keep(Outcome(sequence.name, "failed", str(error)))
                continue
            missing = [part for part in parts if part.step != "measure" or not is_measured(part, plan)]
            left[sequence.name] = len(missing)
            tasks += missing or [dataclasses.replace(parts[0], step="join")]
        while tasks or engine.running():
            while tasks and engine.free():
                engine.start(tasks.popleft())
            for task, outcome in engine.wait():
                name = task.sequence.name
                if name in outcomes:
                    continue  # a chunk of a sequence that has failed already
                seconds[name] = seconds.get(name, 0.0) + outcome.seconds
                if outcome.state != "measured":
                    keep(dataclasses.replace(outcome, seconds=seconds[name]))
                    tasks = deque(each for each in tasks if each.sequence.name != name)
                    continue
                tell(outcome)
                left[name] -= 1
                if left[name] == 0:
                    tasks.appendleft(dataclasses.replace(task, step="join"))
    finally:
        engine.close()
        with contextlib.suppress(OSError):  # there when a sequence failed: its chunks are kept for the next time
            (plan.output / ".work").rmdir()
    return [outcomes[sequence.name] for sequence in sequences]


def chunks(sequence: SequenceFiles, plan: Plan) -> list[Task]:
    """What is to be done for a sequence: one task, or one for each of its chunks. Raises MotsError."""
    if plan.chunk == 0:
        return [Task(sequence)]
    from mots.video.opening import open_source

    length = open_source(sequence.source, plan.settings.frame_rate).length
    if length is None or length <= plan.chunk:
        return [Task(sequence)]
    starts = list(range(0, length, plan.chunk))
    return [
        Task(sequence, "measure", len(starts), number, start, start + plan.chunk if start != starts[-1] else None)
        for number, start in enumerate(starts)
    ]


def clean(sequence: SequenceFiles, plan: Plan) -> None:
    """Take away what an interrupted run left half done."""
    work = plan.output / ".work"
    for entry in list(work.iterdir()) if work.is_dir() else ():
        if entry.name.startswith(f"{sequence.name}.run-"):
            shutil.rmtree(entry, ignore_errors=True)
