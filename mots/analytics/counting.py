"""`mots count`: a run's results and a scene become tables of crossings, counts, visits and speeds."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from mots.analytics import scene as scenes
from mots.analytics import tables
from mots.analytics.ground import Ground, Motion, motion_of
from mots.analytics.lines import Crossing, crossings_of
from mots.analytics.paths import paths_of
from mots.analytics.tables import FrameTable
from mots.analytics.zones import Visit, visits_of
from mots.errors import InputError
from mots.files import cannot_write, check_target, write_whole
from mots.formats.convert import read_results
from mots.names import for_sheet

__all__ = ["Counts", "count", "count_table", "table_of_results", "write"]

FRAMES = ("frames.csv", "frames.parquet")


@dataclass(frozen=True)
class Counts:
    """What was counted: crossings of lines, visits of zones, motions on the ground, and the last moment in seconds."""

    crossings: list[Crossing] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    motions: list[Motion] = field(default_factory=list)
    end: float = 0.0


def table_of_results(results: Path, frame_rate: float | None) -> FrameTable:
    """The table of a run's folder or of MOTS text.

    A folder's `frames.csv` or `frames.parquet` has the times; those of MOTS text are frame / `frame_rate`. Raises
    InputError where there are no results, or no times.
    """
    if results.is_dir():
        there = [results / name for name in FRAMES if (results / name).is_file()]
        if there and frame_rate is None:
            return tables.read(there[0])
        texts = sorted(path for path in results.glob("*.txt") if path.is_file())
        if len(texts) != 1:
            raise InputError(f"{results}: {len(texts)} text files here: name one of them")
        results = texts[0]
    if results.suffix in (".csv", ".parquet"):
        return tables.read(results)
    if frame_rate is None:
        raise InputError(
            f"{results}: MOTS text has no times: track with a table, or name the frames a second",
            parameters=("table", "frame_rate"),
        )
    if not 0 < frame_rate < float("inf"):
        raise InputError(f"a frame rate of {frame_rate}: wanted frames a second, above 0")
    return tables.table_of(read_results(results, frame_rate=frame_rate))


def count_table(table: FrameTable, scene: scenes.Scene) -> Counts:
    """Everything that a scene asks for, of a table. Raises InputError for a ground that gives no map."""
    paths = paths_of(table)
    motions: list[Motion] = []
    if scene.ground is not None:
        ground = Ground(*scene.ground)
        motions = [motion_of(path, ground) for path in paths]
    end = float(table.time_s.max()) if len(table) else 0.0
    return Counts(crossings_of(paths, scene.lines), visits_of(paths, scene.zones), motions, end)


def count(
    results: str | Path,
    scene: str | Path | scenes.Scene,
    output: str | Path,
    *,
    interval: float | None = None,
    frame_rate: float | None = None,
    overwrite: bool = False,
) -> Counts:
    """Count what a scene asks for, and write crossings.csv, counts.csv, zones.csv and speeds.csv into `output`.

    `results`: a run's folder or MOTS text, see `table_of_results`. `interval`: seconds of each row of counts.csv; None:
    all of them. Raises InputError and FormatError for what cannot be read, MotsError where a file cannot be written.
    """
    found = scene if isinstance(scene, scenes.Scene) else scenes.load(scene)
    if not (found.lines or found.zones or found.ground):
        raise InputError(f"{scene}: nothing to count: wanted [[line]], [[zone]] or [ground]")
    if interval is not None and not 0 < interval < float("inf"):
        raise InputError(f"an interval of {interval}: wanted seconds, above 0")
    counts = count_table(table_of_results(Path(results), frame_rate), found)
    sources = [Path(results), None if isinstance(scene, scenes.Scene) else Path(scene)]
    write(Path(output), counts, found, interval, overwrite, sources)
    return counts


def write(
    folder: Path,
    counts: Counts,
    scene: scenes.Scene,
    interval: float | None,
    overwrite: bool,
    sources: Sequence[Path | None],
) -> None:
    """Write the tables; each file appears whole, and none in the place of one of `sources`. Raises MotsError."""
    wanted: dict[str, tuple[Sequence[str], Iterable[Sequence[Any]]]] = {}
    if scene.lines:
        wanted["crossings.csv"] = (
            ("time_s", "frame", "line", "direction", "track_id", "class"),
            [
                (f"{c.time:.3f}", c.frame, for_sheet(c.line), c.direction, c.track_id, for_sheet(c.class_name))
                for c in counts.crossings
            ],
        )
        wanted["counts.csv"] = (
            ("line", "direction", "class", "start_s", "end_s", "count"),
            summed(counts, interval or max(counts.end, 1e-9)),
        )
    if scene.zones:
        wanted["zones.csv"] = (
            ("zone", "track_id", "class", "enter_s", "exit_s"),
            [
                (for_sheet(v.zone), v.track_id, for_sheet(v.class_name), f"{v.enter:.3f}", f"{v.leave:.3f}")
                for v in counts.visits
            ],
        )
    if scene.ground is not None:
        wanted["speeds.csv"] = (
            ("track_id", "class", "distance_m", "mean_mps", "top_mps", "uncertainty_mps"),
            [
                (
                    m.track_id,
                    for_sheet(m.class_name),
                    *map(number, (m.distance_m, m.mean_mps, m.top_mps, m.uncertainty_mps)),
                )
                for m in counts.motions
            ],
        )
    for name in wanted:
        check_target(folder / name, overwrite, sources)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, (columns, rows) in wanted.items():
            output = io.StringIO()
            writer = csv.writer(output, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
            write_whole(folder / name, output.getvalue().encode("utf-8"))
    except OSError as error:
        raise cannot_write(folder, error) from error


def number(value: float) -> str:
    """A number of a table; empty where it is not known."""
    return f"{value:.3f}" if isfinite(value) else ""


def summed(counts: Counts, interval: float) -> list[tuple[Any, ...]]:
    """The rows of counts.csv: crossings by line, direction, class and interval; those without any are left out."""
    cells = Counter(
        (c.line, c.direction, c.class_name, min(int(c.time // interval), int(counts.end // interval)))
        for c in counts.crossings
    )
    return [
        (
            for_sheet(line),
            direction,
            for_sheet(name),
            f"{place * interval:.3f}",
            f"{min((place + 1) * interval, max(counts.end, (place + 1e-9) * interval)):.3f}",
            total,
        )
        for (line, direction, name, place), total in sorted(cells.items(), key=lambda each: (each[0][3], each[0]))
    ]
