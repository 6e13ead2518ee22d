"""Search for settings on saved detections: `mots tune`.

Optuna's TPE sampler proposes values for a few knobs, the tracker runs on the detections with them, and the evaluator
scores the results. Trials are kept in a journal, so that a search goes on where it was stopped, and several processes
can share it.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import multiprocessing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mots.detection import saved_detections as saved
from mots.errors import MotsError
from mots.evaluation.scoring import score
from mots.files import write_whole
from mots.formats import mots_text
from mots.formats import places as mots_folder
from mots.labels import FrameLabels, labelled
from mots.settings import Settings, settings_toml
from mots.trackers.tracker import Tracker

__all__ = ["KNOBS", "Range", "Search", "parse_range", "tune", "with_knobs"]


@dataclass(frozen=True)
class Range:
    """The values that a knob may take."""

    low: float
    high: float


# What is searched unless the caller says otherwise. A stage's knob is tracker.stages.<name>.<knob>.
KNOBS: dict[str, Range] = {
    "tracker.lifecycle.new_score": Range(0.3, 0.8),
    "tracker.lifecycle.confirm_score": Range(0.2, 0.6),
    "tracker.lifecycle.sure_score": Range(0.4, 1.0),
    "tracker.lifecycle.report_score": Range(0.0, 0.5),
    "tracker.lifecycle.memory": Range(0.5, 5.0),
    "tracker.motion.acceleration_noise": Range(1.0, 8.0),
    "tracker.double_iou": Range(0.5, 0.9),
    "tracker.stages.confident.limit": Range(0.6, 0.95),
    "tracker.stages.low score.limit": Range(0.3, 0.8),
    "tracker.stages.low score.min_score": Range(0.05, 0.4),
    "tracker.stages.lost.limit": Range(0.4, 0.95),
}


def parse_range(text: str) -> tuple[str, Range]:
    """A knob and its range from `name=low:high`. Raises MotsError for anything else."""
    name, equals, values = text.partition("=")
    low, colon, high = values.partition(":")
    try:
        found = Range(float(low), float(high))
    except ValueError:
        found = Range(0.0, 0.0)
    if not equals or not colon or not found.low < found.high:
        raise MotsError(f"--knob {text}: wanted NAME=LOW:HIGH, as in tracker.lifecycle.memory=1:4")
    return name.strip(), found


def with_knobs(settings: Settings, values: Mapping[str, float]) -> Settings:
    """Settings with knobs (dotted names to values) set. Raises MotsError for a name that is no number's."""
    for name, value in values.items():
        settings = changed(settings, name.split("."), value, name)
    return settings


def changed(part: Any, path: list[str], value: float, name: str) -> Any:
    """A settings dataclass, or a tuple of stages, with the number at a path set."""
    first, rest = path[0], path[1:]
    if isinstance(part, tuple):
        if not rest or all(getattr(each, "name", None) != first for each in part):
            raise MotsError(f"unknown knob '{name}': there is no stage '{first}'")
        return tuple(changed(each, rest, value, name) if each.name == first else each for each in part)
    if not dataclasses.is_dataclass(part) or first not in {field.name for field in dataclasses.fields(part)}:
        raise MotsError(f"unknown knob '{name}'")
    now = getattr(part, first)
    if rest:
        return dataclasses.replace(part, **{first: changed(now, rest, value, name)})  # type: ignore[type-var]
    if isinstance(now, bool) or not isinstance(now, (int, float)):
        raise MotsError(f"knob '{name}' is no number")
    number = round(value) if isinstance(now, int) else float(value)
    return dataclasses.replace(part, **{first: number})  # type: ignore[type-var]


@dataclass(frozen=True)
class Search:
    """What is searched and how: all that a process of its own needs to know."""

    detections: Path  # a file, or a folder of <sequence>.npz or .txt
    truth: Path
    output: Path  # a folder
    settings: Settings
    knobs: Mapping[str, Range]
    benchmark: str = "mots20"
    metric: str = "HOTA"  # averaged over the classes
    trials: int = 50  # in all, those of earlier runs counted
    jobs: int = 1
    seed: int = 0


def tune(search: Search) -> tuple[Settings, float]:
    """Run the trials that are still to do; the best settings and their metric.

    Writes best.toml, trials.csv and the journal to the output folder. Raises MotsError for missing or wrong files, for
    an unknown knob, and where Optuna is not installed.
    """
    import_optuna()
    with_knobs(search.settings, {name: each.low for name, each in search.knobs.items()})  # names are right or refused
    pairs = sequences(search)
    if search.metric not in numbers_of(search, pairs[:1], search.settings, just_names=True):
        raise MotsError(
            f"unknown metric '{search.metric}': wanted one of `mots score --json`'s, such as HOTA or sMOTSA"
        )
    try:
        search.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MotsError(f"{search.output}: cannot be written ({error.strerror})") from error
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
            raise MotsError("a worker of the search failed: what it said stands above; run it again to go on")
    else:
        work(search, 0)
    study = create_study(search)
    write_whole(search.output / "trials.csv", trials_csv(study, search).encode())
    best = with_knobs(search.settings, study.best_params)
    write_whole(search.output / "best.toml", settings_toml(best).encode())
    return best, float(study.best_value)


