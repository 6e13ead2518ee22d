"""Search for settings on saved detections: `mots tune`.

Optuna's TPE sampler proposes values for a few settings, the pipeline tracks the detections with them, as `mots track`
does, and the evaluation scores the results. Trials are kept in a journal, so that a search continues where it was
stopped, and several processes can share it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import multiprocessing
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mots.detection import saved_detections
from mots.detection.saved_detections import ENDINGS
from mots.errors import InputError, MotsError, MotsWarning
from mots.evaluation.scoring import score
from mots.files import cannot_write, write_whole
from mots.formats import places
from mots.labels import FrameLabels
from mots.optional import optional_import
from mots.pipeline.pipeline import Pipeline
from mots.settings import Settings, changed, settings_toml, value_at

__all__ = ["RANGES", "Range", "Search", "parse_range", "tune", "with_numbers"]


JOURNAL = "trials.journal"
NOTE = "search.json"  # what is searched


@dataclass(frozen=True)
class Range:
    """The values that a setting may take."""

    low: float
    high: float


Pair = tuple[str, Path, places.Place]
SHOWN = ("HOTA", "AssA", "DetA", "sMOTSA", "sMOTA", "IDF1")  # the scores in trials.csv, where a benchmark has them
# The settings that are searched by default.
RANGES: dict[str, Range] = {
    "tracker.lifecycle.new_score": Range(0.3, 0.8),
    "tracker.lifecycle.confirm_score": Range(0.2, 0.6),
    "tracker.lifecycle.sure_score": Range(0.4, 1.0),
    "tracker.lifecycle.report_score": Range(0.0, 0.5),
    "tracker.lifecycle.memory": Range(0.5, 5.0),
    "tracker.motion.acceleration_noise": Range(1.0, 8.0),
    "tracker.duplicate_iou": Range(0.5, 0.9),
    "tracker.stages.recent.limit": Range(0.6, 0.95),
    "tracker.stages.recent.min_score": Range(0.05, 0.5),
    "tracker.stages.recent.score_weight": Range(0.0, 0.5),
    "tracker.stages.low score.limit": Range(0.3, 0.8),
    "tracker.stages.lost.limit": Range(0.4, 0.95),
}


def parse_range(text: str) -> tuple[str, Range]:
    """The name of a setting and its range from `name=low:high`. Raises InputError for anything else."""
    name, equals, values = text.partition("=")
    low, colon, high = values.partition(":")
    try:
        limits = Range(float(low), float(high))
    except ValueError:
        limits = Range(0.0, 0.0)
    if not equals or not colon or not -math.inf < limits.low < limits.high < math.inf:
        raise InputError(f"range '{text}': wanted NAME=LOW:HIGH, as in tracker.lifecycle.memory=1:4")
    return name.strip(), limits


def with_numbers(settings: Settings, values: Mapping[str, float]) -> Settings:
    """Settings with numbers set by name; whole-number settings are rounded. Raises InputError for other settings."""
    numbers: dict[str, int | float] = {}
    for name, value in values.items():
        now = value_at(settings, name)
        if isinstance(now, bool) or not isinstance(now, (int, float)):
            raise InputError(f"setting '{name}' is no number: it cannot be searched")
        numbers[name] = round(value) if isinstance(now, int) else float(value)
    return changed(settings, numbers)


@dataclass(frozen=True)
class Search:
    """What is searched and how: everything that a worker process needs."""

    detections: Path  # a file, or a folder of <sequence>.npz or .txt
    truth: Path
    output: Path  # a folder
    settings: Settings
    ranges: Mapping[str, Range]  # names of settings and their ranges
    benchmark: str = "kitti-mots"
    metric: str = "HOTA"  # averaged over the classes
    trials: int = 50  # in all, those of earlier runs included
    jobs: int = 1
    seed: int = 0


def tune(search: Search) -> tuple[Settings, float]:
    """Run the trials that are missing; the best settings and their metric.

    Writes best.toml, trials.csv and the journal to the output folder. Raises InputError for missing files and unknown
    names, MissingDependency where Optuna is not installed, MotsError where the output cannot be written.
    """
    import_optuna()
    with_numbers(search.settings, {name: each.low for name, each in search.ranges.items()})  # checks the names
    pairs = sequences(search)
    if search.metric not in numbers_of(search, pairs[:1], search.settings, just_names=True):
        raise InputError(f"unknown metric '{search.metric}': wanted a name of the scores' JSON, such as HOTA or sMOTSA")
    try:
        search.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(search.output, error) from error
    check_same_search(search, pairs)
    mend_journal(search.output / JOURNAL)
    create_study(search)
    if search.jobs > 1:
        context = multiprocessing.get_context("spawn")
        workers = [context.Process(target=work, args=(search, number)) for number in range(search.jobs)]
        for each in workers:
            each.start()
        try:
            for each in workers:
                each.join()
        finally:
            for each in workers:
                each.terminate()
        if any(each.exitcode for each in workers):
            raise MotsError("a worker of the search failed: its message stands above; run the search again to continue")
    else:
        work(search, 0)
    study = create_study(search)
    best = with_numbers(search.settings, study.best_params)
    try:
        write_whole(search.output / "trials.csv", trials_csv(study, search).encode())
        write_whole(search.output / "best.toml", settings_toml(best).encode())
    except OSError as error:
        raise cannot_write(search.output, error) from error
    return best, float(study.best_value)


def check_same_search(search: Search, pairs: Sequence[Pair]) -> None:
    """Note what is searched in the output folder. Raises InputError where another search was begun there: their trials
    cannot be compared. MotsError where the note cannot be written, and for detections that cannot be read."""
    digest = hashlib.sha256()
    for name, file, place in pairs:
        digest.update(name.encode("utf-8"))
        for _ in saved_detections.read(file):  # better told now than by each trial
            pass
        digest.update(file.read_bytes())
        digest.update(str(place).encode("utf-8") if place.path.is_dir() else places.content_of(place))
    ranges = {name: [each.low, each.high] for name, each in search.ranges.items()}
    own = {
        "benchmark": search.benchmark,
        "metric": search.metric,
        "detections and truth": digest.hexdigest(),
        "ranges": ranges,
        "settings": settings_toml(search.settings),
    }
    note = search.output / NOTE
    for name in ("best.toml", "trials.csv"):
        if (search.output / name).exists() and not note.is_file() and not (search.output / JOURNAL).is_file():
            raise InputError(
                f"{search.output / name} exists, and no search has made it: choose another folder",
                parameters=("output",),
            )
    try:
        before = json.loads(note.read_bytes()) if note.is_file() else own
        if not isinstance(before, dict):
            raise ValueError
    except ValueError:
        before = {}
    other = [name for name in own if before.get(name) != own[name]]
    if other:
        raise InputError(
            f"{search.output}: holds another search, of other {' and '.join(other)}: choose another folder",
            parameters=("output",),
        )
    try:
        write_whole(note, json.dumps(own, indent=1).encode("utf-8"))
    except OSError as error:
        raise cannot_write(search.output, error) from error


def import_optuna() -> Any:
    """Optuna, without its own log."""
    optuna = optional_import("optuna", "tuning", extra="tune")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def mend_journal(path: Path) -> None:
    """Cut a journal back to its last whole line: a power cut tears the one that is being written.

    Raises MotsError where that cannot be done.
    """
    try:
        content = path.read_bytes() if path.exists() else b""
        good = 0
        for line in content.splitlines(keepends=True):
            if not line.endswith(b"\n") or not is_json(line):
                break
            good += len(line)
        if good < len(content):
            lost = content[good:].count(b"\n") + (not content.endswith(b"\n"))
            message = f"{path}: cut back to its last whole line: {lost} of {len(content.splitlines())} lines are lost"
            warnings.warn(MotsWarning(message), stacklevel=2)
            write_whole(path, content[:good])
    except OSError as error:
        raise cannot_write(path, error) from error


def is_json(line: bytes) -> bool:
    """Whether a line is JSON."""
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def create_study(search: Search, number: int = 0) -> Any:
    """The study in the output folder's journal; created where there is none."""
    optuna = import_optuna()
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    journal = JournalStorage(JournalFileBackend(str(search.output / JOURNAL)))
    sampler = optuna.samplers.TPESampler(seed=search.seed + number)
    study = optuna.create_study(
        study_name=search.metric, storage=journal, sampler=sampler, direction="maximize", load_if_exists=True
    )
    if not study.trials:  # the current settings come first, so that the search cannot end below them
        study.enqueue_trial(
            {
                name: min(max(float(value_at(search.settings, name)), each.low), each.high)
                for name, each in search.ranges.items()
            }
        )
    return study


