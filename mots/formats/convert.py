"""From one format of masks with identities to another, and what the other one cannot hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.benchmarks.rules import kept
from mots.classes import MOTS_CAR, MOTS_IGNORE, MOTS_PEDESTRIAN
from mots.encodings import rle
from mots.encodings.runs import Runs, common_pixels, tight_boxes
from mots.errors import MotsError
from mots.files import write_whole
from mots.formats import coco as coco_tracks
from mots.formats import kitti_step, mots_png, youtube_vis
from mots.formats import parquet as mask_table
from mots.formats import places as mots_folder
from mots.formats.mots_text import MotsLines, join_id, split_id

__all__ = ["FORMATS", "convert", "read", "write"]

FORMATS = ("mots-text", "mots-png", "kitti-step", "coco", "youtube-vis", "parquet", "mot-boxes")
STEP_OF = {MOTS_CAR: 13, MOTS_PEDESTRIAN: 11}
MOTS_OF = {step: mots for mots, step in STEP_OF.items()}
Sequences = dict[str, MotsLines]


def convert(source: Path, target: Path, to: str, origin: str | None = None) -> list[str]:
    """Read `source` (its format is recognised, or `origin` names it) and write `target`; what the target cannot hold.

    Raises MotsError for an unknown format, a source that cannot be read, and a target that cannot be written.
    """
    for name in (to, *([origin] if origin else [])):
        if name not in FORMATS:
            raise MotsError(f"unknown format '{name}': there are {', '.join(FORMATS)}")
    return write(target, read(source, origin or recognised(source)), to)


def recognised(source: Path) -> str:
    """The format of a file or folder, by what it looks like."""
    if not source.exists():
        raise MotsError(f"{source}: no such file or folder")
    if source.suffix == ".parquet":
        return "parquet"
    if source.suffix == ".json":
        with source.open("rb") as content:
            return "youtube-vis" if re.search(rb'"videos"\s*:', content.read()) else "coco"
    if source.is_dir() and (pictures := next(source.glob("*/*.png"), None)) is not None:
        from mots.video.images import open_image

        return "kitti-step" if open_image(pictures).mode == "RGB" else "mots-png"
    return "mots-text"


def read(source: Path, kind: str) -> Sequences:
    """The sequences of a source, by name."""
    if kind == "coco":
        return coco_tracks.read(source)
    if kind == "youtube-vis":
        return youtube_vis.read(source)
    if kind == "parquet":
        return mask_table.read(source)
    if kind == "kitti-step":
        return {name: of_step(folder) for name, folder in kitti_step.sequences(source).items()}
    if kind == "mot-boxes":
        raise MotsError("mot-boxes hold no masks: nothing can be made of them")
    if source.is_file() and source.suffix == ".txt":
        return {source.stem: mots_folder.load(mots_folder.Place(source))}
    places = mots_folder.sequences(source)
    if not places:
        raise MotsError(f"{source}: nothing here in the format {kind}")
    return {name: mots_folder.load(place) for name, place in places.items()}


def write(target: Path, sequences: Sequences, kind: str) -> list[str]:
    """Write sequences in a format; what it cannot hold, a sentence each. Files appear whole."""
    lost: list[str] = []
    try:
        if kind in ("coco", "youtube-vis", "parquet"):
            target.parent.mkdir(parents=True, exist_ok=True)
            if kind == "parquet":
                content = mask_table.dumps(sequences)
            elif kind == "coco":
                content = coco_tracks.dumps(sequences).encode("utf-8")
            else:
                first = min((int(each.frames.min(initial=1)) for each in sequences.values()), default=0)
                content = youtube_vis.dumps(sequences, min(first, 1)).encode("utf-8")
            write_whole(target, content)
            lost += [f"{name}: no objects, so no trace of it" for name, each in sequences.items() if not len(each)]
            return lost
        target.mkdir(parents=True, exist_ok=True)
        for name, lines in sequences.items():
            if kind == "mots-text":
                write_whole(target / f"{name}.txt", text_of(lines))
            elif kind == "mot-boxes":
                write_whole(target / f"{name}.txt", boxes_of(lines))
            else:
                lost += write_pictures(target / name, name, lines, kind)
    except OSError as error:
        raise MotsError(f"{target}: cannot be written ({error.strerror})") from error
    if kind == "mot-boxes":
        lost.append("masks: boxes only")
    return lost


def text_of(lines: MotsLines) -> bytes:
    """MOTS text."""
    height, width = lines.runs.size
    numbers = zip(lines.frames.tolist(), lines.ids.tolist(), lines.classes.tolist(), strict=True)
    return b"".join(
        b"%d %d %d %d %d %b\n" % (frame, identity, class_id, height, width, text)
        for (frame, identity, class_id), text in zip(numbers, rle.encode(lines.runs), strict=True)
    )


def boxes_of(lines: MotsLines) -> bytes:
    """MOTChallenge's box text: frame, id, x, y, width, height, confidence, class, visibility; x and y count from 1."""
    columns = (lines.frames, lines.ids, lines.classes, tight_boxes(lines.runs))
    return "".join(
        f"{frame},{identity},{x1 + 1},{y1 + 1},{x2 - x1},{y2 - y1},1,{class_id},1\n"
        for frame, identity, class_id, (x1, y1, x2, y2) in zip(*(column.tolist() for column in columns), strict=True)
        if class_id != MOTS_IGNORE
    ).encode("ascii")


