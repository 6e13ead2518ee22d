"""Running tasks on the machines of a Ray cluster (https://docs.ray.io).

The data set, the weights and the output must be on storage that all machines see under the same paths, and
`mots-engine` installed on each. Ray gives a task whose worker or machine fails to another one.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from mots.batch.manifest import is_done, is_measured
from mots.batch.plan import Outcome, Plan, Task
from mots.errors import InputError
from mots.optional import optional_import

__all__ = ["RayCluster"]

LOOPBACK = "127.0.0.1"
RETRIES = 3  # times that a failed task is given to another worker


class RayCluster:
    """A cluster at `address` (`auto`, `host:port`, `ray://host:port`), or, without one, one of this machine's own.

    `jobs`: tasks at a time; None: as many as the cluster has CPUs, or GPUs where the network runs on them. Raises
    MissingDependency where Ray is not installed, InputError where the cluster cannot be reached.
    """

    def __init__(self, plan: Plan, address: str | None, jobs: int | None) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no usage reports
        if address is None:
            # Ray's own switch, whatever its name says: without it, a machine is no part of a cluster of machines, and
            # its services listen on the loopback address alone.
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        ray = optional_import("ray", "running on a cluster", extra="ray")
        self.ray: Any = ray
        self.plan, self.jobs = plan, jobs
        self.tasks: dict[Any, Task] = {}
        # Ray gives each task one thread; ours use as many as without Ray, so that results are the same.
        threads = os.environ.get("OMP_NUM_THREADS") or str(os.cpu_count() or 1)
        more: dict[str, Any] = (
            {} if address else {"num_cpus": jobs, "include_dashboard": False, "_node_ip_address": LOOPBACK}
        )
        try:
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level=logging.ERROR,
                runtime_env={"env_vars": {"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE"}},
                **more,
            )
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            raise InputError(f"no Ray cluster answers at {address} ({error})", parameters=("ray_address",)) from error
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
            lines = str(error).strip().splitlines() or [type(error).__name__]
            return [(task, Outcome(name, "failed", f"its workers failed {RETRIES + 1} times ({lines[0]})"))]
        there = is_measured(task, self.plan) if task.step == "measure" else is_done(task.sequence, self.plan)
        if outcome.state != "failed" and not there:
            outcome = Outcome(
                name,
                "failed",
                f"a worker has finished it, but its files are not in {self.plan.output.resolve()}, or other versions "
                "made them: output, data and weights must be on storage that all machines see, and all machines need "
                "the same versions",
            )
        return [(task, outcome)]

    def close(self) -> None:
        self.ray.shutdown()


def do_at(folder: str, task: Task, plan: Plan) -> Outcome:
    """A task on a machine of the cluster, in the folder in which the batch was started."""
    try:
        os.chdir(folder)
    except OSError as error:
        message = (
            f"a worker cannot enter {folder} ({error.strerror}): the folder must be on storage that all machines see"
        )
        return Outcome(task.sequence.name, "failed", message)
    from mots.batch.tasks import do

    return do(task, plan)
