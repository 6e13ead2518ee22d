"""How the tracker does on footage of many kinds: the protocol by which association is chosen.

    python tools/crossval.py [--embedding retail] [--offline] [--set NAME=VALUE ...] [--against NAME=VALUE ...]
    python tools/crossval.py --peers

Every real clip beside the project at its own, half and a quarter of its frame rate, some with fewer or worse detections
or with a wrong frame rate, and toy worlds of six kinds (`tools/footage.py`). Prints HOTA, AssA, IDF1 and sMOTSA (sMOTA
where the truth is boxes) of each case, and their mean, worst and spread over the clips. A setting is chosen by the mean
and the worst over all cases, never by one. `--set` changes settings; `--against` compares with other ones.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from footage import CLIPS, NETWORKS, USUAL, WORLDS, Clip, Footage, Seen, ToyClip, footage
from numpy.typing import NDArray

from mots.benchmarks.registry import benchmark_named
from mots.evaluation.box_scoring import scored_boxes
from mots.evaluation.scoring import ClassScores, class_scores
from mots.formats.faults import ignore_fault
from mots.formats.label_table import table_of_frames
from mots.formats.mot_boxes import BoxTable, boxes_of_masks
from mots.labels import FrameLabels, label
from mots.metrics.sequence import ScoredSequence, from_frames, without_ignored
from mots.settings import Settings, load, value_of
from mots.trackers.offline import refine
from mots.trackers.tracker import Tracker

METRICS = ("HOTA", "AssA", "IDF1", "sMOTSA")


@dataclass(frozen=True)
class Case:
    """A clip and how it is given: every `step`-th frame from the `first` on, scores from `conf` on, and a frame rate
    that is not its own."""

    clip: Clip | ToyClip
    step: int = 1
    first: int = 0
    conf: float = 0.0
    rate: float = 0.0

    @property
    def name(self) -> str:
        parts = [
            f"/{self.step}" if self.step > 1 else "",
            f"+{self.first}" if self.first else "",
            f">{self.conf:g}" if self.conf else "",
        ]
        return self.clip.name + "".join(parts) + (f"@{self.rate:g}" if self.rate else "")

    @property
    def group(self) -> str:
        """The clip whose truth it shares; a toy world's kind is its group."""
        return (
            self.clip.name.split("-")[0] if isinstance(self.clip, Clip) else "toy " + self.clip.name.rsplit("-", 1)[0]
        )

    def footage(self, networks: tuple[str, ...] = USUAL) -> Footage:
        found = footage(self.clip, networks).thinned(self.step, self.first)
        found = found.above(self.conf) if self.conf else found
        if self.rate:
            first = found.frames[0].time
            scale = found.frame_rate / self.rate
            frames = [replace(each, time=first + scale * (each.time - first)) for each in found.frames]
            found = replace(found, frames=frames, frame_rate=self.rate)
        return found


def cases() -> list[Case]:
    """All cases of the protocol."""
    real = [
        Case(clip, step, first)
        for clip in CLIPS
        for step, first in ((1, 0), (2, 0), (2, 1), (4, 0), (4, 2))
        if "-" not in clip.name or step == 1
    ]
    by_name = {clip.name: clip for clip in CLIPS}
    real += [Case(by_name["09"], conf=0.25), Case(by_name["05"], conf=0.25), Case(by_name["vtest"], conf=0.25)]
    real += [Case(by_name["05"], rate=30.0)]
    return [*real, *(Case(world) for world in WORLDS)]


Numbers = dict[str, float]


def tracked(
    settings: Settings, seen: Sequence[Seen], kind: str, frame_rate: float, offline: bool = False, refined: bool = True
) -> list[FrameLabels]:
    """The results of our tracker on measured frames."""
    tracker = Tracker(settings.tracker, frame_rate)
    share = settings.reid.colour_share
    detections = [each.detections(kind, refined, share) for each in seen]
    ids, classes = [], []
    for each, found in zip(seen, detections, strict=True):
        own = tracker.update(found, each.time, each.camera)
        ids.append(own)
        classes.append(tracker.classes_of(own[own > 0]))
    if offline:
        times, motions = [each.time for each in seen], [each.camera for each in seen]
        tracks = settings.tracker
        result = refine(times, detections, ids, motions, settings.refine, tracks.appearance, tracks.groups)
        ids = [each.ids for each in result]
        classes = [np.array([r.classes[i] for i in r.ids[r.ids > 0].tolist()], np.int64) for r in result]
    return [
        label(found, own, own_classes, each.number, each.time, settings.labels)[0]
        for each, found, own, own_classes in zip(seen, detections, ids, classes, strict=True)
    ]


def scored(found: Footage, results: Sequence[FrameLabels]) -> ClassScores:
    """All counts of a clip's results, of all classes together."""
    if isinstance(found.truth, BoxTable):
        moved = [replace(each, frame=each.frame + found.offset) for each in results]
        given = boxes_of_masks(table_of_frames(moved, found.name))
        first, last = int(found.truth.frames.min()), int(found.truth.frames.max())
        sequence = scored_boxes(found.truth, given, found.benchmark, first, last, ignore_fault)
        return class_scores(sequence, "trackeval", boxes=True)
    classes = benchmark_named(found.benchmark).classes.values()
    return reduce(add, [class_scores(one_class(found.truth, results, each), "trackeval") for each in classes])


