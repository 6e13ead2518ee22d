"""Packing results as a benchmark's server takes them, after they have been checked."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from mots.benchmarks.registry import Benchmark, benchmark_named, by_own_name, split_lengths
from mots.benchmarks.validation import validate
from mots.errors import InputError
from mots.files import cannot_write
from mots.formats import kitti_step, places
from mots.storage.archive import kept_open

__all__ = ["STEP_LAYOUT", "submit"]

# KITTI's server takes up to 500 MB. MOTChallenge publishes no limit.
LIMITS = {"kitti-mots": 500_000_000, "kitti-step": 500_000_000}
# The STEP server's layout is not publicly documented; this is the layout of its truth.
STEP_LAYOUT = "{sequence}/{frame:06d}.png"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same results give the same archive, byte for byte


def submit(
    results: str | Path,
    output: str | Path,
    benchmark: str = "kitti-mots",
    split: str = "test",
    layout: str = STEP_LAYOUT,
) -> str:
    """Check results of a split and pack them into `output`; a sentence of what was packed.

    `layout`: the name of a frame's PNG of KITTI-STEP in the archive. Raises InputError, and writes nothing, where a kit
    would refuse the results; MotsError where the archive cannot be written.
    """
    results, output = Path(results), Path(output)
    bench = benchmark_named(benchmark, of_masks=True)
    faults = [fault for fault in validate(results, benchmark, split) if fault.refused]
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise InputError(f"{faults[0]}{more}: nothing was packed; mots validate lists all, and can repair some")
    part = output.with_name(f"{output.name}.part")
    count = 0
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with kept_open(results), zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members(results, bench, split, layout):
                archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
                count += 1
        size, limit = part.stat().st_size, LIMITS.get(bench.name)
        if limit is not None and size > limit:
            raise InputError(f"{output}: {size:,} bytes, and the server takes {limit:,}: nothing was packed")
        os.replace(part, output)
    except OSError as error:
        raise cannot_write(output, error) from error
    finally:
        part.unlink(missing_ok=True)
    return f"{count} files, {size:,} bytes -> {output}"


def members(results: Path, bench: Benchmark, split: str, layout: str) -> Iterator[tuple[str, bytes]]:
    """Names in the archive, and contents."""
    names = sorted(split_lengths(bench, split))
    if bench.name == "kitti-step":
        folders = kitti_step.sequences(results)
        for name in names:
            for frame, path in kitti_step.frames(folders[name]).items():
                yield layout.format(sequence=name, frame=frame), path.read_bytes()
        return
    by_name = by_own_name(bench, places.sequences(results, results=True), results)
    for name in names:
        if by_name[name].path.is_dir():
            raise InputError(f"{by_name[name]}: the server takes text: convert the PNGs to text first")
        yield f"{name}.txt", places.content_of(by_name[name])
