"""Repairing text results without inventing anything."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mots.benchmarks.registry import Benchmark, benchmark_named
from mots.benchmarks.rules import check_disjoint
from mots.benchmarks.validation import places_of
from mots.classes import to_mots
from mots.encodings import rle
from mots.encodings.runs import masks_of, runs_of
from mots.errors import InputError
from mots.files import cannot_write, write_whole
from mots.formats import mots_text, places
from mots.formats.faults import Fault, ignore_fault
from mots.formats.label_table import LabelTable
from mots.storage import archive

__all__ = ["fix", "repaired"]


def fix(
    results: str | Path, output: str | Path, benchmark: str = "kitti-mots", shift: int = 0, *, overwrite: bool = False
) -> list[Fault]:
    """Write repaired copies of all text files of `results` into the folder `output`; each change, see `repaired`.

    The originals are never replaced. `overwrite`: replace other files. Raises InputError for PNGs, which only a new
    export can repair, and for an output that exists, MotsError where the files cannot be written.
    """
    results, output = Path(results), Path(output)
    bench = benchmark_named(benchmark, of_masks=True)
    if bench.name == "kitti-step":
        raise InputError("only text can be repaired: write KITTI-STEP's PNGs again", parameters=("fix",))
    changes: list[Fault] = []
    by_name = places_of(results, ignore_fault)
    for name, place in by_name.items():
        copy = output / f"{name}.txt"
        if copy.exists() and (place.path.samefile(copy) or copy.samefile(results)):
            raise InputError(
                f"{copy} is the original: choose another folder for the repaired copy", parameters=("output",)
            )
        if copy.exists() and not overwrite:
            raise InputError(f"{copy} exists: choose another folder or replace it", parameters=("output", "overwrite"))
    with archive.kept_open(results):
        for name, place in by_name.items():
            if place.path.is_dir():
                raise InputError(
                    f"{place}: only text can be repaired: convert the PNGs to text first", parameters=("fix",)
                )
            content = repaired(places.content_of(place), str(place), bench, changes.append, shift)
            try:
                output.mkdir(parents=True, exist_ok=True)
                write_whole(output / f"{name}.txt", content)
            except OSError as error:
                raise cannot_write(output, error) from error
    return changes


@dataclass
class Line:
    """A line of the file that is being repaired."""

    number: int  # in the file as it was
    text: bytes


def repaired(content: bytes, place: str, bench: Benchmark, changed: Callable[[Fault], None], shift: int = 0) -> bytes:
    """A text file's content with everything repaired that can be repaired without inventing anything.

    `shift` is added to every frame number. Line ends, blank lines and spaces are corrected; lines that occur twice,
    without pixels, or of a class that the benchmark does not have, are removed; pixels that several masks of a frame
    claim stay with the first line (text has no scores). The rest stays as it is. Each change is given to `changed`.
    """

    def tell(
        rule: str, line: Line, message: str, table: LabelTable | None = None, row: int = 0, pixels: int = 0
    ) -> None:
        frame, ids = (None, ()) if table is None else (int(table.frames[row]), (int(table.ids[row]),))
        changed(Fault(rule, place, message, line.number, frame, ids, pixels, refused=False))

    if b"\r" in content:
        changed(Fault("line end", place, "carriage returns removed", 1, refused=False))
    rows: list[Line] = []
    seen: set[bytes] = set()
    for number, line in enumerate(content.splitlines(), start=1):
        tidy = Line(number, b" ".join(line.split()))
        if not tidy.text:
            tell("blank", tidy, "a blank line removed")
            continue
        if tidy.text != line:
            tell("spaces", tidy, "fields separated by one space")
        if tidy.text in seen:
            tell("twice", tidy, "removed: the same line occurs before")
            continue
        seen.add(tidy.text)
        field, space, rest = tidy.text.partition(b" ")
        if shift and re.fullmatch(rb"-?\d{1,12}", field):
            tidy.text = b"%d" % (int(field) + shift) + space + rest
            tell("frame", tidy, f"frame {field.decode()} is now {int(field) + shift}")
        rows.append(tidy)
    table = mots_text.parse(b"".join(row.text + b"\n" for row in rows), place, ignore_fault)
    own = [rows[number - 1] for number in table.lines.tolist()]
    removed: set[int] = set()
    known = np.isin(table.classes, list(bench.classes.values()))
    full = table.runs.areas > 0
    for row in np.flatnonzero(~known | ~full).tolist():
        if known[row]:
            tell("empty", own[row], f"removed: id {table.ids[row]} has no pixels", table, row)
        else:
            number = to_mots(int(table.classes[row]))
            tell("class", own[row], f"removed: class {number} is none of {bench.name}'s", table, row)
        removed.add(own[row].number)
    good = np.flatnonzero(known & full)
    overlaps: list[Fault] = []
    check_disjoint(table.take(good), overlaps.append)
    for frame in sorted({fault.frame for fault in overlaps if fault.frame is not None}):
        in_frame = good[table.frames[good] == frame]
        masks = masks_of(table.runs.take(in_frame))
        disjoint, lost = masks.disjoint(-np.arange(len(in_frame), dtype=np.float64))
        encoded = rle.encode(runs_of(disjoint))
        for i in np.flatnonzero(lost).tolist():
            row, line, pixels = int(in_frame[i]), own[int(in_frame[i])], int(lost[i])
            if disjoint.boxes[i, 2] == 0:
                message = f"removed: earlier masks have all pixels of id {table.ids[row]}"
                tell("overlap", line, message, table, row, pixels)
                removed.add(line.number)
            else:
                line.text = b" ".join([*line.text.split(b" ")[:5], encoded[i]])
                message = f"id {table.ids[row]} loses {pixels} pixels to earlier masks"
                tell("overlap", line, message, table, row, pixels)
    return b"".join(row.text + b"\n" for row in rows if row.number not in removed)
