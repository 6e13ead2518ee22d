"""Truth as Ultralytics' segmentation data set, to fine-tune a detector on a benchmark's own images.

`images/train`, `images/val`: links to the images. `labels/...`: a line for each object, its class and its polygon in
shares of the frame. `data.yaml` names them. Ultralytics has no ignore regions: an image that has some is written as a
copy in which they are painted in Ultralytics' padding grey, so that they teach nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mots.benchmarks.layouts import SequenceFiles
from mots.classes import class_name
from mots.encodings.polygons import outline
from mots.files import cannot_write, new_folder
from mots.training.training_frames import TrainingFrame, frames
from mots.video.image_files import IMAGE_ENDINGS

__all__ = ["write"]

GREY = 114  # ultralytics' padding
FILES = frozenset({*IMAGE_ENDINGS, ".txt", ".yaml", ".cache"})  # what lies in such a folder
QUALITY = 95  # of the JPEGs that are written where an image cannot be linked


def write(
    output: str | Path,
    splits: Mapping[str, Sequence[SequenceFiles]],
    classes: Sequence[int],
    every: int = 1,
    least: float = 0.0,
) -> str:
    """Write the data set of `splits` (train and val) to the folder `output`; a sentence of what was written.

    `classes`: ids of `mots.classes` to learn, in the order of the data set's own numbers; other objects are painted
    over like ignore regions. `every`: use every so-many-th frame; `least`: those of at least this confidence, where
    `mots annotate` has written one. The folder appears whole. Raises MotsError where it
    cannot be written, and for truth that does not fit the images.
    """
    output = Path(output)
    pictures = objects = painted = 0
    try:
        with new_folder(output, FILES, "data.yaml") as part:
            for split, sequences in splits.items():
                (part / "images" / split).mkdir(parents=True)
                (part / "labels" / split).mkdir(parents=True)
                for sequence in sequences:
                    for frame in frames(sequence, every, least):
                        name = f"{frame.sequence}_{frame.truth.frame:06d}"
                        text = labels(frame, classes)
                        painted += picture(frame, classes, part / "images" / split / name)
                        (part / "labels" / split / f"{name}.txt").write_text(text)
                        pictures, objects = pictures + 1, objects + text.count("\n")
            names = "".join(f"  {number}: {class_name(c)}\n" for number, c in enumerate(classes))
            (part / "data.yaml").write_text(
                f"path: {output.resolve()}\ntrain: images/train\nval: images/val\nnames:\n{names}"
            )
    except OSError as error:
        raise cannot_write(output, error) from error
    return f"{pictures} pictures ({painted} with ignore regions painted over), {objects} objects -> {output}/data.yaml"


def labels(frame: TrainingFrame, classes: Sequence[int]) -> str:
    """The lines of one picture."""
    truth, (height, width) = frame.truth, frame.truth.size
    rows = []
    for i in range(len(truth)):
        points = outline(truth.masks.crop(i), truth.masks.boxes[i, :2])
        if truth.classes[i] in classes and points is not None:
            shares = " ".join(f"{share:.6f}" for share in (points / (width, height)).ravel())
            rows.append(f"{list(classes).index(truth.classes[i])} {shares}\n")
    return "".join(rows)


def picture(frame: TrainingFrame, classes: Sequence[int], target: Path) -> bool:
    """Link an image, or write it with what is to be ignored painted over; whether it was painted."""
    truth = frame.truth
    hidden = [truth.ignore.crop(i) for i in range(len(truth.ignore))]
    boxes = truth.ignore.boxes.tolist()
    for i in np.flatnonzero(~np.isin(truth.classes, classes)).tolist():
        hidden.append(truth.masks.crop(i))
        boxes.append(truth.masks.boxes[i].tolist())
    if not hidden and frame.path is not None:
        linked(frame.path, target.with_name(target.name + frame.path.suffix.lower()))
        return False
    image = frame.image.copy()
    for crop, (x1, y1, x2, y2) in zip(hidden, boxes, strict=True):
        image[y1:y2, x1:x2][crop] = GREY
    Image.fromarray(image).save(target.with_name(target.name + ".jpg"), quality=QUALITY, subsampling=0)
    return bool(hidden)


def linked(source: Path, target: Path) -> None:
    """A link to a file; a copy where the file system has no links."""
    try:
        target.symlink_to(source.resolve())
    except OSError:
        shutil.copyfile(source, target)
