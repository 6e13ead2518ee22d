"""Scoring results against truth: `mots.score` on files or on frames in memory.

Truth and results become `MotsLines` (masks as runs), one comparison of runs gives every overlap of a sequence, and the
metrics in `mots.metrics` count. Counts add over sequences; ratios are taken at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from operator import add
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from mots.benchmarks.registry import Benchmark, benchmark_named, split_lengths
from mots.benchmarks.rules import check_disjoint, inside, kept
from mots.classes import MOTS_IGNORE, to_mots
from mots.encodings.runs import Runs, common_pixels, runs_of
from mots.errors import MotsError
from mots.evaluation.step_scoring import score_step
from mots.formats import places as mots_folder
from mots.formats.faults import Fault, Report, fail
from mots.formats.mots_text import MotsLines
from mots.labels import FrameLabels
from mots.metrics.clear import ClearCounts, Convention, clear
from mots.metrics.events import events
from mots.metrics.hota import HotaCounts, hota
from mots.metrics.identity import IdentityCounts, identity
from mots.metrics.sequence import ScoredSequence, without_ignored
from mots.metrics.stq import StqCounts
from mots.trackers.masks import Masks

__all__ = ["ClassScores", "Scores", "score"]

InMemory = Mapping[str, Sequence[FrameLabels]] | Sequence[FrameLabels]
Labels = Mapping[str, Sequence[FrameLabels]] | Sequence[FrameLabels] | Mapping[str, Path]
IN_MEMORY = "sequence"  # the name of a single sequence given as frames


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Everything counted for one class: of one sequence, or, added up, of many."""

    clear: ClearCounts = field(default_factory=ClearCounts)
    hota: HotaCounts = field(default_factory=HotaCounts)
    identity: IdentityCounts = field(default_factory=IdentityCounts)
    frames: int = 0
    result_tracks: int = 0

    def __add__(self, other: ClassScores) -> ClassScores:
        return ClassScores(
            self.clear + other.clear,
            self.hota + other.hota,
            self.identity + other.identity,
            self.frames + other.frames,
            self.result_tracks + other.result_tracks,
        )

    def numbers(self) -> dict[str, float]:
        """Every number by its name, ratios as fractions of one; HOTA's are means over alpha unless named `(0)`."""
        c, h, i = self.clear, self.hota, self.identity
        return {
            "sMOTSA": c.smotsa,
            "MOTSA": c.motsa,
            "MOTSP": c.motsp,
            "MODSA": c.moda,
            "MOTSAL": c.motsal,
            "TP": c.tp,
            "FP": c.fp,
            "FN": c.fn,
            "softTP": c.soft_tp,
            "IDS": c.ids,
            "Frag": c.frag,
            "MT": c.mt,
            "PT": c.pt,
            "ML": c.ml,
            "Recall": c.recall,
            "Precision": c.precision,
            "F1": c.f1,
            "FAF": c.faf,
            "HOTA": float(h.hota.mean()),
            "DetA": float(h.det_a.mean()),
            "AssA": float(h.ass_a.mean()),
            "DetRe": float(h.det_re.mean()),
            "DetPr": float(h.det_pr.mean()),
            "AssRe": float(h.ass_re.mean()),
            "AssPr": float(h.ass_pr.mean()),
            "LocA": float(h.loc_a.mean()),
            "OWTA": float(h.owta.mean()),
            "HOTA(0)": float(h.hota[0]),
            "LocA(0)": float(h.loc_a[0]),
            "HOTALocA(0)": float(h.hota[0] * h.loc_a[0]),
            "IDF1": i.idf1,
            "IDP": i.idp,
            "IDR": i.idr,
            "IDTP": i.idtp,
            "IDFP": i.idfp,
            "IDFN": i.idfn,
            "Objects": c.objects,
            "Hypotheses": c.hypotheses,
            "Tracks": c.tracks,
            "ResultTracks": self.result_tracks,
            "Frames": self.frames,
        }