def of_step(folder: Path) -> MotsLines:
    """The things of KITTI-STEP's pictures; crowds are ignore regions."""
    parts: list[tuple[int, NDArray[np.int64], Runs]] = []
    for frame, path in kitti_step.frames(folder).items():
        codes = kitti_step.read(path).astype(np.int64)
        semantic, instance = codes >> 16, codes & 0xFFFF
        ids = np.zeros(codes.shape, np.int64)
        for step, mots in MOTS_OF.items():
            own = semantic == step
            # As MOTS numbers them; a crowd has its ignore region's id.
            numbers = np.array([join_id(mots, int(k)) if k else 10_000 for k in np.unique(instance[own])], np.int64)
            if own.any():
                ids[own] = numbers[np.searchsorted(np.unique(instance[own]), instance[own])]
        parts.append((frame, *mots_png.runs_of_ids(ids)))
    size = parts[0][2].size if parts else (0, 0)
    rows = [
        (frame, int(identity), MOTS_IGNORE if identity == 10_000 else split_id(int(identity))[0], text, size)
        for frame, ids, runs in parts
        for identity, text in zip(ids.tolist(), rle.encode(runs), strict=True)
    ]
    return coco_tracks.lines_of_rows(rows, str(folder))


def write_pictures(folder: Path, name: str, lines: MotsLines, kind: str) -> list[str]:
    """A sequence as PNGs, from frame 0 or 1 to the last one that has objects; what they cannot hold."""
    lost: list[str] = []
    if kind == "mots-png":
        fits = lines.ids < 1 << 16
        codes = lines.ids
        if not fits.all():
            lost.append(f"{name}: {np.unique(lines.ids[~fits]).size} ids beyond 65535")
    else:
        instances = np.array([split_id(identity)[1] for identity in lines.ids.tolist()], np.int64)
        fits = np.isin(lines.classes, list(STEP_OF)) & (instances < 1 << 16)
        codes = np.array([STEP_OF.get(c, 0) << 16 for c in lines.classes.tolist()], np.int64) + instances
        if not fits.all():
            others = sorted({coco_tracks.category(int(c)) for c in lines.classes[~fits]})
            lost.append(f"{name}: {int((~fits).sum())} masks of {', '.join(others)}")
    rows = np.flatnonzero(fits)
    chosen, codes = kept(lines, fits), codes[rows]
    left, _, pixels = common_pixels(chosen.runs, chosen.frames, chosen.runs, chosen.frames)
    if len(left):
        lost.append(f"{name}: {int(pixels.sum())} pixels that several masks claim; the last one has them")
    folder.mkdir(parents=True, exist_ok=True)
    height, width = lines.runs.size
    background = 0 if kind == "mots-png" else 255 << 16
    if len(lines) == 0:
        return [*lost, f"{name}: no objects, so no frame size and no pictures"]
    for frame in range(min(int(lines.frames.min()), 1), int(lines.frames.max()) + 1):
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
