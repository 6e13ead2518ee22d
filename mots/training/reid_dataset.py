"""Truth as a ReID data set: crops of every track, in the layout of MSMT17, which torchreid reads as `msmt17`.

`msmt17/MSMT17_V1/train/<identity>/...jpg` with `list_train.txt`; of the validation sequences, `test/` with
`list_query.txt` and `list_gallery.txt`. A file name holds identity, crop, camera, sequence and frame. The halves of a
track count as two cameras there, so that a query can only be answered by the same object at another time.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mots.benchmarks.layouts import SequenceFiles
from mots.errors import InputError
from mots.files import cannot_write, new_folder
from mots.training.training_frames import TrainingFrame, frames

__all__ = ["write"]

MIN_CROPS = 4  # identities with fewer are left out: there would be no query or no gallery
QUERIES = 2  # of each identity
FILES = frozenset({".jpg", ".txt"})  # what lies in such a folder
QUALITY = 95


@dataclass(frozen=True)
class Crop:
    """One crop of an object, in a file."""

    frame: int
    file: Path


def write(
    output: str | Path,
    splits: Mapping[str, Sequence[SequenceFiles]],
    classes: Sequence[int],
    every: int = 5,
    min_height: int = 32,
    overlap: float = 0.3,
) -> str:
    """Write the data set of `splits` (train and val) to the folder `output`; a sentence of what was written.

    `classes`: ids of `mots.classes` to take. `every`: use every so-many-th frame. A crop is an object's tight box, at
    least `min_height` pixels high, with at most the share `overlap` of it under other objects. The folder appears
    whole. Raises InputError where no identity has enough crops, MotsError where the folder cannot be written.
    """
    output = Path(output)
    identities = crops = 0
    try:
        with new_folder(output, FILES, "msmt17/MSMT17_V1/list_train.txt") as part:
            root = part / "msmt17/MSMT17_V1"
            lists: dict[str, list[str]] = {"train": [], "val": [], "query": [], "gallery": []}
            for split, folder in (("train", "train"), ("val", "test")):
                (root / folder).mkdir(parents=True)
                known = 0
                for camera, sequence in enumerate(splits[split]):
                    seen: dict[int, list[Crop]] = defaultdict(list)
                    for frame in frames(sequence, every):
                        cut(frame, classes, min_height, overlap, root / "new", seen)
                    for identity in sorted(seen):
                        if len(seen[identity]) < MIN_CROPS:
                            continue
                        for kind, line in named(seen[identity], known, camera, sequence.name, root / folder, split):
                            lists[kind].append(line)
                            crops += 1
                        known += 1
                identities += known
                if known == 0:
                    raise InputError(
                        f"no identity of {split} has {MIN_CROPS} crops: use more frames or smaller crops",
                        parameters=("every", "height"),
                    )
            shutil.rmtree(root / "new")
            for kind, rows in lists.items():
                (root / f"list_{kind}.txt").write_text("".join(rows))
    except OSError as error:
        raise cannot_write(output, error) from error
    return f"{identities} identities, {crops} crops -> {output}"


def cut(
    frame: TrainingFrame,
    classes: Sequence[int],
    min_height: int,
    overlap: float,
    folder: Path,
    seen: dict[int, list[Crop]],
) -> None:
    """Write the crops of one frame's objects that are large and visible enough."""
    truth = frame.truth
    folder.mkdir(exist_ok=True)
    owner = np.full(truth.size, -1, np.int32)
    for i, (x1, y1, x2, y2) in enumerate(truth.masks.boxes.tolist()):
        owner[y1:y2, x1:x2][truth.masks.crop(i)] = i
    for i in np.flatnonzero(np.isin(truth.classes, classes)).tolist():
        x1, y1, x2, y2 = truth.masks.boxes[i].tolist()
        part = owner[y1:y2, x1:x2]
        if y2 - y1 < min_height or np.mean((part >= 0) & (part != i)) > overlap:
            continue
        identity = int(truth.ids[i])
        file = folder / f"{identity}_{truth.frame:06d}.jpg"
        Image.fromarray(frame.image[y1:y2, x1:x2]).save(file, quality=QUALITY, subsampling=0)
        seen[identity].append(Crop(truth.frame, file))


def named(
    crops: list[Crop], identity: int, sequence: int, name: str, folder: Path, split: str
) -> list[tuple[str, str]]:
    """Rename an identity's crops; the list of each, and its line there."""
    lines = []
    middle = len(crops) // 2
    for k, crop in enumerate(crops):
        camera = sequence + 1 if split == "train" else 2 * sequence + 1 + (k >= middle)
        file = f"{identity:05d}/{identity:05d}_{k:04d}_{camera:03d}_{name.replace('_', '-')}_{crop.frame:06d}.jpg"
        if split == "train":
            kind = "train"
        elif k >= middle:
            kind = "gallery"
        elif k in np.linspace(0, middle - 1, QUERIES).astype(int):
            kind = "query"
        else:
            continue
        (folder / file).parent.mkdir(exist_ok=True)
        os.replace(crop.file, folder / file)
        lines.append((kind, f"{file} {identity}\n"))
    return lines
