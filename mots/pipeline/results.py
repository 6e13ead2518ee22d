"""The folder of results: `<name>.txt` in MOTS text and `tracks.csv`.

Frames are written as they come, under a temporary name, and the file always ends with a whole frame: if something stops
the run (Ctrl-C, a full disk, a damaged source), closing renames a valid result of all frames before.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from types import TracebackType
from typing import Any

from mots.classes import class_name, to_mots
from mots.errors import InputError, MotsError, MotsWarning
from mots.files import FrameFile, cannot_write, locked, write_whole
from mots.formats import mots_text
from mots.labels import HasLabels
from mots.names import for_sheet
from mots.storage.run_folder import TRACKS

__all__ = ["ResultFolder", "TrackRow"]

COLUMNS = [
    "id", "class", "first_frame", "last_frame", "frames", "mean_score", "mean_confidence", "mots_id", "sequence",
]  # fmt: skip


@dataclass
class TrackRow:
    """A row of `tracks.csv`; `class_id` is decided by all frames so far."""

    class_id: int
    first_frame: int
    last_frame: int
    frames: int
    score: float  # summed over the frames
    confidence: float  # summed over the frames; nan where frames do not say


class ResultFolder:
    """Writes one run's results. A context manager; leaving it, for whatever reason, finishes the files.

    Where the run failed or was stopped, an older result of the same name stays, and what was tracked has the ending
    `.partial`; before the first frame nothing is left. `names`: classes that COCO lacks, id to name. Raises InputError
    when the results exist and `overwrite` is false, and while another run writes them; MotsError when the folder cannot
    be written.
    """

    def __init__(
        self, folder: str | Path, name: str, overwrite: bool = False, names: Mapping[int, str] | None = None
    ) -> None:
        self.folder, self.name, self.names = Path(folder), name, dict(names or {})
        self.path = self.folder / f"{name}.txt"
        if self.path.exists() and not overwrite:
            raise InputError(
                f"{self.path} exists: choose another folder or replace it", parameters=("output", "overwrite")
            )
        try:
            self.made = made_folders(self.folder)
            self.tracks_table = TracksTable(self.folder / TRACKS)
            self.file = FrameFile(self.path)
        except OSError as error:
            raise cannot_write(self.folder, error, "choose another folder") from error
        self.table = mots_text.IdTable()
        self.tracks: dict[int, TrackRow] = {}
        self.frames = 0

    def write(self, frame: HasLabels) -> None:
        """Add one frame. Raises MotsError when the disk is full; the frames before are kept."""
        labels = frame.labels
        try:
            self.file.append(mots_text.lines(labels, self.table).encode("ascii"))
        except OSError as error:
            raise MotsError(
                f"{self.path}: frame {labels.frame} could not be written ({error.strerror}): make room and run again; "
                "the frames before it are there"
            ) from error
        self.frames += 1
        known = getattr(frame, "confidence", None)
        confidence = [float("nan")] * len(labels) if known is None else known.tolist()
        for identity, class_id, score, clear in zip(
            labels.ids.tolist(), labels.classes.tolist(), labels.scores.tolist(), confidence, strict=True
        ):
            row = self.tracks.setdefault(identity, TrackRow(class_id, labels.frame, labels.frame, 0, 0.0, 0.0))
            row.class_id, row.last_frame = class_id, labels.frame
            row.frames += 1
            row.score += score
            row.confidence += clear

    def __enter__(self) -> ResultFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Rename the files. An error here is only raised where no other one is being raised."""
        if kind is not None and self.frames == 0:
            self.file.discard()
            for folder in reversed(self.made):
                with contextlib.suppress(OSError):  # something else was put there
                    folder.rmdir()
            return
        path = self.file.close(whole=kind is None)
        try:
            self._settle_classes(path)
            if path == self.path:
                self.tracks_table.put(self.name, self._rows())
        except OSError as late:
            if error is None:
                raise cannot_write(self.folder / TRACKS, late) from late
        if path != self.path:
            message = f"{self.path}: the older result is kept; the {self.frames} frames so far are in {path.name}"
            warnings.warn(MotsWarning(message), stacklevel=2)

    def _settle_classes(self, path: Path) -> None:
        """Write the file again where a track ended as another class than it began, because its id names the class."""
        ids = {old: track for track, old in self.table.ids.items()}
        first = {track: mots_text.split_id(identity)[0] for identity, track in ids.items()}
        final = {track: row.class_id for track, row in self.tracks.items()}
        if all(to_mots(class_id) == first[track] for track, class_id in final.items() if track in first):
            return
        table = mots_text.IdTable()
        settled = FrameFile(path)
        try:
            with path.open("rb") as old:
                for line in old:
                    frame, identity, _, rest = line.split(b" ", 3)
                    track = ids[int(identity)]
                    fresh = table.of(track, final[track])
                    settled.append(b"%b %d %d %b" % (frame, fresh, to_mots(final[track]), rest))
        except OSError:
            settled.discard()
            raise
        settled.close()
        self.table = table

    def _rows(self) -> list[list[Any]]:
        """The rows of `tracks.csv`, without the sequence."""
        rows: list[list[Any]] = []
        for track, identity in sorted(self.table.ids.items()):
            row = self.tracks[track]
            name = for_sheet(class_name(row.class_id, self.names))
            clear = "" if isnan(row.confidence) else f"{row.confidence / row.frames:.4f}"
            means = (f"{row.score / row.frames:.4f}", clear)
            rows.append([track, name, row.first_frame, row.last_frame, row.frames, *means, identity])
        return rows


class TracksTable:
    """`tracks.csv` of a folder: a row for each track, of all sequences whose results are there.

    `id`: the track's number, as in videos and in Python. `mots_id`: the whole id of the MOTS text. Raises InputError
    for a file that is another table.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._others("")

    def put(self, sequence: str, rows: list[list[Any]]) -> None:
        """Replace the rows of a sequence. Raises OSError."""
        with open(self.path.with_name(f".{self.path.name}.lock"), "a+b") as lock:
            while not locked(lock):  # another sequence's run is at this very line
                time.sleep(0.01)
            output = io.StringIO()
            writer = csv.writer(output, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows([*self._others(sequence), *([*row, for_sheet(sequence)] for row in rows)])
            write_whole(self.path, output.getvalue().encode("utf-8"))
            with contextlib.suppress(OSError):  # Windows deletes no open file
                os.unlink(lock.name)

    def _others(self, sequence: str) -> list[list[str]]:
        """The rows of all other sequences."""
        if not self.path.exists():
            return []
        try:
            rows = list(csv.reader(io.StringIO(self.path.read_text(encoding="utf-8"))))
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{self.path}: not a table of tracks ({error}): choose another folder") from error
        if not rows or rows[0] != COLUMNS:
            raise InputError(f"{self.path}: a table of other columns than {','.join(COLUMNS)}: choose another folder")
        return [row for row in rows[1:] if row and row[-1] != for_sheet(sequence)]


def made_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it; the ones that were not there before, the outermost first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]
