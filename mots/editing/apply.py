"""Edits done on a run's results: a new folder with the corrected text and tables, and the record of the edits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from mots.analytics.tables import FrameTableFile
from mots.classes import class_name, names_to_ids
from mots.editing.edits import Edit, TrackRef, dumps
from mots.errors import InputError
from mots.files import cannot_write, check_target, write_whole
from mots.names import is_text
from mots.pipeline.results import ResultFolder
from mots.rendering.saved_results import SavedFrame, SavedResults
from mots.storage.run_folder import NAMES, folder_of

__all__ = ["RECORD", "edited", "located", "write_edited"]

RECORD = "edits.toml"
NEAR = 1.5  # times a box's larger side: so far from its recorded place a track still counts as the same


def edited(
    results: SavedResults, edits: Sequence[Edit]
) -> tuple[list[SavedFrame], dict[int, str], list[Edit], list[str]]:
    """The frames after all edits, the names of tracks, the edits with the ids and places that they have in these
    results, and a sentence for each. Raises InputError for a track that is not there and for an edit that cannot be
    done; nothing is done then."""
    frames = {number: results.frames[number] for number in sorted(results.frames)}
    names: dict[int, str] = dict(results.names)
    done: list[Edit] = []
    told: list[str] = []
    highest = max((int(frame.labels.ids.max(initial=0)) for frame in frames.values()), default=0)
    for edit in edits:
        refs = tuple(placed(frames, located(frames, ref, edit)) for ref in edit.tracks)
        edit = replace(edit, tracks=refs)
        ids = [ref.id for ref in refs]
        if edit.kind == "join":
            told.append(join(frames, ids[0], ids[1], names))
        elif edit.kind == "split":
            highest += 1
            told.append(split(frames, ids[0], int(edit.value), highest))
        elif edit.kind == "delete":
            count = change(frames, ids[0], None)
            names.pop(ids[0], None)
            told.append(f"track {ids[0]} is deleted ({count} masks)")
        elif edit.kind == "rename":
            names[ids[0]] = checked_name(edit)
            told.append(f"track {ids[0]} is called {edit.value}")
        else:
            told.append(reclass(frames, ids[0], str(edit.value)))
        done.append(edit)
    return list(frames.values()), names, done, told


def checked_name(edit: Edit) -> str:
    """The name of a rename. Raises InputError for one that no file can hold."""
    name = str(edit.value)
    if not name.strip():
        raise InputError(f"rename {edit.tracks[0].id}: the name is empty")
    if not is_text(name):
        raise InputError(f"rename {edit.tracks[0].id}: the name is no text in UTF-8")
    return name


def located(frames: dict[int, SavedFrame], ref: TrackRef, edit: Edit) -> int:
    """The id of a track in these results: by its recorded place, or by its id. Raises InputError."""
    if ref.at is None:
        if not any(ref.id in frame.labels.ids for frame in frames.values()):
            raise InputError(f"{edit}: there is no track {ref.id}")
        return ref.id
    number, x, y = ref.at
    frame = frames.get(number)
    if frame is not None and len(frame.labels):
        boxes = frame.labels.masks.boxes.astype(np.float64)
        distances = np.hypot((boxes[:, 0] + boxes[:, 2]) / 2 - x, (boxes[:, 1] + boxes[:, 3]) / 2 - y)
        k = int(distances.argmin())
        if distances[k] <= NEAR * max(boxes[k, 2] - boxes[k, 0], boxes[k, 3] - boxes[k, 1]) / 2:
            return int(frame.labels.ids[k])
    raise InputError(f"{edit}: there is no track near x {x:g}, y {y:g} in frame {number}, where track {ref.id} was")


def placed(frames: dict[int, SavedFrame], identity: int) -> TrackRef:
    """A track with its place in the middle one of its frames."""
    own = [number for number, frame in frames.items() if identity in frame.labels.ids]
    number = own[len(own) // 2]
    labels = frames[number].labels
    x1, y1, x2, y2 = labels.masks.boxes[int(np.flatnonzero(labels.ids == identity)[0])].tolist()
    return TrackRef(identity, (number, (x1 + x2) / 2, (y1 + y2) / 2))


def change(frames: dict[int, SavedFrame], identity: int, fresh: int | None, first: int | None = None) -> int:
    """Give a track's masks another id, from frame `first` on, or drop them for None; how many there were."""
    count = 0
    for number, frame in frames.items():
        own = frame.labels.ids == identity
        if not own.any() or (first is not None and number < first):
            continue
        count += 1
        if fresh is None:
            rows = np.flatnonzero(~own)
            frames[number] = frame.take(rows)
        else:
            ids = np.where(own, fresh, frame.labels.ids)
            frames[number] = replace(frame, labels=replace(frame.labels, ids=ids))
    return count


