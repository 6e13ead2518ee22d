"""`mots select`: frames of sources are chosen, and written as a task with the engine's masks, to be corrected."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from mots.errors import InputError
from mots.files import cannot_write, new_folder
from mots.formats.annotations import coco, cvat_images
from mots.formats.label_table import LabelTable, table_of_frames
from mots.labelling.choosing import Choice, choose
from mots.labelling.frame_values import FrameValue, frame_values
from mots.labels import FrameLabels
from mots.names import for_sheet
from mots.pipeline.interrupts import interruptible
from mots.pipeline.parts import detector_of
from mots.pipeline.pipeline import Pipeline
from mots.settings import Settings, load
from mots.video.frame import Source
from mots.video.opening import source_of

__all__ = ["TARGETS", "Selection", "selected_frames", "write_task"]

TARGETS = ("coco", "cvat")
COLUMNS = [
    "rank", "source", "frame", "time_s", "picture", "uncertainty", "scores", "confidence", "disagreement", "blur",
    "objects", "distance", "reason",
]  # fmt: skip
FILES = frozenset({".jpg", ".csv", ".json", ".xml"})  # what lies in such a folder
THUMBNAIL = 320  # longer side, in pixels
QUALITY = 95  # of JPEGs


@dataclass(frozen=True, eq=False)
class Selection:
    """The chosen frames, in the order of choice; their sources by the name that they have there; how many frames there
    were to choose among; names of classes that COCO lacks."""

    choices: list[Choice]
    sources: dict[str, Source]
    candidates: int
    names: dict[int, str]


def selected_frames(
    sources: Sequence[str | Path | int | Source], count: int, settings: Settings | None = None, every: int = 5
) -> Selection:
    """Choose at most `count` frames among every `every`-th one of all sources, which are tracked for it.

    Raises InputError for a live source, which cannot be read again, and where there are no frames.
    """
    settings = settings or load()
    opened: dict[str, Source] = {}
    for each in sources:
        source = source_of(each, settings.frame_rate or None, settings.source)
        if source.live:
            raise InputError(f"{source.name}: a live source cannot be read again: record it first")
        name = source.name
        while name in opened:
            name += "_"
        opened[name] = source
    # What moves before one camera tells nothing of another one; a network is the same for all.
    detector = None if settings.detector.kind == "background" else detector_of(settings)
    values: list[FrameValue] = []
    names: dict[int, str] = {}
    for name, source in opened.items():
        pipeline = Pipeline(source, settings, detector=detector)
        names |= pipeline.names
        values += interruptible(frame_values(pipeline, name, every))
    chosen = choose(values, count, names=names)
    if not chosen:
        raise InputError("no frames to choose from")
    return Selection(chosen, opened, len(values), names)


def write_task(output: Path, selection: Selection, to: str = "coco") -> Path:
    """Write the chosen frames to a folder, which appears whole; the file of annotations in it.

    `<source>/<frame>.jpg` are the pictures and `thumbnails/...` small ones with the masks; `selected.csv` has a row for
    each, in the order of choice. `to`: coco (`annotations.json`, which CVAT imports as COCO 1.0) or cvat
    (`annotations.xml`, CVAT for images 1.1). Raises InputError where a source lacks a frame, MotsError where the folder
    cannot be written.
    """
    if to not in TARGETS:
        raise InputError(f"unknown target '{to}': there are {', '.join(TARGETS)}")
    tables: dict[str, LabelTable] = {}
    file = output / ("annotations.json" if to == "coco" else "annotations.xml")
    try:
        with new_folder(output, FILES, "selected.csv") as part:
            for name, source in selection.sources.items():
                own = {choice.value.frame: choice for choice in selection.choices if choice.value.source == name}
                if not own:
                    continue
                write_pictures(part, name, source, own)
                numbers = sorted(own)
                table = table_of_frames([own[number].value.labels for number in numbers], name)
                tables[name] = replace(table, listed=np.array(numbers, np.int64))
            (part / "selected.csv").write_text(table_text(selection.choices), encoding="utf-8")
            dumps = coco.dumps if to == "coco" else cvat_images.dumps
            (part / file.name).write_text(dumps(tables, selection.names), encoding="utf-8")
    except OSError as error:
        raise cannot_write(output, error) from error
    return file


def write_pictures(part: Path, name: str, source: Source, own: Mapping[int, Choice]) -> None:
    """Write the pictures of one source and their thumbnails."""
    pictures, thumbnails = part / name, part / "thumbnails" / name
    pictures.mkdir(parents=True)
    thumbnails.mkdir(parents=True)
    left = set(own)
    for frame in source:
        if frame.number in left:
            left.discard(frame.number)
            Image.fromarray(frame.image).save(pictures / f"{frame.number:06d}.jpg", quality=QUALITY, subsampling=0)
            drawn = Image.fromarray(drawn_on(frame.image, own[frame.number].value.labels))
            drawn.thumbnail((THUMBNAIL, THUMBNAIL))
            drawn.save(thumbnails / f"{frame.number:06d}.jpg", quality=QUALITY)
        if not left:
            return
    raise InputError(f"{name}: frame {min(left)} is not there when the source is read again")


def drawn_on(image: np.ndarray, labels: FrameLabels) -> np.ndarray:
    """The image with the masks of its objects in colour."""
    from mots.rendering.palette import colour_of

    drawn = image.copy()
    for k, identity in enumerate(labels.ids.tolist()):
        x1, y1, x2, y2 = labels.masks.boxes[k].tolist()
        region = drawn[y1:y2, x1:x2]
        crop = labels.masks.crop(k)
        region[crop] = (0.5 * region[crop] + 0.5 * np.array(colour_of(identity))).astype(np.uint8)
    return drawn


def table_text(choices: Sequence[Choice]) -> str:
    """The table of the chosen frames as CSV."""
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(COLUMNS)
    for rank, choice in enumerate(choices, start=1):
        value = choice.value
        shares = (choice.uncertainty, value.scores, value.confidence, value.disagreement, value.blur)
        writer.writerow(
            [
                rank,
                for_sheet(value.source),
                value.frame,
                f"{value.time:.3f}",
                for_sheet(f"{value.source}/{value.frame:06d}.jpg"),
                *(f"{share:.4f}" for share in shares),
                sum(value.objects.values()),
                f"{choice.distance:.4f}",
                choice.reason,
            ]
        )
    return output.getvalue()