def work(search: Search, number: int) -> None:
    """Run trials until there are as many as were asked for."""
    optuna = import_optuna()
    pairs = sequences(search)
    study = create_study(search, number)
    finished = (optuna.trial.TrialState.COMPLETE,)

    def objective(trial: Any) -> float:
        values = {name: trial.suggest_float(name, each.low, each.high) for name, each in search.ranges.items()}
        numbers = numbers_of(search, pairs, with_numbers(search.settings, values))
        for name in SHOWN:
            if name in numbers:
                trial.set_user_attr(name, numbers[name])
        return numbers[search.metric]

    if len(study.get_trials(states=finished)) < search.trials:
        study.optimize(objective, callbacks=[optuna.study.MaxTrialsCallback(search.trials, states=finished)])


def sequences(search: Search) -> list[Pair]:
    """Name, detections and truth of each sequence. Raises MotsError where one of the two is missing."""
    files = [search.detections]
    if search.detections.is_dir():
        files = sorted(path for path in search.detections.iterdir() if path.suffix in ENDINGS)
    if not files or not files[0].is_file():
        raise InputError(f"{search.detections}: no saved detections here: wanted <sequence>.npz or .txt")
    stems = [path.stem for path in files]
    if twice := next((path for path in files if stems.count(path.stem) > 1), None):
        raise InputError(f"{search.detections}: holds {twice.stem} twice, as .npz and as .txt: keep one")
    if search.truth.is_file() and len(files) == 1:
        return [(files[0].stem, files[0], places.Place(search.truth))]
    truths = places.sequences(search.truth)
    for path in files:
        if path.stem not in truths:
            raise InputError(f"{search.truth}: no truth of sequence {path.stem}, of which there are detections")
    return [(path.stem, path, truths[path.stem]) for path in files]