def one_class(truth: Sequence[FrameLabels], results: Sequence[FrameLabels], class_id: int) -> ScoredSequence:
    """One class of a clip, as `mots.score` compares it; frame by frame, which is quicker for masks in memory."""
    by_frame = {each.frame: each for each in truth}
    sides: tuple[list[NDArray[np.int64]], list[NDArray[np.int64]], list[NDArray[np.float64]]] = ([], [], [])
    covered = [np.zeros(0)]
    for result in results:
        own = by_frame.get(result.frame) or FrameLabels.empty(result.frame, result.time, result.size)
        rows, columns = np.flatnonzero(own.classes == class_id), np.flatnonzero(result.classes == class_id)
        masks = result.masks.take(columns)
        sides[0].append(own.ids[rows])
        sides[1].append(result.ids[columns])
        sides[2].append(own.masks.take(rows).iou(masks))
        covered.append(masks.coverage(own.ignore).sum(axis=1) if len(own.ignore) else np.zeros(len(columns)))
    return without_ignored(from_frames(*sides), np.concatenate(covered))


def numbers_of(counts: ClassScores) -> Numbers:
    """HOTA, AssA, IDF1, sMOTSA (sMOTA of boxes) in per cent, and the switches."""
    own = counts.numbers()
    own["sMOTSA"] = own.get("sMOTSA", own.get("sMOTA", 0.0))
    return {**{name: 100 * own[name] for name in METRICS}, "IDS": own["IDS"], "FP": own["FP"], "FN": own["FN"]}


LOADED: dict[str, Footage] = {}  # by the case's name; processes that are forked share it


def one(task: tuple[str, Settings, str, bool]) -> tuple[str, Numbers]:
    name, settings, kind, offline = task
    found = LOADED[name]
    results = tracked(settings, found.frames, kind, found.frame_rate, offline)
    return name, numbers_of(scored(found, results))


def prepare(wanted: Iterable[Case], embedding: str = "none") -> None:
    """Load the footage of these cases, once, before any process is started, with this embedding and the usual ones."""
    network = embedding.removeprefix("only-")
    networks = (*USUAL, network) if network in NETWORKS and network not in USUAL else USUAL
    for case in wanted:
        if case.name not in LOADED:
            LOADED[case.name] = case.footage(networks)


class Judge:
    """Evaluates settings on all cases in two processes. Use it in a `with` statement."""

    def __init__(self, wanted: Sequence[Case], embedding: str = "none", processes: int = 2) -> None:
        self.cases = list(wanted)
        prepare(self.cases, embedding)
        # The longest ones first, so that none is left alone at the end.
        self.order = sorted(self.cases, key=lambda case: -sum(len(f.plain) for f in LOADED[case.name].frames))
        self.pool = multiprocessing.get_context("fork").Pool(processes)

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.terminate()

    def evaluate(self, settings: Settings, kind: str, offline: bool = False) -> dict[str, Numbers]:
        """The numbers of each case."""
        tasks = [(case.name, settings, kind, offline) for case in self.order]
        found = dict(self.pool.imap_unordered(one, tasks))
        return {case.name: found[case.name] for case in self.cases}


def by_group(wanted: Sequence[Case], numbers: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """The mean over each clip's cases, so that a clip of many cases weighs as much as one of few."""
    groups: dict[str, list[Numbers]] = {}
    for case in wanted:
        groups.setdefault(case.group, []).append(numbers[case.name])
    return {name: {m: float(np.mean([each[m] for each in own])) for m in own[0]} for name, own in groups.items()}


def summary(groups: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """Mean, worst and spread (standard deviation) over clips of each metric."""
    values = {m: np.array([each[m] for each in groups.values()]) for m in METRICS}
    return {
        "mean": {m: float(v.mean()) for m, v in values.items()},
        "worst": {m: float(v.min()) for m, v in values.items()},
        "spread": {m: float(v.std()) for m, v in values.items()},
    }


def table(rows: Mapping[str, Numbers], title: str = "") -> str:
    """Rows of numbers as a table of text."""
    width = max(len(name) for name in (*rows, title))
    lines = [f"{title:{width}} " + " ".join(f"{m:>7}" for m in (*METRICS, "IDS", "FP", "FN"))]
    for name, own in rows.items():
        cells = [f"{own[m]:7.2f}" for m in METRICS] + [f"{own[m]:7.0f}" for m in ("IDS", "FP", "FN") if m in own]
        lines.append(f"{name:{width}} " + " ".join(cells))
    return "\n".join(lines)


def changed_by(base: Settings, texts: Sequence[str]) -> Settings:
    from mots.settings import changed

    changes: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.partition("=")
        changes[name] = value_of(value)
    return changed(base, changes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--embedding", default="retail", help="none, colours, a network of footage.py, or only-NETWORK without colours"
    )
    parser.add_argument("--offline", action="store_true")
    parser.add_argument("--real", action="store_true", help="the real clips alone")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--against", action="append", default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    wanted = [case for case in cases() if not arguments.real or isinstance(case.clip, Clip)]
    base = load("default")
    with Judge(wanted, arguments.embedding) as judge:
        found = judge.evaluate(changed_by(base, arguments.set), arguments.embedding, arguments.offline)
        print(table(found, "case"), "\n")
        groups = by_group(wanted, found)
        print(table(groups, "clip"), "\n")
        print(table(summary(groups)))
        if arguments.against:
            other = judge.evaluate(changed_by(base, arguments.against), arguments.embedding, arguments.offline)
            theirs = by_group(wanted, other)
            print("\nagainst", *arguments.against)
            print(table({n: {m: groups[n][m] - theirs[n][m] for m in groups[n]} for n in groups}, "difference"))
            print(table(summary(theirs)))


if __name__ == "__main__":
    main()
