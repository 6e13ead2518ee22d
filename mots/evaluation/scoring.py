"""Scoring results against truth: `mots.score` on files or on frames in memory.

Truth and results become `LabelTable`s (masks as runs), one comparison of runs gives every overlap of a sequence, and
the metrics in `mots.metrics` count. Counts add over sequences; ratios are computed at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial, reduce
from operator import add
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from mots.benchmarks.registry import VOS_BENCHMARKS, Benchmark, benchmark_named, by_own_name, other_names, split_lengths
from mots.benchmarks.rules import check_disjoint, inside
from mots.classes import IGNORE
from mots.encodings.runs import common_pixels
from mots.errors import InputError
from mots.evaluation.box_scoring import load_boxes, scored_boxes
from mots.evaluation.davis_scoring import score_davis
from mots.evaluation.step_scoring import score_step
from mots.evaluation.youtube_vos_scoring import score_youtube_vos
from mots.formats import places
from mots.formats.faults import Report, fail, ignore_fault
from mots.formats.label_table import LabelTable, table_of_frames
from mots.formats.mot_boxes import boxes_of_masks
from mots.labels import HasLabels
from mots.metrics.clear import ClearCounts, Convention, clear
from mots.metrics.events import events
from mots.metrics.hota import HotaCounts, hota
from mots.metrics.identity import IdentityCounts, identity
from mots.metrics.sequence import ScoredSequence, without_ignored
from mots.metrics.stq import StqCounts
from mots.metrics.vos import VosScores
from mots.storage import archive

__all__ = ["ClassScores", "Scores", "score"]

Frames = Sequence[HasLabels]
InMemory = Mapping[str, Frames] | Frames
Labels = Mapping[str, Frames] | Frames | Mapping[str, Path]
IN_MEMORY = "sequence"  # the name of a single sequence that is given as frames
MASK_NAMES = ("sMOTSA", "MOTSA", "MOTSP", "MODSA", "MOTSAL")
BOX_NAMES = ("sMOTA", "MOTA", "MOTP", "MODA", "MOTAL")  # of the same numbers, where boxes are compared


@dataclass(frozen=True, eq=False)
class ClassScores:
    """All counts of one class: of one sequence, or, added up, of many."""

    clear: ClearCounts = field(default_factory=ClearCounts)
    hota: HotaCounts = field(default_factory=HotaCounts)
    identity: IdentityCounts = field(default_factory=IdentityCounts)
    frames: int = 0
    result_tracks: int = 0
    boxes: bool = False  # whether boxes were compared: CLEAR's numbers then have MOTChallenge's names, MOTA for MOTSA

    def __add__(self, other: ClassScores) -> ClassScores:
        return ClassScores(
            self.clear + other.clear,
            self.hota + other.hota,
            self.identity + other.identity,
            self.frames + other.frames,
            self.result_tracks + other.result_tracks,
            self.boxes or other.boxes,
        )

    def numbers(self) -> dict[str, float]:
        """Every number by its name, ratios as fractions of one; HOTA's are means over alpha unless named `(0)`."""
        c, h, i = self.clear, self.hota, self.identity
        ratios = (c.smotsa, c.motsa, c.motsp, c.moda, c.motsal)
        return {
            **dict(zip(BOX_NAMES if self.boxes else MASK_NAMES, ratios, strict=True)),
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

    `events`: rows of `evaluation.event_table`, where they were asked for.
    """

    sequences: Mapping[str, Mapping[str, ClassScores | StqCounts | VosScores]]
    events: Sequence[tuple[str, str, int, str, int | None, int | None, float | None]] = ()

    @property
    def combined(self) -> dict[str, Any]:
        classes = dict.fromkeys(name for each in self.sequences.values() for name in each)
        every = {name: [each[name] for each in self.sequences.values()] for name in classes}
        # Each is added to nothing first: a sum of one sequence has the ratios of sums too, as TrackEval's has.
        return {name: reduce(add, each, type(each[0])()) for name, each in every.items()}

    def to_dict(self) -> dict[str, Any]:
        """`{"combined": {class: numbers}, "sequences": {sequence: {class: numbers}}}`; see `ClassScores.numbers`.

        With several classes, `combined` also has `class average`, the mean over the classes (counts are added
        up), and `all classes`, ratios of all counts added up: TrackEval's two ways to combine classes.
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
        } | self._objects()

    def _objects(self) -> dict[str, Any]:
        """Of objects whose first masks are given, their own numbers by sequence: `{"objects": {...}}`."""
        found = {
            sequence: {
                number: own
                for each in classes.values()
                if isinstance(each, VosScores)
                for number, own in each.by_object().items()
            }
            for sequence, classes in self.sequences.items()
        }
        return {"objects": found} if any(found.values()) else {}


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
    (kitti-step, davis, youtube-vos: their own), a zip archive of `<sequence>.txt`, Scalabel JSON, or one text file
    each. Frames: a sequence of `FrameLabels` or `TrackedFrame`s, or a mapping of names to such. Mappings of names to
    paths pair files from anywhere. `split`: a split of the benchmark, or a `.seqmap` file; without it, every sequence
    of the truth; for youtube-vos the training split's meta.json, whose categories are the seen ones. `classes`: of the
    benchmark's names. `convention`: trackeval or mots_tools. `report` is given each fault of the files; the default
    raises FormatError. mot17, mot20, dancetrack and sportsmot compare boxes: their truth is MOTChallenge's box text,
    their results box text or masks, of which the tight boxes count. `jobs`: processes over sequences. `with_events`:
    also list every match, switch, miss and false positive.

    Raises InputError for unknown names and missing sequences, FormatError for a file that cannot be read.
    """
    if convention not in ("trackeval", "mots_tools"):
        raise InputError(f"unknown convention '{convention}': there are trackeval and mots_tools")
    if benchmark in VOS_BENCHMARKS:
        if not isinstance(truth, (str, Path)) or not isinstance(results, (str, Path)):
            raise InputError(f"{benchmark} is scored from folders of its pictures")
        if split is not None and benchmark == "davis":
            raise InputError("davis has no splits here: name sequences", parameters=("split", "sequences"))
        if benchmark == "davis":
            return Scores(score_davis(Path(truth), Path(results), sequences))
        return Scores(score_youtube_vos(Path(truth), Path(results), sequences, None if split is None else Path(split)))
    bench = benchmark_named(benchmark)
    if bench.name == "kitti-step":
        if not isinstance(truth, (str, Path)) or not isinstance(results, (str, Path)):
            raise InputError("kitti-step is scored from folders of its PNGs")
        lengths = None if split is None else split_lengths(bench, split)
        return Scores(score_step(Path(truth), Path(results), lengths, sequences))
    wanted = list(classes) if classes is not None else list(bench.classes)
    for name in wanted:
        if name not in bench.classes:
            raise InputError(f"unknown class '{name}': {bench.name} has {', '.join(bench.classes)}")
    tasks: list[Task]
    if isinstance(truth, (str, Path)) and isinstance(results, (str, Path)):
        tasks = tasks_of_files(Path(truth), Path(results), bench, split, sequences)
    elif isinstance(truth, (str, Path)) or isinstance(results, (str, Path)):
        raise InputError("truth and results must both be paths, or both frames in memory")
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
            results_of = list(pool.map(work, tasks))
    else:
        with ExitStack() as stack:
            for side in (truth, results):
                if isinstance(side, (str, Path)):
                    stack.enter_context(archive.kept_open(Path(side)))
            results_of = [work(task) for task in tasks]
    named = list(zip((task.name for task in tasks), results_of, strict=True))
    rows = [(name, *row) for name, (_, events_of) in named for row in events_of]
    return Scores({name: each for name, (each, _) in named}, rows)


# The tasks


@dataclass(frozen=True, eq=False)
class Task:
    """One sequence: its name, its number of frames (0: up to the last one of the truth), and its two sides."""

    name: str
    frames: int
    truth: places.Place | Frames
    results: places.Place | Frames


def tasks_of_files(
    truth: Path, results: Path, bench: Benchmark, split: str | None, sequences: Iterable[str] | None
) -> list[Task]:
    """The sequences to score, each with its files. Raises InputError where one is missing."""
    if is_text(truth) and is_text(results):
        return [Task(results.stem, 0, places.Place(truth), places.Place(results))]
    truths = by_own_name(bench, side(truth, False), truth)
    given = by_own_name(bench, side(results, True), results)
    known = bench.lengths()
    lengths = {name: length_of(truth, name) or known.get(name, 0) for name in truths}
    if split is not None:
        lengths = split_lengths(bench, split)
    if sequences is not None:
        names = [bench.own_name(name) for name in sequences]
        for name in names:
            if name not in lengths:
                raise InputError(f"{truth}: no sequence '{name}': there are {', '.join(sorted(lengths))}")
        lengths = {name: lengths[name] for name in names}
    if not lengths:
        raise InputError(f"{truth}: no truth here: wanted <sequence>.txt or <sequence>/gt/gt.txt")
    for name in lengths:
        if name not in truths:
            raise InputError(f"{truth}: the truth of sequence {name} is missing: wanted {name}.txt")
        if name not in given:
            raise InputError(f"{results}: sequence {name} is missing: wanted {name}.txt (an empty one is fine)")
    return [Task(name, count, truths[name], given[name]) for name, count in sorted(lengths.items())]


def is_text(path: Path) -> bool:
    """Whether a path names one sequence's text file."""
    return path.suffix not in (".zip", ".json") and path.exists() and not path.is_dir()