def import_optuna() -> Any:
    """Optuna, quiet."""
    try:
        import optuna
    except ImportError as error:
        raise MotsError("tuning needs Optuna: pip install 'mots-engine[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def create_study(search: Search, number: int = 0) -> Any:
    """The study in the output folder's journal, made where there is none."""
    optuna = import_optuna()
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    journal = JournalStorage(JournalFileBackend(str(search.output / "trials.journal")))
    sampler = optuna.samplers.TPESampler(seed=search.seed + number)
    study = optuna.create_study(
        study_name=search.metric, storage=journal, sampler=sampler, direction="maximize", load_if_exists=True
    )
    if not study.trials:  # the settings at hand come first: the search can only get better
        study.enqueue_trial(
            {
                name: min(max(value_at(search.settings, name.split(".")), each.low), each.high)
                for name, each in search.knobs.items()
            }
        )
    return study


def value_at(part: Any, path: list[str]) -> float:
    """The number at a path."""
    for name in path:
        part = next(each for each in part if each.name == name) if isinstance(part, tuple) else getattr(part, name)
    return float(part)


def work(search: Search, number: int) -> None:
    """Run trials until all that were asked for are done."""
    optuna = import_optuna()
    pairs = sequences(search)
    study = create_study(search, number)
    finished = (optuna.trial.TrialState.COMPLETE,)

    def objective(trial: Any) -> float:
        values = {name: trial.suggest_float(name, each.low, each.high) for name, each in search.knobs.items()}
        numbers = numbers_of(search, pairs, with_knobs(search.settings, values))
        for name in ("HOTA", "AssA", "DetA", "sMOTSA", "IDF1"):
            trial.set_user_attr(name, numbers[name])
        return numbers[search.metric]

    if len(study.get_trials(states=finished)) < search.trials:
        study.optimize(objective, callbacks=[optuna.study.MaxTrialsCallback(search.trials, states=finished)])


Pair = tuple[str, Path, mots_folder.Place]


def sequences(search: Search) -> list[Pair]:
    """Name, detections and truth of each sequence. Raises MotsError where one of the two is missing."""
    files = [search.detections]
    if search.detections.is_dir():
        files = sorted(path for path in search.detections.iterdir() if path.suffix in saved.ENDINGS)
    if not files or not files[0].is_file():
        raise MotsError(f"{search.detections}: no saved detections here: wanted <sequence>.npz or .txt (`mots detect`)")
    if search.truth.is_file() and len(files) == 1:
        return [(files[0].stem, files[0], mots_folder.Place(search.truth))]
    truths = mots_folder.sequences(search.truth)
    for path in files:
        if path.stem not in truths:
            raise MotsError(f"{search.truth}: no truth of sequence {path.stem}, of which there are detections")
    return [(path.stem, path, truths[path.stem]) for path in files]


def numbers_of(search: Search, pairs: Sequence[Pair], settings: Settings, just_names: bool = False) -> dict[str, float]:
    """The numbers of all sequences together, averaged over classes. `just_names`: of empty results, for their names."""
    truth: dict[str, list[FrameLabels]] = {}
    results: dict[str, list[FrameLabels]] = {}
    for name, file, place in pairs:
        if place.member or place.path.is_dir():
            raise MotsError(f"{place}: the truth must be a text file here")
        truth[name] = list(mots_text.read(place.path))
        results[name] = [] if just_names else tracked(file, settings)
    found = score(truth, results, benchmark=search.benchmark).to_dict()["combined"]
    whole: dict[str, float] = found.get("class average") or next(iter(found.values()))
    return whole


def tracked(file: Path, settings: Settings) -> list[FrameLabels]:
    """The results of one sequence's saved detections."""
    detections = saved.read(file)
    frame_rate = detections.frame_rate or settings.frame_rate
    tracker, results = Tracker(settings.tracker, frame_rate), []
    first: int | None = None
    for each in detections:
        first = each.frame if first is None else first
        time = each.time if np.isfinite(each.time) else (each.frame - first) / frame_rate
        ids = tracker.update(each.detections, time)
        classes = tracker.classes_of(ids[ids > 0])
        results.append(labelled(each.detections, ids, classes, each.frame, time)[0])
    return results


def trials_csv(study: Any, search: Search) -> str:
    """A line for each finished trial."""
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    scores = ("HOTA", "AssA", "DetA", "sMOTSA", "IDF1")
    writer.writerow(["trial", f"best by {search.metric}", *scores, *search.knobs])
    for trial in study.trials:
        if trial.value is not None:
            row = [trial.user_attrs.get(name, "") for name in scores]
            writer.writerow([trial.number, trial.value, *row, *(trial.params.get(name, "") for name in search.knobs)])
    return output.getvalue()
