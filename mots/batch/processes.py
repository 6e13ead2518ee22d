"""Running tasks in processes of this machine. (`ray_cluster.py` runs them on the machines of a Ray cluster.)"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol, cast

from mots.batch.plan import Outcome, Plan, Task
from mots.models.runtimes.devices import cuda_devices

__all__ = ["Processes", "TaskRunner"]


class TaskRunner(Protocol):
    """Runs tasks, several at a time."""

    def free(self) -> bool:
        """Whether another task may start now."""
        ...

    def running(self) -> bool:
        """Whether any task is running."""
        ...

    def start(self, task: Task) -> None: ...

    def wait(self) -> list[tuple[Task, Outcome]]:
        """The next tasks that end, at least one, with their outcomes."""
        ...

    def close(self) -> None:
        """Stop the tasks that are running."""
        ...


class Processes:
    """`jobs` processes of this machine, spread over its GPUs where there are any. Each task has its own process."""

    def __init__(self, plan: Plan, jobs: int) -> None:
        self.plan, self.jobs = plan, jobs
        self.context = multiprocessing.get_context("spawn")
        auto = plan.settings.detector.device == "auto" and plan.detections is None
        self.devices = [f"cuda:{k}" for k in range(cuda_devices())] if auto else []
        self.tasks: dict[Any, tuple[Task, Any, str]] = {}

    def free(self) -> bool:
        return len(self.tasks) < self.jobs

    def running(self) -> bool:
        return bool(self.tasks)

    def start(self, task: Task) -> None:
        used = [device for _, _, device in self.tasks.values()]
        device = min(self.devices, key=used.count, default="")
        ours, theirs = self.context.Pipe(duplex=False)
        process = self.context.Process(target=work, args=(task, self.plan, device, theirs), daemon=True)
        process.start()
        theirs.close()
        self.tasks[ours] = (task, process, device)

    def wait(self) -> list[tuple[Task, Outcome]]:
        ended = []
        for ready in cast("list[Connection[Any, Outcome]]", wait(list(self.tasks))):
            task, process, _ = self.tasks.pop(ready)
            try:
                outcome = ready.recv()
            except EOFError:
                process.join()
                outcome = Outcome(task.sequence.name, "failed", f"its process ended (exit status {process.exitcode})")
            process.join()
            ended.append((task, outcome))
        return ended

    def close(self) -> None:
        for _, process, _ in self.tasks.values():
            process.terminate()
            process.join()


def end_with_parent() -> None:
    """End this process when the one that started it is gone, however it ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def work(task: Task, plan: Plan, device: str, answer: Any) -> None:
    """The main function of a process for one task."""
    from mots.batch.tasks import do

    threading.Thread(target=end_with_parent, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):  # the parent process reports it
        answer.send(do(task, plan, device))