def side(path: Path, results: bool) -> dict[str, places.Place]:
    """The sequences of truth or results, by name."""
    return {path.stem: places.Place(path)} if is_text(path) else places.sequences(path, results)


def length_of(truth: Path, name: str) -> int:
    """The number of frames of a sequence where its truth says so; 0 otherwise."""
    return next((count for each in other_names(name) if (count := places.length(truth, each))), 0)


def is_files(side: Labels) -> TypeGuard[Mapping[str, Path]]:
    """Whether a side is a mapping of names to paths."""
    return isinstance(side, Mapping) and len(side) > 0 and all(isinstance(each, Path) for each in side.values())


def tasks_of_named(truth: Mapping[str, Path], results: Mapping[str, Path], lengths: Mapping[str, int]) -> list[Task]:
    """The sequences of the truth, each with its files."""
    for name in truth:
        if name not in results:
            raise InputError(f"the results of sequence {name} are missing")
    place = places.Place
    return [Task(name, lengths.get(name, 0), place(truth[name]), place(results[name])) for name in truth]


def tasks_in_memory(truth: InMemory, results: InMemory) -> list[Task]:
    """Sequences given as frames."""
    truths = truth if isinstance(truth, Mapping) else {IN_MEMORY: truth}
    given = results if isinstance(results, Mapping) else {IN_MEMORY: results}
    for name in truths:
        if name not in given:
            raise InputError(f"the results of sequence {name} are missing")
    return [Task(name, 0, truths[name], given[name]) for name in truths]


