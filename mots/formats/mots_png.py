"""KITTI MOTS and MOTS20 as PNG: 16 bits, one channel, each pixel the id (class * 1000 + instance) or 0."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.classes import MOTS_CAR, MOTS_IGNORE, MOTS_PEDESTRIAN
from mots.encodings.runs import Runs
from mots.errors import FormatError
from mots.files import write_whole
from mots.formats import kitti_step
from mots.formats.faults import Fault, Report, fail
from mots.formats.label_table import LabelTable
from mots.formats.mots_text import engine_classes, split_id

__all__ = ["read", "read_image", "runs_of_ids", "write"]

Z_RLE = 3  # zlib's strategy of run lengths alone: labels need no more, and it takes two thirds of the time


def read(folder: str | Path, report: Report = fail, size: tuple[int, int] | None = None) -> LabelTable:
    """The labels of a folder of `%06d.png`; the place among all masks takes the part of the line number.

    Faults go to `report`: a picture that cannot be read, or of another mode or size.
    """
    folder = Path(folder)
    frames: list[NDArray[np.int64]] = []
    there: list[int] = []
    parts: list[tuple[NDArray[np.int64], Runs]] = []
    for number, path in kitti_step.frames(folder).items():
        try:
            image = read_image(path)
        except FormatError as error:
            report(Fault("picture", str(path), str(error).removeprefix(f"{path}: "), frame=number))
            continue
        size = (image.shape[0], image.shape[1]) if size is None else size
        if image.shape != size:
            message = f"expected a picture of {size[0]} x {size[1]}, found {image.shape[0]} x {image.shape[1]}"
            report(Fault("size", str(path), message, frame=number))
            continue
        ids, runs = runs_of_ids(image)
        numbers = np.array([split_id(identity)[0] for identity in ids.tolist()], np.int64)
        known = (numbers == MOTS_CAR) | (numbers == MOTS_PEDESTRIAN) | (numbers >= MOTS_IGNORE)
        for identity in ids[~known].tolist():
            message = f"id {identity} is of none of the classes 1 (car), 2 (pedestrian), 10 (ignore) or 11 and above"
            report(Fault("class", str(path), message, frame=number, ids=(identity,)))
        ids, runs = ids[known], runs.take(np.flatnonzero(known))
        there.append(number)
        frames.append(np.full(len(ids), number))
        parts.append((ids, runs))
    none = np.zeros(0, np.int64)
    ids = np.concatenate([none, *(part for part, _ in parts)])
    classes = engine_classes(np.array([split_id(identity)[0] for identity in ids.tolist()], np.int64))
    runs = Runs.concatenate(size or (0, 0), [part for _, part in parts])
    places, listed = np.arange(1, len(ids) + 1), np.array(there, np.int64)
    return LabelTable(str(folder), places, np.concatenate([none, *frames]), ids, classes, runs, listed)


def read_image(path: Path) -> NDArray[np.int64]:
    """(H, W) ids. Raises FormatError for a file that is no 16-bit PNG of one channel."""
    from mots.video.images import open_image

    try:
        picture = open_image(path)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read as a PNG ({error})") from error
    if picture.mode not in ("I;16", "I;16B", "I"):
        raise FormatError(f"{path}: expected one channel of 16 bits, found a picture of mode {picture.mode}")
    return np.asarray(picture).astype(np.int64)


def runs_of_ids(image: NDArray[np.int64]) -> tuple[NDArray[np.int64], Runs]:
    """The ids of a picture (H, W), ascending, and their masks' runs."""
    column_by_column = image.T.ravel()
    edges = np.flatnonzero(np.diff(column_by_column)) + 1
    starts = np.concatenate([[0], edges]).astype(np.int32)
    stops = np.concatenate([edges, [column_by_column.size]]).astype(np.int32)
    owner = column_by_column[starts]
    starts, stops, owner = starts[owner > 0], stops[owner > 0], owner[owner > 0]
    order = np.argsort(owner, kind="stable")
    ids, place, counts = np.unique(owner, return_inverse=True, return_counts=True)
    bounds = np.concatenate([[0], counts.cumsum()]).astype(np.int64)
    areas = np.bincount(place, stops - starts, len(ids)).astype(np.int64)
    return ids, Runs((image.shape[0], image.shape[1]), starts[order], stops[order], bounds, areas)


def write(path: Path, ids: NDArray[np.integer]) -> None:
    """Write (H, W) ids, under a temporary name first. Raises ValueError for an id beyond 16 bits."""
    from PIL import Image

    if ids.size and (ids.min() < 0 or ids.max() >= 1 << 16):
        raise ValueError("an id beyond 65535")
    content = io.BytesIO()
    Image.fromarray(ids.astype(np.uint16)).save(content, format="PNG", compress_level=1, compress_type=Z_RLE)
    write_whole(path, content.getvalue())
