"""Truth as a ReID dataset: crops of every track, in the layout of MSMT17, which torchreid reads as `msmt17`.

`msmt17/MSMT17_V1/train/<identity>/...jpg` with `list_train.txt`; of the sequences to check with, `test/` with
`list_query.txt` and `list_gallery.txt`. A name says identity, crop, camera, sequence and frame. The halves of a track
count as two cameras there, so that a query can only be answered by the same object at another time.
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
from mots.errors import MotsError
from mots.training.training_frames import TrainingFrame, frames

__all__ = ["write"]

LEAST_CROPS = 4  # an identity of fewer teaches nothing
QUERIES = 2  # of each identity
QUALITY = 95


@dataclass(frozen=True)
class Crop:
    """One view of an object: a file that is written already."""

    frame: int
    file: Path


def write(
    output: Path,
    splits: Mapping[str, Sequence[SequenceFiles]],
    classes: Sequence[int],
    every: int = 5,
    least_height: int = 32,
    overlap: float = 0.3,
) -> str:
    """Write the dataset of `splits` (train and val) to the folder `output`; a sentence of what was written.

    `classes`: the ids of ours whose objects are taken. `every`: take each so-many-th frame. A crop is an object's tight
    box, at least `least_height` pixels high, with at most the share `overlap` of it under others' pixels. The folder
    appears whole. Raises MotsError.
    """
    part = output.with_name(f"{output.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    root = part / "msmt17/MSMT17_V1"
    identities = crops = 0
    try:
        lists: dict[str, list[str]] = {"train": [], "val": [], "query": [], "gallery": []}
        for split, folder in (("train", "train"), ("val", "test")):
            (root / folder).mkdir(parents=True)
            known = 0
            for camera, sequence in enumerate(splits[split]):
                seen: dict[int, list[Crop]] = defaultdict(list)
                for frame in frames(sequence, every):
                    cut(frame, classes, least_height, overlap, root / "new", seen)
                for identity in sorted(seen):
                    if len(seen[identity]) < LEAST_CROPS:
                        continue
                    for kind, line in named(seen[identity], known, camera, sequence.name, root / folder, split):
                        lists[kind].append(line)
                        crops += 1
                    known += 1
            identities += known
            if known == 0:
                raise MotsError(f"no identity of {split} has {LEAST_CROPS} crops: choose a smaller --every or --height")
        shutil.rmtree(root / "new")
        for kind, rows in lists.items():
            (root / f"list_{kind}.txt").write_text("".join(rows))
        if output.exists():
            shutil.rmtree(output)
        os.replace(part, output)
    except OSError as error:
        raise MotsError(f"{output}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return f"{identities} identities, {crops} crops -> {output}"


def cut(
    frame: TrainingFrame,
    classes: Sequence[int],
    least_height: int,
    overlap: float,
    folder: Path,
    seen: dict[int, list[Crop]],
) -> None:
    """Write the crops of one frame's objects that are fit to learn from."""
    truth = frame.truth
    folder.mkdir(exist_ok=True)
    owner = np.full(truth.size, -1, np.int32)
    for i, (x1, y1, x2, y2) in enumerate(truth.masks.boxes.tolist()):
        owner[y1:y2, x1:x2][truth.masks.crop(i)] = i
    for i in np.flatnonzero(np.isin(truth.classes, classes)).tolist():
        x1, y1, x2, y2 = truth.masks.boxes[i].tolist()
        part = owner[y1:y2, x1:x2]
        if y2 - y1 < least_height or np.mean((part >= 0) & (part != i)) > overlap:
            continue
        identity = int(truth.ids[i])
        file = folder / f"{identity}_{truth.frame:06d}.jpg"
        Image.fromarray(frame.image[y1:y2, x1:x2]).save(file, quality=QUALITY, subsampling=0)
        seen[identity].append(Crop(truth.frame, file))


def named(
    crops: list[Crop], identity: int, sequence: int, name: str, folder: Path, split: str
) -> list[tuple[str, str]]:
    """Give an identity's crops their names; each one's list, and its line there."""
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
