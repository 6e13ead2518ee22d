"""Many sequences: plan, schedule, tasks, manifests, and what runs them (processes, Ray)."""
