"""Sequences as folders of PNGs: MOTS', KITTI-STEP's, and CVAT's and Datumaro's kind of MOTS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.classes import IGNORE, IGNORE_NAME, STEP_THINGS, class_name, to_mots
from mots.encodings import rle
from mots.encodings.runs import Runs
from mots.errors import FormatError
from mots.files import write_whole
from mots.formats import kitti_step, mots_png, mots_text
from mots.formats.annotations.coco import Categories
from mots.formats.faults import Fault, Report, fail
from mots.formats.label_table import IGNORE_ID, LabelRow, LabelTable, dense_frames, table_of_rows
from mots.names import is_junk, safe_name

__all__ = ["cvat_folders", "read_cvat", "read_step", "write"]

THINGS_OF_STEP = {step: class_id for class_id, step in STEP_THINGS.items()}
VOID_CODE = 255 << 16
LABELS, INSTANCES = "labels.txt", "instances"  # of CVAT and Datumaro
MAX_INSTANCES = 1000
MAX_MEGAPIXELS = 160.0  # as for pictures that are read


def read_step(folder: Path) -> LabelTable:
    """The things of KITTI-STEP's pictures; crowds are ignore regions. Raises FormatError."""
    parts: list[tuple[int, NDArray[np.int64], Runs]] = []
    for frame, path in kitti_step.frames(folder).items():
        codes = kitti_step.read(path).astype(np.int64)
        if parts and codes.shape != parts[0][2].size:
            raise FormatError(f"{path}: a picture of {codes.shape} after ones of {parts[0][2].size} (height, width)")
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
    return table_of_rows(rows, str(folder), listed=[frame for frame, _, _ in parts], size=size)


def cvat_folders(source: Path) -> dict[str, Path]:
    """The folders with `labels.txt` and `instances/`, by the name of their sequence: the source, or those in it."""
    found = {}
    for folder in (source, *sorted(entry for entry in source.iterdir() if entry.is_dir() and not is_junk(entry.name))):
        labels = folder / LABELS if (folder / LABELS).is_file() else source / LABELS
        if labels.is_file() and (folder / INSTANCES).is_dir():
            found[folder.name] = folder
    return found


def read_cvat(source: Path, report: Report = fail, own: dict[str, int] | None = None) -> dict[str, LabelTable]:
    """MOTS PNGs as CVAT and Datumaro write them: `labels.txt` names the classes, from 1, and `instances/` holds the
    pictures, class * 1000 + instance. Raises FormatError."""
    tables = {}
    own = {} if own is None else own
    for name, folder in cvat_folders(source).items():
        file = folder / LABELS if (folder / LABELS).is_file() else source / LABELS
        try:
            names = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise FormatError(f"{file}: cannot be read ({error})") from error
        categories = Categories(str(file), report, own)
        classes = [categories.class_of(each) for each in names]
        rows: list[LabelRow] = []
        listed: list[int] = []
        for frame, path in kitti_step.frames(folder / INSTANCES).items():
            ids, runs = mots_png.runs_of_ids(mots_png.read_image(path))
            listed.append(frame)
            for identity, text in zip(ids.tolist(), rle.encode(runs), strict=True):
                number, instance = divmod(identity, MAX_INSTANCES)
                if not 1 <= number <= len(classes):
                    message = f"id {identity}: its class {number} is none of the {len(classes)} of {LABELS}"
                    report(Fault("class", str(path), message, frame=frame, ids=(identity,)))
                    continue
                class_id = classes[number - 1]
                name_of = IGNORE_ID if class_id == IGNORE else mots_text.join_id(to_mots(class_id), max(instance, 1))
                rows.append((frame, name_of, class_id, text, runs.size))
        tables[safe_name(name, str(source))] = table_of_rows(rows, str(folder), report, listed)
    return tables


def write(folder: Path, table: LabelTable, kind: str) -> list[str]:
    """A sequence as PNGs, from frame 0 or 1 to the last one; what they cannot hold. The ids must fit (see
    `fitting`). Raises FormatError for frames that are too large to be read again."""
    folder.mkdir(parents=True, exist_ok=True)
    if table.size == (0, 0) or len(dense_frames(table, 1)) == 0:
        return ["no objects, so no pictures"]
    if table.size[0] * table.size[1] > MAX_MEGAPIXELS * 1e6:
        height, width = table.size
        raise FormatError(f"{table.origin}: frames of {height} x {width}: the limit is {MAX_MEGAPIXELS:g} megapixels")
    codes, pictures = table.ids, folder
    if kind == "kitti-step":
        instances = np.array([mots_text.split_id(identity)[1] for identity in table.ids.tolist()], np.int64)
        codes = np.array([STEP_THINGS[class_id] << 16 for class_id in table.classes.tolist()], np.int64) + instances
    elif kind == "cvat-mots-png":
        pictures = folder / INSTANCES
        pictures.mkdir()
        classes = sorted(set(table.classes.tolist()), key=to_mots)
        names = [IGNORE_NAME if class_id == IGNORE else class_name(class_id) for class_id in classes]
        write_whole(folder / LABELS, "".join(f"{name}\n" for name in names).encode("utf-8"))
        place = {class_id: number for number, class_id in enumerate(classes, start=1)}
        instances = table.ids % MAX_INSTANCES
        codes = np.array([place[class_id] for class_id in table.classes.tolist()], np.int64) * MAX_INSTANCES + instances
        codes = np.where(table.classes == IGNORE, codes + 1, codes)  # an instance of 0 is none
    background, dtype = (VOID_CODE, np.int64) if kind == "kitti-step" else (0, np.uint16)
    height, width = table.size
    order = np.argsort(table.frames, kind="stable")
    frames = table.frames[order]
    for frame in dense_frames(table, 1).tolist():
        flat: NDArray[Any] = np.full(height * width, background, dtype)
        for row in order[np.searchsorted(frames, frame) : np.searchsorted(frames, frame, side="right")].tolist():
            for run in range(int(table.runs.bounds[row]), int(table.runs.bounds[row + 1])):
                flat[table.runs.starts[run] : table.runs.stops[run]] = codes[row]
        picture = flat.reshape(width, height).T
        if kind == "kitti-step":
            kitti_step.write(pictures / f"{frame:06d}.png", picture)
        else:
            mots_png.write(pictures / f"{frame:06d}.png", picture)
    return []
