"""From one format of labels to another, and what the target cannot hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.classes import STEP_THINGS, class_name, to_mots
from mots.encodings import rle
from mots.encodings.runs import Runs, common_pixels
from mots.errors import FormatError, InputError
from mots.files import cannot_write, write_whole
from mots.formats import coco, kitti_step, mot_boxes, mots_png, mots_text, parquet, places, scalabel, youtube_vis
from mots.formats.label_table import IGNORE_ID, LabelRow, LabelTable, table_of_rows
from mots.labels import FrameLabels

__all__ = ["READABLE", "WRITABLE", "convert", "read", "read_results", "write"]

READABLE = ("mots-text", "mots-png", "kitti-step", "coco", "youtube-vis", "parquet", "scalabel")
WRITABLE = ("mots-text", "mots-png", "kitti-step", "coco", "youtube-vis", "parquet", "mot-boxes")
THINGS_OF_STEP = {step: class_id for class_id, step in STEP_THINGS.items()}
Sequences = dict[str, LabelTable]


def convert(source: str | Path, target: str | Path, to: str, origin: str | None = None) -> list[str]:
    """Read `source` and write `target` in the format `to`; what the target cannot hold, a sentence each.

    `origin`: the format of the source; recognised without it. Raises InputError for an unknown format and a missing
    source, FormatError for one that cannot be read, MotsError for a target that cannot be written.
    """
    source = Path(source)
    if to not in WRITABLE:
        raise InputError(f"unknown format '{to}': there are {', '.join(WRITABLE)}")
    return write(Path(target), read(source, origin), to)


def read_results(path: str | Path, sequence: str | None = None, frame_rate: float = 30.0) -> list[FrameLabels]:
    """The frames of one sequence of labels in any readable format, in order; ids are the file's own.

    `sequence`: which one, where `path` holds several. Times are frame / frame_rate. Raises InputError where the choice
    is not clear or nothing is there, FormatError for a file that cannot be read.
    """
    sequences = read(Path(path))
    if sequence is None and len(sequences) == 1:
        (sequence,) = sequences
    if sequence not in sequences:
        names = ", ".join(sorted(sequences)) or "none"
        raise InputError(f"{path}: name one sequence: there are {names}", parameters=("sequence",))
    return list(sequences[sequence].to_frames(frame_rate))


def recognised(source: Path) -> str:
    """The format of a file or folder, by its name and content."""
    if not source.exists():
        raise InputError(f"{source}: no such file or folder")
    if source.suffix == ".parquet":
        return "parquet"
    if source.suffix == ".json":
        with source.open("rb") as file:
            content = file.read()
        if re.search(rb'"videos"\s*:', content):
            return "youtube-vis"
        return "scalabel" if re.search(rb'"videoName"\s*:', content) else "coco"
    if source.is_dir() and (picture := next(source.glob("*/*.png"), None)) is not None:
        from mots.video.images import open_image

        return "kitti-step" if open_image(picture).mode == "RGB" else "mots-png"
    return "mots-text"


def read(source: str | Path, kind: str | None = None) -> Sequences:
    """The sequences of a source, by name; the format `kind` is recognised where it is not given."""
    source = Path(source)
    if kind is None:
        kind = recognised(source)
    if kind == "mot-boxes":
        raise InputError("mot-boxes hold no masks: they cannot be converted")
    if kind not in READABLE:
        raise InputError(f"unknown format '{kind}': there are {', '.join(READABLE)}")
    readers = {"coco": coco.read, "youtube-vis": youtube_vis.read, "parquet": parquet.read, "scalabel": scalabel.read}
    if kind in readers:
        return readers[kind](source)
    if kind == "kitti-step":
        return {name: table_of_step(folder) for name, folder in kitti_step.sequences(source).items()}
    if source.is_file() and source.suffix == ".txt":
        return {source.stem: places.load(places.Place(source))}
    by_name = places.sequences(source)
    if not by_name:
        raise FormatError(f"{source}: nothing here in the format {kind}")
    return {name: places.load(place) for name, place in by_name.items()}


def write(target: str | Path, sequences: Sequences, kind: str) -> list[str]:
    """Write sequences in a format; what it cannot hold, a sentence each. Each file appears whole."""
    target = Path(target)
    lost: list[str] = []
    try:
        if kind in ("coco", "youtube-vis", "parquet"):
            target.parent.mkdir(parents=True, exist_ok=True)
            if kind == "parquet":
                content = parquet.dumps(sequences)
            elif kind == "coco":
                content = coco.dumps(sequences).encode("utf-8")
            else:
                first = min((int(each.frames.min(initial=1)) for each in sequences.values()), default=0)
                content = youtube_vis.dumps(sequences, min(first, 1)).encode("utf-8")
            write_whole(target, content)
            return [f"{name}: no objects, so the sequence is not there" for name, t in sequences.items() if not len(t)]
        target.mkdir(parents=True, exist_ok=True)
        for name, table in sequences.items():
            if kind == "mots-text":
                write_whole(target / f"{name}.txt", mots_text.dumps(table))
            elif kind == "mot-boxes":
                write_whole(target / f"{name}.txt", mot_boxes.dumps(table))
                lost += [f"{name}: {each}" for each in mot_boxes.not_held(table)]
            else:
                lost += write_pictures(target / name, name, table, kind)
    except OSError as error:
        raise cannot_write(target, error) from error
    if kind == "mot-boxes":
        lost.append("masks: boxes only")
    return lost


def table_of_step(folder: Path) -> LabelTable:
    """The things of KITTI-STEP's pictures; crowds are ignore regions."""
    parts: list[tuple[int, NDArray[np.int64], Runs]] = []
    for frame, path in kitti_step.frames(folder).items():
        codes = kitti_step.read(path).astype(np.int64)
        semantic, instance = codes >> 16, codes & 0xFFFF
        ids = np.zeros(codes.shape, np.int64)
        for step, class_id in THINGS_OF_STEP.items():
            own = semantic == step
            if own.any():
                numbers = np.unique(instance[own])
                mots = to_mots(class_id)
                names = [mots_text.join_id(mots, k) if k else IGNORE_ID for k in numbers.tolist()]
                ids[own] = np.array(names, np.int64)[np.searchsorted(numbers, instance[own])]
        parts.append((frame, *mots_png.runs_of_ids(ids)))
    size = parts[0][2].size if parts else (0, 0)
    rows: list[LabelRow] = []
    for frame, own, runs in parts:
        numbers = np.array([mots_text.split_id(identity)[0] for identity in own.tolist()], np.int64)
        classes = mots_text.engine_classes(numbers)
        for identity, class_id, text in zip(own.tolist(), classes.tolist(), rle.encode(runs), strict=True):
            rows.append((frame, identity, class_id, text, size))
    return table_of_rows(rows, str(folder))


