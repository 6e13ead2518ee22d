"""The folder of results: `<name>.txt` in MOTS text and `tracks.csv`.

Frames are written as they come, under a temporary name, and the file always ends with a whole frame: if something stops
the run (Ctrl-C, a full disk, a damaged source), closing renames a valid result of all frames before.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from types import TracebackType

from mots.classes import class_name, to_mots
from mots.errors import InputError, MotsError
from mots.files import FrameFile, cannot_write, write_whole
from mots.formats import mots_text
from mots.labels import HasLabels
from mots.pipeline.tracked_frame import TrackedFrame

__all__ = ["ResultFolder", "TrackRow"]


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

    `names`: classes that COCO lacks, id to name. Raises InputError when the results exist and `overwrite` is false,
    MotsError when the folder cannot be written.
    """

    def __init__(
        self, folder: str | Path, name: str, overwrite: bool = False, names: Mapping[int, str] | None = None
    ) -> None:
        self.folder, self.names = Path(folder), dict(names or {})
        self.path = self.folder / f"{name}.txt"
        if self.path.exists() and not overwrite:
            raise InputError(
                f"{self.path} exists: choose another folder or replace it", parameters=("output", "overwrite")
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
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
        confidence = frame.confidence.tolist() if isinstance(frame, TrackedFrame) else [float("nan")] * len(labels)
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
        self.file.close()
        try:
            self._settle_classes()
            write_whole(self.folder / "tracks.csv", self._table().encode("utf-8"))
        except OSError as late:
            if error is None:
                raise cannot_write(self.folder / "tracks.csv", late) from late

    def _settle_classes(self) -> None:
        """Write the file again where a track ended as another class than it began, because its id names the class."""
        ids = {old: track for track, old in self.table.ids.items()}
        first = {track: mots_text.split_id(identity)[0] for identity, track in ids.items()}
        final = {track: row.class_id for track, row in self.tracks.items()}
        if all(to_mots(class_id) == first[track] for track, class_id in final.items() if track in first):
            return
        table = mots_text.IdTable()
        settled = FrameFile(self.path)
        try:
            with self.path.open("rb") as old:
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

    def _table(self) -> str:
        output = io.StringIO()
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow(["id", "class", "first_frame", "last_frame", "frames", "mean_score", "mean_confidence"])
        for track, identity in self.table.ids.items():
            row = self.tracks[track]
            name = class_name(row.class_id, self.names)
            clear = "" if isnan(row.confidence) else f"{row.confidence / row.frames:.4f}"
            means = (f"{row.score / row.frames:.4f}", clear)
            writer.writerow([identity, name, row.first_frame, row.last_frame, row.frames, *means])
        return output.getvalue()
