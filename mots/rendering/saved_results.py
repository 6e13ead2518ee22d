"""Results that were written, as they are drawn: with the numbers that people see, names, scores and predicted masks."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.analytics import tables
from mots.classes import IGNORE
from mots.errors import FormatError, InputError
from mots.formats.convert import read
from mots.formats.mots_text import people_numbers
from mots.labels import FrameLabels
from mots.names import printable
from mots.storage.json_file import load

__all__ = ["NAMES", "SavedFrame", "SavedResults", "means_in", "names_in", "text_in"]

NAMES = "names.json"  # of a run's folder: the names that people gave to tracks, by their numbers
TRACKS = "tracks.csv"
TABLES = ("frames.csv", "frames.parquet")


@dataclass(frozen=True, eq=False)
class SavedFrame:
    """One frame of written results: `labels`, whose ids are those that people see, which masks are `predicted`, and the
    `confidence` of each identity, where the run's `tracks.csv` holds it: the track's mean, nan otherwise."""

    labels: FrameLabels
    predicted: NDArray[np.bool_]
    confidence: NDArray[np.float64] | None = None

    def take(self, rows: NDArray[np.int64]) -> SavedFrame:
        """The objects of these rows."""
        confidence = None if self.confidence is None else self.confidence[rows]
        return SavedFrame(self.labels.take(rows), self.predicted[rows], confidence)


class SavedResults:
    """One sequence of results or truth, of a run's folder or of any readable format.

    `frames`: by their numbers. `numbers`: what people see, by the id of the file. `names`: given to single tracks, by
    the ids that people see. `has_table`: whether a run's table is beside it: scores, times and predicted masks come
    from there. Without it a score is the track's mean of `tracks.csv`, or 1. Raises InputError and FormatError for
    what cannot be read.
    """

    def __init__(self, path: str | Path, sequence: str | None = None) -> None:
        self.path = Path(path)
        source = text_in(self.path, sequence) or self.path
        every = read(source)
        if sequence is None and len(every) == 1:
            (sequence,) = every
        if sequence not in every:
            names = ", ".join(map(printable, sorted(every))) or "none"
            raise InputError(f"{path}: name one sequence: there are {names}", parameters=("sequence",))
        table = every[sequence]
        self.sequence, self.size = sequence, table.size
        objects = table.classes != IGNORE
        numbers = people_numbers(table.ids[objects].tolist())
        known, times = self._known()
        self.has_table = bool(times)
        self.numbers = numbers  # what people see, by the id of the file
        scored = means_in(self.path, self.sequence, "mean_score")
        means = means_in(self.path, self.sequence, "mean_confidence")
        self.frames: dict[int, SavedFrame] = {}
        for labels in table.to_frames():
            ids = np.array([numbers[int(identity)] for identity in labels.ids], np.int64)
            scores, predicted = labels.scores.copy(), np.zeros(len(ids), np.bool_)
            for k, identity in enumerate(ids.tolist()):
                otherwise = (scored.get(identity, scores[k]), False)
                scores[k], predicted[k] = known.get((labels.frame, identity), otherwise)
            confidence = np.array([means.get(identity, np.nan) for identity in ids.tolist()], np.float64)
            time = times.get(labels.frame, labels.time)
            labels = replace(labels, time=time, ids=ids, scores=scores)
            self.frames[labels.frame] = SavedFrame(labels, predicted, confidence)
        self.names = names_in(self.path)

    def frame(self, number: int, time: float, size: tuple[int, int]) -> SavedFrame:
        """The frame of a number, with another time; without objects where there is none."""
        found = self.frames.get(number)
        if found is None:
            return SavedFrame(FrameLabels.empty(number, time, size), np.zeros(0, np.bool_))
        return replace(found, labels=replace(found.labels, time=time))

    def take_times(self, times: Mapping[int, float]) -> None:
        """Give frames the times that their source has, where no table beside the results knows them."""
        if not self.has_table:
            for number, frame in self.frames.items():
                if number in times:
                    self.frames[number] = replace(frame, labels=replace(frame.labels, time=times[number]))

    def __iter__(self) -> Iterator[SavedFrame]:
        return iter(self.frames.values())

    def _known(self) -> tuple[dict[tuple[int, int], tuple[float, bool]], dict[int, float]]:
        """The score, and whether it is predicted, of each object in the table, by frame and track; and the frames'
        times in seconds."""
        folder = self.path if self.path.is_dir() else self.path.parent
        file = next((folder / name for name in TABLES if (folder / name).is_file()), None)
        if file is None:
            return {}, {}
        table = tables.read(file)
        keys = zip(table.frame.tolist(), table.track_id.tolist(), strict=True)
        known = dict(zip(keys, zip(table.score.tolist(), table.predicted.tolist(), strict=True), strict=True))
        return known, dict(zip(table.frame.tolist(), table.time_s.tolist(), strict=True))


def text_in(path: Path, sequence: str | None = None) -> Path | None:
    """The MOTS text of a run's folder, of its only sequence or of the one named; None for another path. Raises
    InputError where there are several."""
    if not path.is_dir() or not (path / TRACKS).is_file():
        return None
    if sequence is not None and (path / f"{sequence}.txt").is_file():
        return path / f"{sequence}.txt"
    texts = [each for each in sorted(path.glob("*.txt")) if each.is_file()]
    if len(texts) != 1:
        raise InputError(f"{path}: {len(texts)} text files here: name one of them")
    return texts[0]


def means_in(results: Path, sequence: str, column: str) -> dict[int, float]:
    """`mean_confidence` or `mean_score` of each track of a sequence, in the `tracks.csv` of a run's folder or of the
    folder of a text. Raises FormatError for another table."""
    file = (results if results.is_dir() else results.parent) / TRACKS
    if not file.is_file():
        return {}
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row.get("sequence", sequence) in ("", sequence)]
        return {int(row["id"]): float(row[column]) for row in rows if row.get(column)}
    except (ValueError, KeyError, OSError, csv.Error) as error:
        raise FormatError(f"{file}: not a table of tracks ({error})") from error


def names_in(path: Path) -> dict[int, str]:
    """The names that people gave to tracks of a run's folder or of the folder of a text."""
    file = (path if path.is_dir() else path.parent) / NAMES
    if not file.is_file():
        return {}
    content = load(file)
    if not isinstance(content, Mapping) or not all(
        str(key).isdigit() and isinstance(name, str) for key, name in content.items()
    ):
        raise FormatError(f"{file}: wanted names of tracks by their numbers, as in {json.dumps({'5': 'No. 10'})}")
    return {int(key): name for key, name in content.items()}
