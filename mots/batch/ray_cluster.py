"""The tasks of a run on the machines of a Ray cluster (https://docs.ray.io).

The data set, the weights and the output lie on storage that all machines see under the same paths, and `mots-engine` is
installed on each. Ray gives a task whose worker or machine dies to another one.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from mots.batch.manifest import is_done, is_measured
from mots.batch.plan import Outcome, Plan, Task
from mots.errors import MotsError

__all__ = ["RayCluster"]

RETRIES = 3  # times that a task is given to another worker


class RayCluster:
    """A cluster at `address` (`auto`, `host:port`, `ray://host:port`), or, without one, one of this machine's own.

    `jobs`: tasks at a time; None: as many as the cluster has CPUs, or GPUs where the network runs on them. Raises
    MotsError where Ray is not installed or the cluster cannot be reached.
    """

    def __init__(self, plan: Plan, address: str | None, jobs: int | None) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody unasked
        try:
            import ray
        except ImportError as error:
            raise MotsError("--engine ray needs Ray: pip install 'mots-engine[ray]'") from error
        self.ray: Any = ray
        self.plan, self.jobs = plan, jobs
        self.tasks: dict[Any, Task] = {}
        # Ray lets each task compute with one thread; ours shall compute as they do in one process.
        threads = os.environ.get("OMP_NUM_THREADS") or str(os.cpu_count() or 1)
        more: dict[str, Any] = {} if address else {"num_cpus": jobs, "include_dashboard": False}
        try:
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level=logging.ERROR,
                runtime_env={"env_vars": {"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE"}},
                **more,
            )
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            raise MotsError(f"--ray-address {address}: no Ray cluster answers there ({error})") from error
        networked = plan.settings.detector.device == "auto" and plan.detections is None
        self.gpus = 1 if networked and ray.cluster_resources().get("GPU", 0) >= 1 else 0
        self.function = ray.remote(num_cpus=1, max_retries=RETRIES)(do_at)

    def free(self) -> bool:
        most = self.ray.cluster_resources().get("GPU" if self.gpus else "CPU", 1)
        return len(self.tasks) < (self.jobs or max(int(most), 1))

    def running(self) -> bool:
        return bool(self.tasks)

    def start(self, task: Task) -> None:
        function = self.function.options(num_gpus=self.gpus) if self.gpus and task.step != "join" else self.function
        self.tasks[function.remote(os.getcwd(), task, self.plan)] = task

    def wait(self) -> list[tuple[Task, Outcome]]:
        (ready, *_), _ = self.ray.wait(list(self.tasks), num_returns=1)
        task = self.tasks.pop(ready)
        name = task.sequence.name
        try:
            outcome: Outcome = self.ray.get(ready)
        except self.ray.exceptions.RayError as error:
            told = str(error).strip().splitlines() or [type(error).__name__]
            return [(task, Outcome(name, "failed", f"its workers died, {RETRIES + 1} times ({told[0]})"))]
        there = is_measured(task, self.plan) if task.step == "measure" else is_done(task.sequence, self.plan)
        if outcome.state != "failed" and not there:
            outcome = Outcome(
                name,
                "failed",
                f"a worker is done with it, but its files are not in {self.plan.output.resolve()}, or made by other "
                "versions: output, data and weights must lie on storage that all machines see, and all have one "
                "version of everything",
            )
        return [(task, outcome)]

    def close(self) -> None:
        self.ray.shutdown()


def do_at(folder: str, task: Task, plan: Plan) -> Outcome:
    """A task on some machine of the cluster, in the folder that the run was started in."""
    try:
        os.chdir(folder)
    except OSError as error:
        message = f"a worker cannot enter {folder} ({error.strerror}): the folder must be on storage that all see"
        return Outcome(task.sequence.name, "failed", message)
    from mots.batch.tasks import do

    return do(task, plan)