# One sequence


def score_sequence(
    task: Task, bench: Benchmark, classes: list[str], convention: Convention, report: Report, with_events: bool
) -> tuple[dict[str, ClassScores], list[tuple[str, int, str, int | None, int | None, float | None]]]:
    """The scores of one sequence by class, and its events, each with its class, where they are wanted."""
    if bench.boxes:
        boxes = boxes_of_task(task, bench, report)
        return {name: class_scores(boxes, convention, True) for name in classes}, (
            [(name, *event) for name in classes for event in events(boxes, convention)] if with_events else []
        )
    first = bench.first_frame
    if isinstance(task.truth, places.Place) and isinstance(task.results, places.Place):
        truth = places.load(task.truth, report)
        size = truth.runs.size if len(truth) else None
        results = places.load(task.results, report, size)
    else:
        truth = table_of_frames(task.truth, f"the truth of {task.name}")  # type: ignore[arg-type]
        results = table_of_frames(task.results, f"the results of {task.name}")  # type: ignore[arg-type]
        first = min([*truth.frames.tolist(), *results.frames.tolist()], default=0)
    last = first + task.frames - 1 if task.frames else int(max(truth.frames.max(initial=first), first))
    if not task.frames and not isinstance(task.truth, places.Place):
        last = max(last, int(results.frames.max(initial=first)))
    skips = convention == "mots_tools"  # it skips what lies outside the sequence
    truth = truth.take(inside(truth, first, last, report))
    results = results.take(inside(results, first, last, ignore_fault if skips else report))
    for side in (truth, results):
        check_disjoint(side, report)
    pairs = common_pixels(truth.runs, truth.frames, results.runs, results.frames)
    areas = truth.runs.areas, results.runs.areas
    scores: dict[str, ClassScores] = {}
    rows: list[tuple[str, int, str, int | None, int | None, float | None]] = []
    for name in classes:
        sequence = one_class(truth, results, pairs, areas, bench.classes[name], last - first + 1, convention)
        scores[name] = class_scores(sequence, convention)
        rows += [(name, *event) for event in events(sequence, convention)] if with_events else []
    return scores, rows


def class_scores(sequence: ScoredSequence, convention: Convention, boxes: bool = False) -> ClassScores:
    """All counts of one class of a sequence."""
    counts = clear(sequence, convention), hota(sequence), identity(sequence)
    return ClassScores(*counts, sequence.frames, len(sequence.result_tracks[0]), boxes)


def boxes_of_task(task: Task, bench: Benchmark, report: Report) -> ScoredSequence:
    """The pedestrians of a sequence as boxes."""
    truth, results = (
        load_boxes(side, report)
        if isinstance(side, places.Place)
        else boxes_of_masks(table_of_frames(side, f"{what} of {task.name}"))
        for side, what in ((task.truth, "the truth"), (task.results, "the results"))
    )
    last = task.frames or int(truth.frames.max(initial=bench.first_frame))
    return scored_boxes(truth, results, bench.name, bench.first_frame, last, report)


def one_class(
    truth: LabelTable,
    results: LabelTable,
    pairs: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    areas: tuple[NDArray[np.int64], NDArray[np.int64]],
    class_id: int,
    frames: int,
    convention: Convention,
) -> ScoredSequence:
    """One class of a sequence, without the hypotheses that the ignore regions remove."""
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
    ignored = np.flatnonzero((truth.classes[left] == IGNORE) & (column_of[right] >= 0))
    if len(ignored) == 0:
        return sequence
    covered = np.bincount(column_of[right[ignored]], common[ignored], len(columns))
    coverage = covered / np.maximum(areas[1][columns], 1)
    return without_ignored(sequence, coverage, above=convention == "mots_tools")


def in_frames(table: LabelTable, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows in the order of their frames, and of the file within a frame."""
    return rows[np.argsort(table.frames[rows], kind="stable")]
