"""A search over the tracker's settings, judged on the clips that it did not see.

    python tools/leave_one_out.py [--embedding retail] [--count 40] [--file build/search.jsonl]

Settings around the present ones are drawn at random (five changed at a time) and run over all cases of the protocol
(`tools/crossval.py`). For each real clip the setting is taken that is best on all the others, by the mean and the
worst, and its numbers on that clip are what is reported: what such a search would gain on footage that it has not seen.
Runs are kept in the file, and continue where they ended.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from crossval import METRICS, Judge, Numbers, by_group, cases, summary, table

from mots.settings import changed, load, value_at

T, S = "tracker.", "tracker.stages."
# The lowest and the highest value of each setting, and the step between two.
SPACE: dict[str, tuple[float, float, float]] = {
    S + "recent.limit": (0.6, 0.8, 0.025),
    S + "recent.min_score": (0.1, 0.5, 0.05),
    S + "recent.score_weight": (0.0, 0.3, 0.05),
    S + "recent.mask_weight": (0.0, 0.5, 0.1),
    S + "recent.appearance_weight": (0.35, 0.65, 0.05),
    S + "recent.lost_for": (0.5, 3.0, 0.25),
    S + "lost.limit": (0.5, 0.7, 0.025),
    S + "lost.appearance_weight": (0.5, 0.8, 0.05),
    S + "lost.appearance_limit": (0.5, 0.8, 0.05),
    S + "lost, low score.min_score": (0.2, 0.5, 0.05),
    T + "lifecycle.new_score": (0.35, 0.5, 0.025),
    T + "lifecycle.sure_score": (0.45, 0.65, 0.025),
    T + "lifecycle.new_coverage": (0.2, 0.6, 0.05),
    T + "lifecycle.report_score": (0.2, 0.35, 0.01),
    T + "lifecycle.memory": (4.0, 12.0, 1.0),
    T + "buffer": (0.0, 1.0, 0.25),
    T + "motion.measurement_noise": (0.04, 0.1, 0.01),
    T + "motion.acceleration_noise": (2.0, 5.0, 0.5),
    T + "motion.persistence": (0.75, 2.5, 0.25),
    T + "motion.score_noise": (0.5, 2.5, 0.5),
    T + "motion.initial_speed": (2.0, 5.0, 0.5),
    T + "appearance.momentum": (0.8, 0.95, 0.025),
    T + "appearance.every": (0.1, 0.4, 0.1),
    T + "appearance.clean_score": (0.5, 0.7, 0.05),
    T + "reentry.max_dissimilarity": (0.2, 0.5, 0.05),
    "reid.colour_share": (0.3, 0.6, 0.1),
}
Groups = dict[str, Numbers]


def drawn(count: int, seed: int = 0) -> list[dict[str, float]]:
    """The changes of each setting that is tried; the first changes nothing."""
    rng, base = np.random.default_rng(seed), load("default")
    found: list[dict[str, float]] = [{}]
    while len(found) < count:
        changes = {}
        for name in rng.choice(sorted(SPACE), 5, replace=False).tolist():
            low, high, step = SPACE[name]
            value = round(low + step * int(rng.integers(0, round((high - low) / step) + 1)), 4)
            if value != value_at(base, name):
                changes[name] = value
        found.append(changes)
    return found


def value(groups: Groups, reference: Groups, clips: Sequence[str]) -> float:
    """How much better a setting is on these clips, the worst one counted once more; toy worlds count a third."""
    own = [float(np.mean([groups[name][m] - reference[name][m] for m in METRICS])) for name in clips]
    toys = [name for name in groups if name.startswith("toy")]
    others = [float(np.mean([groups[name][m] - reference[name][m] for m in METRICS])) for name in toys]
    return float(np.mean(own) + 0.3 * np.mean(others or [0.0]) + 0.25 * min(own))


def left_out(runs: Sequence[Groups]) -> tuple[Groups, dict[str, int]]:
    """For each real clip the numbers of the setting that is best on all the others, and which one that is."""
    reference = runs[0]
    clips = [name for name in reference if not name.startswith("toy")]
    found, chosen = {}, {}
    for clip in clips:
        others = [name for name in clips if name != clip]
        best = max(range(len(runs)), key=lambda k: value(runs[k], reference, others))
        found[clip], chosen[clip] = runs[best][clip], best
    return found, chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedding", default="retail", help="as for crossval.py")
    parser.add_argument("--count", type=int, default=40, help="settings that are tried")
    parser.add_argument("--file", type=Path, default=Path("build/search.jsonl"), help="keeps what was run")
    arguments = parser.parse_args()
    wanted = cases()
    known: dict[str, Groups] = {}
    if arguments.file.is_file():
        known = {each["changes"]: each["groups"] for each in map(json.loads, arguments.file.read_text().splitlines())}
    runs: list[Groups] = []
    tried: list[Mapping[str, Any]] = drawn(arguments.count)  # type: ignore[assignment]
    with Judge(wanted, arguments.embedding) as judge:
        for changes in tried:
            key = json.dumps([arguments.embedding, changes], sort_keys=True)
            if key not in known:
                found = judge.evaluate(changed(load("default"), changes), arguments.embedding)
                known[key] = by_group(wanted, found)
                arguments.file.parent.mkdir(parents=True, exist_ok=True)
                with arguments.file.open("a") as file:
                    file.write(json.dumps({"changes": key, "groups": known[key]}) + "\n")
            runs.append(known[key])
            print(
                f"{len(runs)}: {value(runs[-1], runs[0], [n for n in runs[0] if not n.startswith('toy')]):+.2f}",
                changes,
            )
    found, chosen = left_out(runs)
    print("\n" + table(found, "left out") + "\n\n" + table(summary(found)))
    print("\nas they are\n" + table(summary({name: runs[0][name] for name in found})))
    print("chosen:", {clip: tried[place] for clip, place in chosen.items()})


if __name__ == "__main__":
    main()
