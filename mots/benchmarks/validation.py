"""Checking results before they are uploaded: every rule of the official kits, all findings, and what can be mended.

The rules (TrackEval's and mots_tools', the stricter of the two): six fields with single spaces, whole numbers, a class
of the benchmark, frames of the sequence only, an id once in a frame, one frame size, masks that decode to it and share
no pixel, every sequence of the split, no folder inside an archive.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mots.benchmarks.registry import Benchmark, benchmark_named, split_lengths
from mots.benchmarks.rules import check_disjoint, inside, kept
from mots.encodings import rle
from mots.encodings.runs import masks_of, runs_of
from mots.errors import MotsError
from mots.files import write_whole
from mots.formats import kitti_step, mots_png, mots_text
from mots.formats import places as mots_folder
from mots.formats.faults import Fault, Report
from mots.formats.mots_text import MotsLines
from mots.formats.places import Place

__all__ = ["fix", "mend", "validate"]

STEP_CLASSES = frozenset({*range(19), 255})  # Cityscapes' train ids, and void


def validate(results: Path, benchmark: str = "kitti-mots", split: str | None = None) -> list[Fault]:
    """Everything that is wrong with results, sequence by sequence; nothing is changed.

    `results`: a folder or zip archive of `<sequence>.txt`, folders of PNGs, or one text file. `split`: a split of the
    benchmark or a `.seqmap` file; without it missing sequences and frames past the end cannot be seen. Raises MotsError
    where there are no results at all.
    """
    bench = benchmark_named(benchmark)
    lengths = None if split is None else split_lengths(bench, split)
    faults: list[Fault] = []
    if bench.name == "kitti-step":
        check_step(results, lengths, faults.append)
        return faults
    places = found_in(results, faults.append)
    for name in lengths or ():
        if name not in places:
            message = f"sequence {name} is missing: wanted {name}.txt (an empty one is fine)"
            faults.append(Fault("missing", str(results), message))
    for name, place in places.items():
        if lengths is None or name in lengths:
            check(place, bench, (lengths or {}).get(name), faults.append)
    return faults


def found_in(results: Path, report: Report) -> dict[str, Place]:
    """The sequences of results; folders in an archive are reported and looked into."""
    if results.is_file() and results.suffix == ".txt":
        return {results.stem: Place(results)}
    if results.is_file() and results.suffix == ".zip":
        places = mots_folder.sequences(results)
        for place in places.values():
            if "/" in place.member:
                report(
                    Fault("folder", str(place), "lies in a folder of the archive: the text files belong at its root")
                )
    else:
        places = mots_folder.sequences(results, results=True)
    if not places:
        raise MotsError(f"{results}: no results here: wanted <sequence>.txt, or folders <sequence> of PNGs")
    return places


def check(place: Place, bench: Benchmark, frames: int | None, report: Report) -> None:
    """Report what is wrong with one sequence of `frames` frames (None: not known)."""
    if place.path.is_dir():
        lines = mots_png.read(place.path, report)
    else:
        content = bytes_of(place)
        check_form(content, str(place), report)
        lines = mots_text.parse(content, str(place), report)
    check_lines(lines, bench, frames, report)


def check_lines(lines: MotsLines, bench: Benchmark, frames: int | None, report: Report) -> None:
    """Report what is wrong with lines that can be read."""
    known = np.isin(lines.classes, list(bench.classes.values()))
    wanted = " and ".join(f"{number} ({name})" for name, number in bench.classes.items())
    for row in np.flatnonzero(~known).tolist():
        report(fault_at(lines, row, "class", f"class {lines.classes[row]}: results of {bench.name} hold {wanted}"))
    if frames is not None:
        first = bench.first_frame
        inside(lines, first, first + frames - 1, report)
    for row in np.flatnonzero(lines.runs.areas == 0).tolist():
        report(fault_at(lines, row, "empty", f"id {lines.ids[row]} has no pixels", refused=False))
    check_disjoint(kept(lines, known), report)


def fault_at(lines: MotsLines, row: int, rule: str, message: str, refused: bool = True) -> Fault:
    """A finding about a line."""
    return Fault(
        rule,
        lines.origin,
        message,
        int(lines.numbers[row]),
        int(lines.frames[row]),
        (int(lines.ids[row]),),
        int(lines.runs.areas[row]),
        refused,
    )


TIDY = re.compile(rb"\S+(?: \S+)*")


def check_form(content: bytes, place: str, report: Report) -> None:
    """Report what is wrong with the lines as text: line ends, blank lines, and what separates the fields."""
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
    """Report what is wrong with folders of KITTI-STEP's PNGs."""
    found = kitti_step.sequences(results)
    for name in lengths or ():
        if name not in found:
            report(Fault("missing", str(results), f"sequence {name} is missing: wanted {name}/000000.png"))
    for name, folder in found.items():
        if lengths is not None and name not in lengths:
            continue
        frames = kitti_step.frames(folder)
        count = max(frames) + 1 if lengths is None else lengths[name]
        for number in sorted(set(range(count)) - set(frames)):
            report(Fault("missing", str(folder), f"frame {number} is missing: wanted {number:06d}.png", frame=number))
        size: tuple[int, ...] | None = None
        for number, path in frames.items():
            if number >= count:
                message = f"frame {number}: the sequence has frames 0 to {count - 1}"
                report(Fault("frame", str(path), message, frame=number))
            try:
                codes = kitti_step.read(path)
            except MotsError as error:
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