@dataclass(frozen=True, eq=False)
class Scores:
    """`sequences`: by name, then class; `combined`: all sequences together, by class.

    `events`: rows of `formats.event_table`, where they were asked for.
    """

    sequences: Mapping[str, Mapping[str, ClassScores | StqCounts]]
    events: Sequence[tuple[str, str, int, str, int | None, int | None, float | None]] = ()

    @property
    def combined(self) -> dict[str, Any]:
        classes = dict.fromkeys(name for each in self.sequences.values() for name in each)
        return {name: reduce(add, [each[name] for each in self.sequences.values()]) for name in classes}

    def to_dict(self) -> dict[str, Any]:
        """`{"combined": {class: numbers}, "sequences": {sequence: {class: numbers}}}`; see `ClassScores.numbers`.

        With several classes, `combined` also has `class average`, the mean over the classes (counts are added
        up), and `all classes`, all counts added up before ratios are taken: TrackEval's two ways to combine classes.
        """
        classes = self.combined
        combined = {name: each.numbers() for name, each in classes.items()}
        if len(combined) > 1:
            combined["class average"] = averaged(list(combined.values()))
            combined["all classes"] = reduce(add, classes.values()).numbers()
        return {
            "combined": combined,
            "sequences": {
                sequence: {name: each.numbers() for name, each in classes.items()}
                for sequence, classes in self.sequences.items()
            },
        }


COUNTS = frozenset(
    "TP FP FN IDS Frag MT PT ML IDTP IDFP IDFN Objects Hypotheses Tracks ResultTracks Frames Tubes".split()  # noqa: SIM905
)


def averaged(classes: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each ratio over classes, and the sum of each count, as TrackEval's class average has them."""
    return {name: sum(each[name] for each in classes) / (1 if name in COUNTS else len(classes)) for name in classes[0]}


def score(
    truth: str | Path | Labels,
    results: str | Path | Labels,
    *,
    benchmark: str = "kitti-mots",
    split: str | None = None,
    sequences: Iterable[str] | None = None,
    classes: Iterable[str] | None = None,
    convention: Convention = "trackeval",
    report: Report = fail,
    jobs: int = 1,
    with_events: bool = False,
) -> Scores:
    """Score results against truth, both as paths or both as frames in memory.

    Paths: a folder of `<sequence>.txt`, MOTSChallenge's `<sequence>/gt/gt.txt`, folders `<sequence>` of 16-bit PNGs
    (kitti-step: of its own PNGs), a zip archive of `<sequence>.txt`, or one text file each. Frames: a sequence of
    `FrameLabels`, or a mapping of names to such. Mappings of names to paths pair files from anywhere.
    `split`: a split of the benchmark, or a `.seqmap` file; without it,
    every sequence of the truth. `classes`: names of the benchmark's. `report` is given each fault of the files; the
    default raises MotsError. `jobs`: processes over sequences. `with_events`: also list every match, switch, miss and
    false positive.
    """
    if convention not in ("trackeval", "mots_tools"):
        raise MotsError(f"unknown convention '{convention}': there are trackeval and mots_tools")
    bench = benchmark_named(benchmark)
    if bench.name == "kitti-step":
        if not isinstance(truth, (str, Path)) or not isinstance(results, (str, Path)):
            raise MotsError("kitti-step is scored from folders of its PNGs")
        lengths = None if split is None else split_lengths(bench, split)
        return Scores(score_step(Path(truth), Path(results), lengths, sequences))
    wanted = list(classes) if classes is not None else list(bench.classes)
    for name in wanted:
        if name not in bench.classes:
            raise MotsError(f"unknown class '{name}': {bench.name} has {', '.join(bench.classes)}")
    tasks: list[Task]
    if isinstance(truth, (str, Path)) and isinstance(results, (str, Path)):
        tasks = tasks_of_files(Path(truth), Path(results), bench, split, sequences)
    elif isinstance(truth, (str, Path)) or isinstance(results, (str, Path)):
        raise MotsError("truth and results must both be paths, or both frames in memory")
    elif is_files(truth) and is_files(results):
        tasks = tasks_of_named(truth, results, {} if split is None else split_lengths(bench, split))
    else:
        tasks = tasks_in_memory(truth, results)  # type: ignore[arg-type]
    work = partial(score_sequence, bench=bench, classes=wanted, convention=convention, report=report)
    work = partial(work, with_events=with_events)
    if jobs > 1 and len(tasks) > 1:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=get_context("spawn")) as pool:
            found = list(pool.map(work, tasks))
    else:
        found = [work(task) for task in tasks]
    named = list(zip((task.name for task in tasks), found, strict=True))
    rows = [(name, *row) for name, (_, events_of) in named for row in events_of]
    return Scores({name: each for name, (each, _) in named}, rows)


