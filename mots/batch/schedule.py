"""Many sequences: each is tracked, or skipped where it is done.

`<output>/data/<sequence>.txt` holds the results, `tracks/<sequence>.csv` the tables of tracks, and
`manifest/<sequence>.json` what they were made from. Each file appears whole, the manifest last: if a run is killed, a
sequence with a manifest is done, and the others are run again.

A long sequence can be cut into chunks. The expensive part (detections, embeddings, camera motion) depends on a frame
and the one before it only, so chunks are measured in parallel, with one frame of overlap for the camera's motion; then
one tracker processes all of them. The results are those of one process, byte for byte.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections import deque
from collections.abc import Callable, Sequence

from mots.batch.manifest import check_places, is_done, is_measured, seen_now
from mots.batch.plan import Outcome, Plan, Task
from mots.batch.processes import Processes, TaskRunner
from mots.benchmarks.layouts import SequenceFiles
from mots.errors import InputError, MotsError
from mots.files import cannot_write, of_system, only_user
from mots.video.frame import CuttableSource

__all__ = ["run_batch"]

LOCK = ".lock"  # held by the batch that works in a folder
Tell = Callable[[Outcome], None]


def run_batch(
    sequences: Sequence[SequenceFiles], plan: Plan, runner: TaskRunner | None = None, tell: Tell = lambda _: None
) -> list[Outcome]:
    """Track the sequences; the outcome of each, in their order.

    `runner`: runs the tasks; without it, one process at a time. `tell` is given each outcome as soon as it is known. A
    sequence that fails, or whose process dies, does not stop the others.
    """
    if plan.chunk and plan.settings.detector.kind == "background" and plan.detections is None:
        raise InputError(
            "the background is learnt from all frames before: sequences cannot be cut into chunks",
            parameters=("chunk_frames", "detector"),
        )
    runner = runner or Processes(plan, 1)
    outcomes: dict[str, Outcome] = {}
    seconds: dict[str, float] = {}
    left: dict[str, int] = {}  # chunks that are not measured yet
    tasks: deque[Task] = deque()

    def keep(outcome: Outcome) -> None:
        outcomes[outcome.name] = outcome
        tell(outcome)

    refusal = f"{plan.output}: another mots batch works in this folder: wait for its end, or choose another output"
    with contextlib.ExitStack() as stack:
        known = (plan.output / LOCK).exists()  # whether a batch has worked in this folder before
        try:
            plan.output.mkdir(parents=True, exist_ok=True)
            stack.enter_context(only_user(plan.output / LOCK, refusal))
        except OSError as error:
            raise cannot_write(plan.output, error) from error
        stack.callback(runner.close)
        for sequence in sequences:
            if is_done(sequence, plan):
                keep(Outcome(sequence.name, "skipped"))
                continue
            clean(sequence, plan)
            try:
                check_places(sequence, plan, known)
                check_length(sequence, plan)
                parts = chunks(sequence, plan)
            except (MotsError, OSError) as error:
                told = of_system(error) if isinstance(error, OSError) else error
                keep(Outcome(sequence.name, "failed", str(told)))
                continue
            missing = [part for part in parts if part.step != "measure" or not is_measured(part, plan)]
            left[sequence.name] = len(missing)
            tasks += missing or [dataclasses.replace(parts[0], step="join")]
        while tasks or runner.running():
            while tasks and runner.free():
                runner.start(tasks.popleft())
            for task, outcome in runner.wait():
                name = task.sequence.name
                if name in outcomes:
                    continue  # a chunk of a sequence that has failed
                seconds[name] = seconds.get(name, 0.0) + outcome.seconds
                if outcome.state != "measured":
                    keep(dataclasses.replace(outcome, seconds=seconds[name]))
                    tasks = deque(each for each in tasks if each.sequence.name != name)
                    continue
                tell(outcome)
                left[name] -= 1
                if left[name] == 0:
                    tasks.appendleft(dataclasses.replace(task, step="join"))
        runner.close()
        with contextlib.suppress(OSError):  # it stays when a sequence failed: its chunks are used by the next run
            (plan.output / ".work").rmdir()
    return [outcomes[sequence.name] for sequence in sequences]


def chunks(sequence: SequenceFiles, plan: Plan) -> list[Task]:
    """The tasks of a sequence: one, or one for each of its chunks. Raises MotsError."""
    seen = seen_now(sequence, plan, {})
    if plan.chunk == 0:
        return [Task(sequence, seen=seen)]
    length = opened(sequence, plan).length
    if length is None or length <= plan.chunk:
        return [Task(sequence, seen=seen)]
    starts = list(range(0, length, plan.chunk))
    return [
        Task(sequence, "measure", len(starts), number, start, start + plan.chunk if start != starts[-1] else None, seen)
        for number, start in enumerate(starts)
    ]


def opened(sequence: SequenceFiles, plan: Plan) -> CuttableSource:
    """The frames of a sequence. Raises MotsError."""
    from mots.video.opening import open_source

    settings = plan.settings_of(sequence)
    return open_source(sequence.source, settings.frame_rate or None, settings.source)


def check_length(sequence: SequenceFiles, plan: Plan) -> None:
    """Raise InputError for a folder of images of another length than the benchmark says: better now than at the end."""
    if sequence.frames is None or not sequence.source.is_dir():
        return
    length = opened(sequence, plan).length
    if length != sequence.frames:
        raise InputError(f"{sequence.source}: expected {sequence.frames} frames but found {length}")


def clean(sequence: SequenceFiles, plan: Plan) -> None:
    """Delete the working folders of an interrupted run."""
    work = plan.output / ".work"
    for entry in list(work.iterdir()) if work.is_dir() else ():
        if entry.name.startswith(f"{sequence.name}.run-"):
            shutil.rmtree(entry, ignore_errors=True)
