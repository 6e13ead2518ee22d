"""From one format of labels to another, and what the target cannot hold."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from mots.errors import FormatError, InputError, MotsWarning
from mots.files import cannot_write, check_target, new_folder, write_whole
from mots.formats import kitti_step, mot_boxes, mots_text, parquet, pictures, places
from mots.formats.annotations import coco, cvat_images, cvat_xml, scalabel, ultralytics_text, youtube_vis
from mots.formats.faults import Fault, Report, fail
from mots.formats.fitting import TARGETS, fitted, joined
from mots.formats.label_table import LabelTable, dense_frames, listed_frames
from mots.labels import FrameLabels
from mots.names import is_junk, printable, regular_files, safe_name
from mots.storage import archive

__all__ = ["READABLE", "WRITABLE", "convert", "read", "read_results", "write"]

FILES = ("coco", "youtube-vis", "cvat-xml", "cvat-images", "parquet")  # targets that are one file
READABLE = (
    "mots-text", "mots-png", "cvat-mots-png", "kitti-step", "coco", "youtube-vis", "parquet", "scalabel", "cvat-xml",
    "cvat-images",
    "ultralytics-text",
)  # fmt: skip
WRITABLE = tuple(TARGETS)
ENDINGS = {kind: frozenset({".txt"} if kind in ("mots-text", "mot-boxes") else {".png", ".txt"}) for kind in WRITABLE}
DENSE = ("mots-png", "cvat-mots-png", "kitti-step", "youtube-vis")  # targets that have every frame
TABLE_ENDINGS = {".parquet": "parquet", ".xml": "cvat-xml"}
LISTED = (
    "no mask",
    "twice",
    "category",
    "class",
    "id",
    "crowd",
    "name",
)  # findings in annotations that do not stop a conversion
MOST_TOLD = 20  # findings in the source that are listed one by one
Sequences = dict[str, LabelTable]


def convert(
    source: str | Path | Sequence[str | Path],
    target: str | Path,
    to: str,
    origin: str | None = None,
    *,
    annotations: str | Path | None = None,
    size: tuple[int, int] | None = None,
    overwrite: bool = False,
) -> list[str]:
    """Read `source` and write `target` in the format `to`; what is different there, a sentence each.

    `source`: one, or several whose sequences are joined, as of two tools for two classes: ids are kept apart. `origin`:
    the format of the sources; recognised without it. `annotations`, `size`: see `read`. `overwrite`: replace a target
    that is there. Raises InputError for an
    unknown format and a missing source, FormatError for one that cannot be read, MotsError for a target that cannot be
    written.
    """
    if to not in WRITABLE:
        raise InputError(f"unknown format '{to}': there are {', '.join(WRITABLE)}")
    sources = [source] if isinstance(source, (str, Path)) else list(source)
    if not sources:
        raise InputError("nothing to convert: name a source")
    found: list[Fault] = []

    check_target(Path(target), overwrite, [*map(Path, sources), None if annotations is None else Path(annotations)], ())
    report = listing(found.append)
    own: dict[str, int] = {}  # categories that have no number here, of all sources
    every = [read(each, origin, annotations=annotations, size=size, report=report, own=own) for each in sources]
    names = {number: name for name, number in own.items()}
    told = [f"{fault}" for fault in found[:MOST_TOLD]]
    if len(found) > MOST_TOLD:
        told.append(f"{len(found) - MOST_TOLD} more findings like these")
    if len(every) == 1:
        return told + write(target, every[0], to, names)
    together: Sequences = {}
    for name in dict.fromkeys(name for each in every for name in each):
        together[name], more = joined([each[name] for each in every if name in each])
        told += [f"{name}: {phrase}" for phrase in more]
    return told + write(target, together, to, names)


def read_results(path: str | Path, sequence: str | None = None, frame_rate: float = 30.0) -> list[FrameLabels]:
    """The frames of one sequence of labels in any readable format, in order; ids are the file's own.

    `sequence`: which one, where `path` holds several. Times are frame / frame_rate. Raises InputError where the choice
    is not clear or nothing is there, FormatError for a file that cannot be read. Findings that do not stop a conversion
    either are MotsWarnings.
    """
    sequences = read(Path(path), report=listing(warn))
    if sequence is None and len(sequences) == 1:
        (sequence,) = sequences
    if sequence not in sequences:
        names = ", ".join(sorted(sequences)) or "none"
        raise InputError(f"{path}: name one sequence: there are {names}", parameters=("sequence",))
    return list(sequences[sequence].to_frames(frame_rate))


def listing(tell: Report) -> Report:
    """Faults that do not stop a conversion go to `tell`; others raise FormatError."""

    def report(fault: Fault) -> None:
        if fault.rule in LISTED:
            tell(fault)
        else:
            fail(fault)

    return report


def warn(fault: Fault) -> None:
    """A fault as a MotsWarning."""
    warnings.warn(MotsWarning(str(fault)), stacklevel=2)


def recognised(source: Path) -> str:
    """The format of a file or folder, by its name and content."""
    if not source.exists():
        raise InputError(f"{source}: no such file or folder")
    if source.suffix == ".xml" and source.is_file() and cvat_images.is_one(source):
        return "cvat-images"
    if source.suffix in TABLE_ENDINGS:
        return TABLE_ENDINGS[source.suffix]
    if source.suffix == ".json" and source.is_file():
        content = source.read_bytes()
        if content.lstrip()[:1] == b"[" and re.search(rb'"segmentations"\s*:', content):
            return "youtube-vis"
        if re.search(rb'"videos"\s*:', content) and re.search(rb'"(file_names|segmentations)"\s*:', content):
            return "youtube-vis"
        return "scalabel" if re.search(rb'"videoName"\s*:', content) else "coco"
    if not source.is_dir():
        return "mots-text"
    if pictures.cvat_folders(source):
        return "cvat-mots-png"
    folders = [entry for entry in sorted(source.iterdir()) if entry.is_dir() and not is_junk(entry.name)]
    picture = next((files[0] for entry in folders if (files := regular_files(entry, {".png"}))), None)
    if picture is not None:
        from mots.video.images import open_image

        try:
            return "kitti-step" if open_image(picture).mode == "RGB" else "mots-png"
        except OSError as error:
            raise FormatError(f"{picture}: cannot be read as a PNG ({error})") from error
    return "ultralytics-text" if ultralytics_text.is_one(source) else "mots-text"


def read(
    source: str | Path,
    kind: str | None = None,
    *,
    annotations: str | Path | None = None,
    size: tuple[int, int] | None = None,
    report: Report = fail,
    own: dict[str, int] | None = None,
) -> Sequences:
    """The sequences of a source, by name; the format `kind` is recognised where it is not given.

    `annotations`: for results of YouTube-VIS, the file that has their videos and categories. `size`: (height, width) of
    the frames, for Ultralytics' text, which holds shares of them. `report`: what is done with faults of single
    annotations; the default raises FormatError. `own`: takes the numbers of categories that have none here. Text and
    PNGs are for programs: there each fault raises it.
    """
    source = Path(source)
    if kind is None:
        kind = recognised(source)
    if kind == "mot-boxes":
        raise InputError("mot-boxes hold no masks: they cannot be converted")
    if kind not in READABLE:
        raise InputError(f"unknown format '{kind}': there are {', '.join(READABLE)}")
    if kind == "youtube-vis" and annotations is not None:
        return youtube_vis.read_results(source, annotations, report, own)
    if kind == "youtube-vis" and source.is_file() and source.read_bytes().lstrip()[:1] == b"[":
        raise InputError(
            f"{source}: results without videos and categories: name the file that has them", parameters=("annotations",)
        )
    if kind == "ultralytics-text":
        return ultralytics_text.read(source, size, report)
    readers = {"parquet": parquet.read, "scalabel": scalabel.read}
    if kind in readers:
        return readers[kind](source, report)
    named = {
        "coco": coco.read,
        "youtube-vis": youtube_vis.read,
        "cvat-xml": cvat_xml.read,
        "cvat-images": cvat_images.read,
        "cvat-mots-png": pictures.read_cvat,
    }
    if kind in named:
        return named[kind](source, report, own)
    if kind == "kitti-step":
        return {name: pictures.read_step(folder) for name, folder in kitti_step.sequences(source).items()}
    if source.suffix == ".txt" and not source.is_dir():
        return {source.stem: places.load(places.Place(source))}
    by_name = places.sequences(source)
    if not by_name:
        raise FormatError(f"{source}: nothing here in the format {kind}")
    with archive.kept_open(source):
        return {name: places.load(place) for name, place in by_name.items()}


def write(target: str | Path, sequences: Sequences, kind: str, names: Mapping[int, str] | None = None) -> list[str]:
    """Write sequences in a format; what it cannot hold, a sentence each. A file appears whole, and so does a folder.

    `names`: of classes that have no number here, by the one that they got.
    """
    target = Path(target)
    told: list[str] = []
    fit: Sequences = {}
    for name, table in sequences.items():
        safe_name(name, table.origin)
        fit[name], phrases = fitted(table, TARGETS[kind])
        if kind == "mot-boxes":
            fit[name], more = mot_boxes.from_one(fit[name])
            phrases += more
        listed = listed_frames(fit[name])
        if table.listed is not None and len(fit[name]) and (kind in DENSE or kind == "cvat-xml"):
            there = int(listed.max()) + 1 if kind == "cvat-xml" else len(dense_frames(fit[name], 1))
            added = there - len(listed)
            if added:
                phrases.append(f"{added} frames that the source does not have are empty ones there")
        told += [f"{printable(name)}: {phrase}" for phrase in phrases]
    try:
        if kind in FILES:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, dumps(fit, kind, names or {}))
            empty = [
                name for name, table in fit.items() if not len(table) and (kind == "parquet" or table.listed is None)
            ]
            return told + [f"{name}: no objects, so the sequence is not there" for name in empty]
        with new_folder(target, ENDINGS[kind]) as folder:
            for name, table in fit.items():
                if kind == "mots-text":
                    write_whole(folder / f"{name}.txt", mots_text.dumps(table))
                elif kind == "mot-boxes":
                    write_whole(folder / f"{name}.txt", mot_boxes.dumps(table))
                else:
                    told += [f"{name}: {phrase}" for phrase in pictures.write(folder / name, table, kind)]
    except OSError as error:
        raise cannot_write(target, error) from error
    if kind == "mot-boxes":
        told.append("masks: boxes only")
    return told


def dumps(sequences: Sequences, kind: str, names: Mapping[int, str]) -> bytes:
    """The content of a target that is one file; `names`: of classes that have no number here, by the one they got."""
    if kind == "parquet":
        return parquet.dumps(sequences)
    if kind in ("cvat-xml", "cvat-images"):
        there = {name: table for name, table in sequences.items() if table.size != (0, 0)}
        dump = cvat_xml.dumps if kind == "cvat-xml" else cvat_images.dumps
        return dump(there, names).encode("utf-8")
    if kind == "coco":
        return coco.dumps(sequences, names).encode("utf-8")
    first = min((int(each.frames.min(initial=1)) for each in sequences.values()), default=0)
    there = {name: table for name, table in sequences.items() if table.size != (0, 0)}
    return youtube_vis.dumps(there, min(first, 1), names).encode("utf-8")
