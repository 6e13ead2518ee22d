"""What each cue of association contributes: the tracker with one of them switched off or changed.

    python tools/ablate.py [--embedding retail] [--real] [--markdown]

Each variant runs over all cases of the protocol (`tools/crossval.py`). A row gives the mean over the clips of HOTA,
AssA, IDF1 and sMOTSA, the switches, the mean and the worst difference of the four from the first row, and the spread
(standard deviation) of that difference over the clips: a difference that is smaller than its spread is no finding.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from crossval import METRICS, Judge, Numbers, by_group, cases, summary
from footage import Clip

from mots.settings import Settings, changed, load
from mots.trackers.stages import Stage

T = "tracker."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedding", default="retail", help="of the rows that do not say another one")
    parser.add_argument("--real", action="store_true", help="the real clips alone")
    parser.add_argument("--markdown", action="store_true", help="print a table for the documentation")
    parser.add_argument("--only", default="", metavar="WORD", help="the variants whose names hold this word")
    arguments = parser.parse_args()
    wanted = [case for case in cases() if not arguments.real or isinstance(case.clip, Clip)]
    divider, edge = (" | ", "| ") if arguments.markdown else ("  ", "")
    end = " |" if arguments.markdown else ""
    titles = [*METRICS, "IDS", "mean", "worst", "spread"]
    print(edge + divider.join([f"{'variant':46}", *(f"{title:>6}" for title in titles)]) + end)
    if arguments.markdown:
        print("|---" * (1 + len(titles)) + "|")
    reference: dict[str, Numbers] = {}
    with Judge(wanted, arguments.embedding) as judge:
        for name, settings, embedding in variants(load("default"), arguments.embedding):
            if reference and arguments.only not in name:
                continue
            groups = by_group(wanted, judge.evaluate(settings, embedding))
            reference = reference or groups
            print(edge + divider.join([f"{name:46}", *row(groups, reference)]) + end, flush=True)


def row(groups: dict[str, Numbers], reference: dict[str, Numbers]) -> list[str]:
    """A variant's cells."""
    mean = summary(groups)["mean"]
    differences = np.array([np.mean([own[m] - reference[name][m] for m in METRICS]) for name, own in groups.items()])
    switches = np.mean([own["IDS"] for own in groups.values()])
    cells = [f"{mean[m]:6.2f}" for m in METRICS] + [f"{switches:6.1f}"]
    return [*cells, f"{differences.mean():+6.2f}", f"{differences.min():+6.2f}", f"{differences.std():6.2f}"]


def variants(base: Settings, embedding: str) -> Iterator[tuple[str, Settings, str]]:
    """Each variant's name, settings and embedding."""

    def stages(change: Callable[[Stage], Stage]) -> Settings:
        return replace(base, tracker=replace(base.tracker, stages=tuple(change(s) for s in base.tracker.stages)))

    def without(name: str) -> Settings:
        kept = tuple(stage for stage in base.tracker.stages if stage.name != name)
        return replace(base, tracker=replace(base.tracker, stages=kept))

    yield f"the default, with {embedding} and colours", base, embedding
    yield "colours alone", base, "colours"
    yield "no appearance", base, "none"
    yield f"{embedding} without colours", base, f"only-{embedding}"
    for share in (0.25, 0.75):
        yield f"colours with a share of {share}", changed(base, {"reid.colour_share": share}), embedding
    for weight in (0.0, 0.5, 1.0):
        kind = {0.0: "boxes only", 1.0: "masks only"}.get(weight, f"{weight:.0%} mask IoU in every stage")
        yield f"overlap: {kind}", stages(partial_mask(weight)), embedding
    apart = {"stages.recent.min_score": 0.5, "stages.recent.score_weight": 0.0}
    yield "low scores after all confident ones", changed(base, {T + k: v for k, v in apart.items()}), embedding
    yield "no stage for the lowest scores", without("low score"), embedding
    yield "no bonus for hidden tracks", stages(lambda stage: replace(stage, hidden_bonus=0.0)), embedding
    yield "lost tracks do not take low scores", without("lost, low score"), embedding
    yield "low scores at full weight", stages(lambda stage: replace(stage, score_weight=0.0)), embedding
    for name, changes in (
        ("lost tracks compete for 0.3 s only", {"stages.recent.lost_for": 0.3}),
        ("lost tracks by the usual scale", {"stages.lost.strict": False, "stages.lost, low score.strict": False}),
        ("memory 2 s", {"lifecycle.memory": 2.0, "lifecycle.occluded_memory": 4.0}),
        ("memory 4 s", {"lifecycle.memory": 4.0}),
        ("memory 16 s", {"lifecycle.memory": 16.0}),
        ("boxes are not enlarged", {"buffer": 0.0}),
        ("scores do not change the filter's noise", {"motion.score_noise": 0.0}),
        ("velocity never decays", {"motion.persistence": 1e6, "motion.size_persistence": 1e6}),
        ("duplicates kept", {"duplicate_iou": 1.0}),
        (
            "no gallery (one view and a fast average)",
            {"appearance.views": 1, "appearance.momentum": 0.0, "appearance.every": 1e-6},
        ),
        ("every embedding counts as clean", {"appearance.clean_score": 0.0, "appearance.clean_coverage": 1.0}),
        (
            "tracks start at 0.5 and wait below 0.7",
            {"lifecycle.new_score": 0.5, "lifecycle.sure_score": 0.7, "lifecycle.confirm_score": 0.0},
        ),
        ("fragments start tracks too", {"lifecycle.new_coverage": 1.0}),
        ("every match is reported", {"lifecycle.report_score": 0.0}),
        ("no re-identification", {"reentry.max_dissimilarity": 0.0}),
    ):
        yield name, changed(base, {T + key: value for key, value in changes.items()}), embedding


def partial_mask(weight: float) -> Callable[[Stage], Stage]:
    """A change of a stage's share of mask IoU."""
    return lambda stage: replace(stage, mask_weight=weight)


if __name__ == "__main__":
    main()