# What is to be scored


@dataclass(frozen=True, eq=False)
class Task:
    """One sequence: its name, its number of frames (0: as far as the truth goes), and where its two sides are."""

    name: str
    frames: int
    truth: mots_folder.Place | Sequence[FrameLabels]
    results: mots_folder.Place | Sequence[FrameLabels]


def tasks_of_files(
    truth: Path, results: Path, bench: Benchmark, split: str | None, sequences: Iterable[str] | None
) -> list[Task]:
    """The sequences to score, each with its files. Raises MotsError where one is missing."""
    many = (".zip", ".json")
    if truth.is_file() and truth.suffix not in many and results.is_file() and results.suffix not in many:
        name = results.stem
        return [Task(name, 0, mots_folder.Place(truth), mots_folder.Place(results))]
    truths, found = mots_folder.sequences(truth), mots_folder.sequences(results, results=True)
    lengths = {name: mots_folder.length(truth, name) for name in truths}
    known = bench.lengths()
    lengths = {name: count or known.get(name, 0) for name, count in lengths.items()}
    if split is not None:
        lengths = split_lengths(bench, split)
    if sequences is not None:
        names = list(sequences)
        for name in names:
            if name not in lengths:
                raise MotsError(f"{truth}: no sequence '{name}': there are {', '.join(sorted(lengths))}")
        lengths = {name: lengths[name] for name in names}
    if not lengths:
        raise MotsError(f"{truth}: no truth here: wanted <sequence>.txt or <sequence>/gt/gt.txt")
    for name in lengths:
        if name not in truths:
            raise MotsError(f"{truth}: the truth of sequence {name} is missing: wanted {name}.txt")
        if name not in found:
            raise MotsError(f"{results}: sequence {name} is missing: wanted {name}.txt (an empty one is fine)")
    return [Task(name, count, truths[name], found[name]) for name, count in sorted(lengths.items())]


def is_files(side: Labels) -> TypeGuard[Mapping[str, Path]]:
    """Whether a side is a mapping of names to paths."""
    return isinstance(side, Mapping) and len(side) > 0 and all(isinstance(each, Path) for each in side.values())


def tasks_of_named(truth: Mapping[str, Path], results: Mapping[str, Path], lengths: Mapping[str, int]) -> list[Task]:
    """The sequences of the truth, each with its files."""
    for name in truth:
        if name not in results:
            raise MotsError(f"the results of sequence {name} are missing")
    place = mots_folder.Place
    return [Task(name, lengths.get(name, 0), place(truth[name]), place(results[name])) for name in truth]


def tasks_in_memory(truth: InMemory, results: InMemory) -> list[Task]:
    """Sequences given as frames."""
    truths = truth if isinstance(truth, Mapping) else {IN_MEMORY: truth}
    found = results if isinstance(results, Mapping) else {IN_MEMORY: results}
    for name in truths:
        if name not in found:
            raise MotsError(f"the results of sequence {name} are missing")
    return [Task(name, 0, truths[name], found[name]) for name in truths]


# One sequence