def join(frames: dict[int, SavedFrame], kept: int, gone: int, names: dict[int, str]) -> str:
    """Make two tracks one, of the first one's id and class."""
    if kept == gone:
        raise InputError(f"join {kept} {gone}: two different tracks are needed")
    both = [number for number, frame in frames.items() if np.isin([kept, gone], frame.labels.ids).all()]
    if both:
        raise InputError(
            f"join {kept} {gone}: both are seen in {len(both)} frames, as in {both[0]}: split one before, or delete it"
        )
    classes = [int(f.labels.classes[f.labels.ids == kept][0]) for f in frames.values() if kept in f.labels.ids]
    count = change(frames, gone, kept)
    set_class(frames, kept, max(set(classes), key=classes.count))
    if gone in names:
        names.setdefault(kept, names.pop(gone))
    return f"track {gone} is part of track {kept} now ({count} masks)"


def split(frames: dict[int, SavedFrame], identity: int, first: int, fresh: int) -> str:
    """Give a track's masks from a frame on the id `fresh`."""
    own = [number for number, frame in frames.items() if identity in frame.labels.ids]
    if not own[0] < first <= own[-1]:
        raise InputError(
            f"split {identity}@{first}: the track goes from frame {own[0]} to {own[-1]}: wanted one after {own[0]}, "
            f"up to {own[-1]}"
        )
    count = change(frames, identity, fresh, first)
    return f"track {identity} is track {fresh} from frame {first} on ({count} masks)"


def reclass(frames: dict[int, SavedFrame], identity: int, name: str) -> str:
    """Give a track another class."""
    try:
        (class_id,) = names_to_ids(name)
    except ValueError as error:
        reason = str(error) if "unknown class" in str(error) else f"'{name}' is no single class"
        raise InputError(f"class {identity} {name}: {reason}") from error
    count = set_class(frames, identity, class_id)
    return f"track {identity} is a {class_name(class_id)} ({count} masks)"


def set_class(frames: dict[int, SavedFrame], identity: int, class_id: int) -> int:
    """Set the class of all of a track's masks; how many there are."""
    count = 0
    for number, frame in frames.items():
        own = frame.labels.ids == identity
        if own.any():
            classes = np.where(own, class_id, frame.labels.classes)
            frames[number] = replace(frame, labels=replace(frame.labels, classes=classes))
            count += 1
    return count


def write_edited(
    results: str | Path, edits: Sequence[Edit], output: str | Path, *, overwrite: bool = False
) -> list[str]:
    """Do edits on a run's folder or MOTS text and write the new results into `output`; a sentence for each edit.

    `output` holds the text, `tracks.csv`, `frames.csv` where the run has a table, `names.json` where tracks are named,
    and `edits.toml`, which can be replayed on another run. The run itself stays as it is. Raises InputError and
    FormatError, and then nothing is written; MotsError where the folder cannot be written.
    """
    output = Path(output)
    saved = SavedResults(results)
    frames, names, done, told = edited(saved, edits)
    check_target(output, True, [folder_of(saved.path)])
    record = output / RECORD
    check_target(record, overwrite, [])
    with ExitStack() as stack:
        folder = stack.enter_context(ResultFolder(output, saved.sequence, overwrite))
        table = stack.enter_context(FrameTableFile(output, overwrite=overwrite)) if saved.has_table else None
        for frame in frames:
            folder.write(frame)
            if table is not None:
                table.write(frame)
    try:
        write_whole(record, dumps(done).encode("utf-8"))
        if names:
            content = {str(identity): name for identity, name in sorted(names.items())}
            write_whole(output / NAMES, json.dumps(content, indent=1, ensure_ascii=False).encode("utf-8"))
        else:
            (output / NAMES).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(output, error) from error
    return told