def bytes_of(place: Place) -> bytes:
    """The content of a text file or of an archive's member. Raises MotsError when it cannot be read."""
    try:
        if place.member:
            with zipfile.ZipFile(place.path) as archive:
                return archive.read(place.member)
        return place.path.read_bytes()
    except (OSError, zipfile.BadZipFile) as error:
        raise MotsError(f"{place}: cannot be read ({error})") from error


# Mending


def fix(results: Path, output: Path, benchmark: str = "kitti-mots", shift: int = 0) -> list[Fault]:
    """Write mended copies of all text files of `results` into the folder `output`; each change, as `mend` lists them.

    Raises MotsError for PNGs, which only a new export can mend, and where the files cannot be written.
    """
    bench = benchmark_named(benchmark)
    if bench.name == "kitti-step":
        raise MotsError("--fix mends text; write KITTI-STEP's PNGs anew")
    changes: list[Fault] = []
    for name, place in found_in(results, lambda fault: None).items():
        if place.path.is_dir():
            raise MotsError(f"{place}: --fix mends text: mots convert writes PNGs as text")
        content = mend(bytes_of(place), str(place), bench, changes.append, shift)
        try:
            output.mkdir(parents=True, exist_ok=True)
            write_whole(output / f"{name}.txt", content)
        except OSError as error:
            raise MotsError(f"{output}: cannot be written ({error.strerror})") from error
    return changes


@dataclass
class Line:
    """A line of the file that is being mended."""

    number: int  # in the file as it was
    text: bytes


def mend(content: bytes, place: str, bench: Benchmark, changed: Callable[[Fault], None], shift: int = 0) -> bytes:
    """A text file's content with all mended that can be mended without inventing anything.

    `shift` is added to every frame number. Line ends, blank lines and spaces are set right; lines that stand there
    twice, without pixels, or of a class that the benchmark does not have, go; pixels that several masks of a frame
    claim stay with the first line (text has no scores). What cannot be mended stays as it is. Each change goes to
    `changed`.
    """

    def tell(
        rule: str, line: Line, message: str, lines: MotsLines | None = None, row: int = 0, pixels: int = 0
    ) -> None:
        frame, ids = (None, ()) if lines is None else (int(lines.frames[row]), (int(lines.ids[row]),))
        changed(Fault(rule, place, message, line.number, frame, ids, pixels, refused=False))

    if b"\r" in content:
        changed(Fault("line end", place, "carriage returns taken out", 1, refused=False))
    rows: list[Line] = []
    seen: set[bytes] = set()
    for number, line in enumerate(content.splitlines(), start=1):
        tidy = Line(number, b" ".join(line.split()))
        if not tidy.text:
            tell("blank", tidy, "a blank line taken out")
            continue
        if tidy.text != line:
            tell("spaces", tidy, "fields set one space apart")
        if tidy.text in seen:
            tell("twice", tidy, "taken out: the same line stands there before")
            continue
        seen.add(tidy.text)
        field, space, rest = tidy.text.partition(b" ")
        if shift and re.fullmatch(rb"-?\d{1,12}", field):
            tidy.text = b"%d" % (int(field) + shift) + space + rest
            tell("frame", tidy, f"frame {field.decode()} is now {int(field) + shift}")
        rows.append(tidy)
    lines = mots_text.parse(b"".join(row.text + b"\n" for row in rows), place, lambda fault: None)
    own = [rows[number - 1] for number in lines.numbers.tolist()]
    gone: set[int] = set()
    known = np.isin(lines.classes, list(bench.classes.values()))
    for row in np.flatnonzero(~known | (lines.runs.areas == 0)).tolist():
        empty = bool(known[row])
        what = (
            f"id {lines.ids[row]} has no pixels" if empty else f"class {lines.classes[row]} is none of {bench.name}'s"
        )
        tell("empty" if empty else "class", own[row], f"taken out: {what}", lines, row)
        gone.add(own[row].number)
    good = np.flatnonzero(known & (lines.runs.areas > 0))
    overlaps: list[Fault] = []
    of_good = MotsLines(
        place, np.arange(len(good)), lines.frames[good], lines.ids[good], lines.classes[good], lines.runs.take(good)
    )
    check_disjoint(of_good, overlaps.append)
    for frame in sorted({fault.frame for fault in overlaps if fault.frame is not None}):
        inside_frame = good[lines.frames[good] == frame]
        masks = masks_of(lines.runs.take(inside_frame))
        disjoint, lost = masks.disjoint(-np.arange(len(inside_frame), dtype=np.float64))
        encoded = rle.encode(runs_of(disjoint))
        for i in np.flatnonzero(lost).tolist():
            row, line = int(inside_frame[i]), own[int(inside_frame[i])]
            if disjoint.boxes[i, 2] == 0:
                tell(
                    "overlap",
                    line,
                    f"taken out: earlier masks have all of id {lines.ids[row]}",
                    lines,
                    row,
                    int(lost[i]),
                )
                gone.add(line.number)
            else:
                line.text = b" ".join([*line.text.split(b" ")[:5], encoded[i]])
                message = f"id {lines.ids[row]} gives {lost[i]} pixels to earlier masks"
                tell("overlap", line, message, lines, row, int(lost[i]))
    return b"".join(row.text + b"\n" for row in rows if row.number not in gone)