def score_sequence(
    task: Task, bench: Benchmark, classes: list[str], convention: Convention, report: Report, with_events: bool
) -> tuple[dict[str, ClassScores], list[tuple[str, int, str, int | None, int | None, float | None]]]:
    """The scores of one sequence by class, and its events, each with its class, where they are wanted."""
    first = bench.first_frame
    if isinstance(task.truth, mots_folder.Place) and isinstance(task.results, mots_folder.Place):
        truth = mots_folder.load(task.truth, report)
        size = truth.runs.size if len(truth) else None
        results = mots_folder.load(task.results, report, size)
    else:
        truth = lines_of(task.truth, f"the truth of {task.name}")  # type: ignore[arg-type]
        results = lines_of(task.results, f"the results of {task.name}")  # type: ignore[arg-type]
        first = min([*truth.frames.tolist(), *results.frames.tolist()], default=0)
    last = first + task.frames - 1 if task.frames else int(max(truth.frames.max(initial=first), first))
    if not task.frames and not isinstance(task.truth, mots_folder.Place):
        last = max(last, int(results.frames.max(initial=first)))
    quiet = convention == "mots_tools"
    truth = kept(truth, inside(truth, first, last, report))
    results = kept(results, inside(results, first, last, skip if quiet else report))
    for side in (truth, results):
        check_disjoint(side, report)
    pairs = common_pixels(truth.runs, truth.frames, results.runs, results.frames)
    areas = truth.runs.areas, results.runs.areas
    scores: dict[str, ClassScores] = {}
    rows: list[tuple[str, int, str, int | None, int | None, float | None]] = []
    for name in classes:
        sequence = one_class(truth, results, pairs, areas, bench.classes[name], last - first + 1, convention)
        scores[name] = ClassScores(
            clear(sequence, convention),
            hota(sequence),
            identity(sequence),
            sequence.frames,
            len(sequence.result_tracks[0]),
        )
        rows += [(name, *event) for event in events(sequence, convention)] if with_events else []
    return scores, rows


def skip(fault: Fault) -> None:
    """Say nothing: mots_tools passes over what is out of the sequence."""


def one_class(
    truth: MotsLines,
    results: MotsLines,
    pairs: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    areas: tuple[NDArray[np.int64], NDArray[np.int64]],
    class_id: int,
    frames: int,
    convention: Convention,
) -> ScoredSequence:
    """One class of a sequence, without the hypotheses that the ignore regions take out."""
    left, right, common = pairs
    rows = in_frames(truth, np.flatnonzero(truth.classes == class_id))
    columns = in_frames(results, np.flatnonzero(results.classes == class_id))
    row_of, column_of = np.full(len(truth), -1, np.int64), np.full(len(results), -1, np.int64)
    row_of[rows], column_of[columns] = np.arange(len(rows)), np.arange(len(columns))
    own = np.flatnonzero((row_of[left] >= 0) & (column_of[right] >= 0))
    a, b = row_of[left[own]], column_of[right[own]]
    order = np.lexsort((b, a))
    a, b, own = a[order], b[order], own[order]
    union = areas[0][rows][a] + areas[1][columns][b] - common[own]
    sequence = ScoredSequence(
        frames,
        truth.frames[rows],
        truth.ids[rows],
        results.frames[columns],
        results.ids[columns],
        np.stack([a, b], axis=1),
        common[own] / union,
    )
    ignored = np.flatnonzero((truth.classes[left] == MOTS_IGNORE) & (column_of[right] >= 0))
    if len(ignored) == 0:
        return sequence
    covered = np.bincount(column_of[right[ignored]], common[ignored], len(columns))
    coverage = covered / np.maximum(areas[1][columns], 1)
    return without_ignored(sequence, coverage, above=convention == "mots_tools")


def in_frames(lines: MotsLines, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows in the order of their frames, and of the file within a frame."""
    return rows[np.argsort(lines.frames[rows], kind="stable")]


def lines_of(frames: Sequence[FrameLabels], origin: str) -> MotsLines:
    """Frames in memory as lines; the place of a mask among all of them stands for its line number."""
    size = frames[0].size if len(frames) else (0, 0)
    parts: list[Masks] = []
    numbers: list[NDArray[np.int64]] = []
    for each in frames:
        parts += [each.masks, each.ignore]
        count, ignored = len(each), len(each.ignore)
        own = np.array([to_mots(class_id) for class_id in each.classes.tolist()], np.int64)
        classes = np.concatenate([own, np.full(ignored, MOTS_IGNORE)])
        ids = np.concatenate([each.ids, np.full(ignored, 1000 * MOTS_IGNORE)])
        numbers.append(np.stack([np.full(count + ignored, each.frame), ids, classes]))
    frame, ids, classes = np.concatenate([np.zeros((3, 0), np.int64), *numbers], axis=1)
    runs = runs_of(Masks.concatenate(size, parts)) if parts else Runs.empty(size)
    return MotsLines(origin, np.arange(1, len(frame) + 1), frame, ids, classes, runs)