def write_pictures(folder: Path, name: str, table: LabelTable, kind: str) -> list[str]:
    """A sequence as PNGs, from frame 0 or 1 to the last one that has objects; what they cannot hold."""
    lost: list[str] = []
    if kind == "mots-png":
        fits = table.ids < 1 << 16
        codes = table.ids
        if not fits.all():
            lost.append(f"{name}: {np.unique(table.ids[~fits]).size} ids beyond 65535")
    else:
        instances = np.array([mots_text.split_id(identity)[1] for identity in table.ids.tolist()], np.int64)
        fits = np.isin(table.classes, list(STEP_THINGS)) & (instances < 1 << 16)
        codes = np.array([STEP_THINGS.get(c, 0) << 16 for c in table.classes.tolist()], np.int64) + instances
        if not fits.all():
            others = sorted({class_name(int(c)) for c in table.classes[~fits]})
            lost.append(f"{name}: {int((~fits).sum())} masks of {', '.join(others)}")
    chosen, codes = table.take(fits), codes[fits]
    left, _, pixels = common_pixels(chosen.runs, chosen.frames, chosen.runs, chosen.frames)
    if len(left):
        lost.append(f"{name}: {int(pixels.sum())} pixels that several masks claim; the last one has them")
    folder.mkdir(parents=True, exist_ok=True)
    height, width = table.size
    background = 0 if kind == "mots-png" else 255 << 16
    if len(table) == 0:
        return [*lost, f"{name}: no objects, so no frame size and no pictures"]
    for frame in range(min(int(table.frames.min()), 1), int(table.frames.max()) + 1):
        flat: NDArray[Any] = np.full(height * width, background, np.uint16 if kind == "mots-png" else np.int64)
        for row in np.flatnonzero(chosen.frames == frame).tolist():
            for run in range(int(chosen.runs.bounds[row]), int(chosen.runs.bounds[row + 1])):
                flat[chosen.runs.starts[run] : chosen.runs.stops[run]] = codes[row]
        picture = flat.reshape(width, height).T
        file = folder / f"{frame:06d}.png"
        if kind == "mots-png":
            mots_png.write(file, picture)
        else:
            kitti_step.write(file, picture)
    return lost
