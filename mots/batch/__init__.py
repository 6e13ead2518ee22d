"""Many sequences: plan, schedule, tasks, manifests, and what runs them (processes, Ray)."""

from mots.lazy import lazy_package

MODULES = (
    "manifest", "plan", "processes", "ray_cluster", "schedule", "tasks",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
