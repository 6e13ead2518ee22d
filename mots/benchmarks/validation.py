"""Checking results before they are uploaded, by every rule of the official kits, with all findings.

The rules are TrackEval's and mots_tools', the stricter of the two: six fields with single spaces, whole numbers, a
class of the benchmark, frames of the sequence only, an id once in a frame, one frame size, masks that decode to it and
share no pixel, every sequence of the split, no folder inside an archive.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mots.benchmarks.registry import Benchmark, benchmark_named, split_lengths
from mots.benchmarks.rules import check_disjoint, inside
from mots.classes import to_mots
from mots.errors import FormatError, InputError
from mots.formats import kitti_step, mots_png, mots_text, places
from mots.formats.faults import Fault, Report
from mots.formats.label_table import LabelTable
from mots.formats.places import Place
from mots.storage import archive

__all__ = ["places_of", "validate"]

STEP_CLASSES = frozenset({*range(19), 255})  # Cityscapes' train ids, and void


def validate(results: str | Path, benchmark: str = "kitti-mots", split: str | None = None) -> list[Fault]:
    """All faults of results, sequence by sequence; nothing is changed.

    `results`: a folder or zip archive of `<sequence>.txt`, folders of PNGs, or one text file. `split`: a split of the
    benchmark or a `.seqmap` file; without it missing sequences and frames past the end are not found. Raises InputError
    where there are no results at all.
    """
    results = Path(results)
    bench = benchmark_named(benchmark, of_masks=True)
    lengths = None if split is None else split_lengths(bench, split)
    faults: list[Fault] = []
    if bench.name == "kitti-step":
        check_step(results, lengths, faults.append)
        return faults
    by_name: dict[str, Place] = {}
    for name, place in places_of(results, faults.append).items():
        own = bench.own_name(name)
        if own != name:
            packed = results.suffix == ".zip"  # an archive is uploaded as it is
            message = f"the file's name must be the sequence's: {own}.txt"
            faults.append(Fault("name", str(place), message, refused=packed))
        if own in by_name:
            faults.append(Fault("twice", str(place), f"sequence {own} a second time: {by_name[own]} is it too"))
            continue
        by_name[own] = place
    for name in lengths or ():
        if name not in by_name:
            message = f"sequence {name} is missing: wanted {name}.txt (an empty one is fine)"
            faults.append(Fault("missing", str(results), message))
    with archive.kept_open(results):
        for name, place in by_name.items():
            if lengths is None or name in lengths:
                check(place, bench, (lengths or {}).get(name) or None, faults.append)
    return faults


def places_of(results: Path, report: Report) -> dict[str, Place]:
    """The sequences of results; folders in an archive are reported and read."""
    if results.is_file() and results.suffix == ".txt":
        return {results.stem: Place(results)}
    if results.is_file() and results.suffix == ".zip":
        for member in places.files_in_folders(results):
            message = "lies in a folder of the archive: the text files belong at its root"
            report(Fault("folder", f"{results}/{member}", message))
        by_name = places.sequences(results)
    else:
        by_name = places.sequences(results, results=True)
    if not by_name:
        raise InputError(f"{results}: no results here: wanted <sequence>.txt, or folders <sequence> of PNGs")
    return by_name


def check(place: Place, bench: Benchmark, frames: int | None, report: Report) -> None:
    """Report the faults of one sequence of `frames` frames (None: not known)."""
    if place.path.is_dir():
        table = mots_png.read(place.path, report)
    else:
        content = places.content_of(place)
        check_form(content, str(place), report)
        table = mots_text.parse(content, str(place), report)
    check_labels(table, bench, frames, report)


def check_labels(table: LabelTable, bench: Benchmark, frames: int | None, report: Report) -> None:
    """Report the faults of labels that can be read."""
    known = np.isin(table.classes, list(bench.classes.values()))
    wanted = " and ".join(f"{to_mots(class_id)} ({name})" for name, class_id in bench.classes.items())
    for row in np.flatnonzero(~known).tolist():
        number = to_mots(int(table.classes[row]))
        report(fault_at(table, row, "class", f"class {number}: results of {bench.name} hold {wanted}"))
    if frames is not None:
        first = bench.first_frame
        inside(table, first, first + frames - 1, report)
    for row in np.flatnonzero(table.runs.areas == 0).tolist():
        report(fault_at(table, row, "empty", f"id {table.ids[row]} has no pixels", refused=False))
    check_disjoint(table.take(known), report)


def fault_at(table: LabelTable, row: int, rule: str, message: str, refused: bool = True) -> Fault:
    """A finding about a label."""
    return Fault(
        rule,
        table.origin,
        message,
        int(table.lines[row]),
        int(table.frames[row]),
        (int(table.ids[row]),),
        int(table.runs.areas[row]),
        refused,
    )


MANY_FRAMES = 100_000  # missing pictures are not listed one by one where most of so many would be
TIDY = re.compile(rb"\S+(?: \S+)*")


def check_form(content: bytes, place: str, report: Report) -> None:
    """Report the faults of the lines as text: line ends, blank lines, and what separates the fields."""
    if b"\r" in content:
        first = content[: content.index(b"\r")].count(b"\n") + 1
        report(Fault("line end", place, "carriage returns: lines end in a line feed alone", first, refused=False))
    text = np.frombuffer(content, np.uint8)
    blanks = content.count(b" ") + content.count(b"\n")
    odd = (b"  ", b" \n", b"\n ", b"\n\n")
    if (
        np.count_nonzero(text <= 32) == blanks
        and not any(pair in content for pair in odd)
        and content[:1] not in b" \n"
    ):
        return
    for number, line in enumerate(content.splitlines(), start=1):
        bare = line.strip()
        if not bare:
            report(Fault("blank", place, "a blank line", number))
        elif TIDY.fullmatch(bare) is None:
            report(Fault("spaces", place, "fields are separated by one space each", number))
        elif bare != line:
            report(Fault("edges", place, "spaces before or after the fields", number, refused=False))


def check_step(results: Path, lengths: dict[str, int] | None, report: Report) -> None:
    """Report the faults of folders of KITTI-STEP's PNGs."""
    folders = kitti_step.sequences(results)
    for name in lengths or ():
        if name not in folders:
            report(Fault("missing", str(results), f"sequence {name} is missing: wanted {name}/000000.png"))
    for name, folder in folders.items():
        if lengths is not None and name not in lengths:
            continue
        frames = kitti_step.frames(folder)
        count = (lengths or {}).get(name) or max(frames) + 1
        if count > MANY_FRAMES + 10 * len(frames):
            message = f"frame {max(frames)} among {len(frames)} pictures: wanted frames from 0 on"
            report(Fault("frame", str(folder), message, frame=max(frames)))
            count = 0
        for number in sorted(set(range(count)) - set(frames)):
            report(Fault("missing", str(folder), f"frame {number} is missing: wanted {number:06d}.png", frame=number))
        count = count or max(frames) + 1
        size: tuple[int, ...] | None = None
        for number, path in frames.items():
            if number >= count:
                message = f"frame {number}: the sequence has frames 0 to {count - 1}"
                report(Fault("frame", str(path), message, frame=number))
            try:
                codes = kitti_step.read(path)
            except FormatError as error:
                report(Fault("picture", str(path), str(error).removeprefix(f"{path}: "), frame=number))
                continue
            size = codes.shape if size is None else size
            if codes.shape != size:
                message = f"{codes.shape[0]} x {codes.shape[1]} pixels where the first frame has {size[0]} x {size[1]}"
                report(Fault("size", str(path), message, frame=number))
            semantic, pixels = np.unique(codes >> 16, return_counts=True)
            for class_id, count_of in zip(semantic.tolist(), pixels.tolist(), strict=True):
                if class_id not in STEP_CLASSES:
                    message = f"semantic class {class_id}: there are train ids 0 to 18, and 255 (void)"
                    report(Fault("class", str(path), message, frame=number, pixels=count_of))