def numbers_of(search: Search, pairs: Sequence[Pair], settings: Settings, just_names: bool = False) -> dict[str, float]:
    """The scores of all sequences together, averaged over classes. `just_names`: of empty results, for the names."""
    truth: dict[str, list[FrameLabels]] = {}
    results: dict[str, list[FrameLabels]] = {}
    for name, file, place in pairs:
        truth[name] = list(places.load(place).to_frames())
        results[name] = [] if just_names else tracked(file, settings)
    combined = score(truth, results, benchmark=search.benchmark).to_dict()["combined"]
    numbers: dict[str, float] = combined.get("class average") or next(iter(combined.values()))
    return numbers


def tracked(file: Path, settings: Settings) -> list[FrameLabels]:
    """The results of one sequence's saved detections, as tracking gives them."""
    return [frame.labels for frame in Pipeline(file, settings)]


def trials_csv(study: Any, search: Search) -> str:
    """A line for each finished trial."""
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    shown = {name for trial in study.trials for name in trial.user_attrs}
    scores = [name for name in SHOWN if name in shown]
    writer.writerow(["trial", f"best by {search.metric}", *scores, *search.ranges])
    for trial in study.trials:
        if trial.value is not None:
            row = [trial.user_attrs.get(name, "") for name in scores]
            writer.writerow([trial.number, trial.value, *row, *(trial.params.get(name, "") for name in search.ranges)])
    return output.getvalue()
