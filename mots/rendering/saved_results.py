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
from mots.storage.run_folder import NAMES, TRACKS, folder_of, tables_in, texts_in

__all__ = ["SavedFrame", "SavedResults", "check_frame_size", "names_in", "text_in"]


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
    from there. Without it a score is the track's mean of `tracks.csv`, or 1. `mean_scores`,
    `mean_confidences`: of tracks, where `tracks.csv` holds them. Raises InputError and FormatError for
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
        self.mean_scores, self.mean_confidences = track_means(self.path, self.sequence)
        self.frames: dict[int, SavedFrame] = {}
        for labels in table.to_frames():
            ids = np.array([numbers[int(identity)] for identity in labels.ids], np.int64)
            scores, predicted = labels.scores.copy(), np.zeros(len(ids), np.bool_)
            for k, identity in enumerate(ids.tolist()):
                otherwise = (self.mean_scores.get(identity, scores[k]), False)
                scores[k], predicted[k] = known.get((labels.frame, identity), otherwise)
            confidence = np.array([self.mean_confidences.get(each, np.nan) for each in ids.tolist()], np.float64)
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
        files = tables_in(folder_of(self.path))
        if not files:
            return {}, {}
        table = tables.read(files[0])
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
    texts = texts_in(path)
    if len(texts) != 1:
        raise InputError(f"{path}: {len(texts)} text files here: name one of them")
    return texts[0]


def check_frame_size(path: Path, own: tuple[int, int], frame: tuple[int, ...]) -> None:
    """Raise FormatError where results have masks of another (height, width) than a frame of that shape."""
    if frame[:2] != own:
        (h, w), (high, wide) = own, frame[:2]
        raise FormatError(f"{path}: masks of {h} x {w} for frames of {high} x {wide} (height x width)")


def track_means(results: Path, sequence: str) -> tuple[dict[int, float], dict[int, float]]:
    """The mean score and the mean confidence of each track of a sequence, in the `tracks.csv` of a run's folder or of
    the folder of a text. Raises FormatError for another table."""
    file = folder_of(results) / TRACKS
    if not file.is_file():
        return {}, {}
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row.get("sequence", sequence) in ("", sequence)]
        scores, confidences = (
            {int(row["id"]): float(row[column]) for row in rows if row.get(column)}
            for column in ("mean_score", "mean_confidence")
        )
        return scores, confidences
    except (ValueError, KeyError, OSError, csv.Error) as error:
        raise FormatError(f"{file}: not a table of tracks ({error})") from error


def names_in(path: Path) -> dict[int, str]:
    """The names that people gave to tracks of a run's folder or of the folder of a text."""
    file = folder_of(path) / NAMES
    if not file.is_file():
        return {}
    content = load(file)
    if not isinstance(content, Mapping) or not all(
        str(key).isdigit() and isinstance(name, str) for key, name in content.items()
    ):
        raise FormatError(f"{file}: wanted names of tracks by their numbers, as in {json.dumps({'5': 'No. 10'})}")
    return {int(key): name for key, name in content.items()}
