"""The tables of `mots count`, as CSV and Parquet."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mots.files import cannot_write, check_target, write_whole
from mots.names import for_sheet
from mots.optional import optional_import

if TYPE_CHECKING:
    from mots.counting.counts import Counts

__all__ = ["tables_of", "write"]

Rows = list[tuple[Any, ...]]


def tables_of(counts: Counts, interval: float | None, sport: bool) -> dict[str, tuple[tuple[str, ...], Rows]]:
    """The tables that there are: the name of each, its columns and its rows. A number that is not known is None."""
    scene, end = counts.scene, counts.end
    found: dict[str, tuple[tuple[str, ...], Rows]] = {}
    if scene.lines:
        found["crossings"] = (
            ("time_s", "frame", "line", "direction", "track_id", "class"),
            [(round(c.time, 3), c.frame, c.line, c.direction, c.track_id, c.class_name) for c in counts.crossings],
        )
        found["counts"] = (
            ("line", "direction", "class", "start_s", "end_s", "count"),
            summed(counts, interval or max(end, 1e-9)),
        )
        found["doubtful"] = (
            ("time_s", "line", "direction", "track_id", "class", "reason"),
            [
                (round(c.time, 3), c.line, c.direction, c.track_id, c.class_name, each.reason)
                for each in counts.doubts
                for c in (each.crossing,)
            ],
        )
        found["headways"] = (
            ("line", "direction", "time_s", "track_id", "class", "speed_kmh", "headway_s", "gap_m"),
            [
                (
                    c.line, c.direction, round(c.time, 3), c.track_id, c.class_name, known(each.speed_kmh),
                    known(each.headway_s), known(each.gap_m),
                )
                for each in counts.passings
                for c in (each.crossing,)
            ],
        )  # fmt: skip
    if scene.zones:
        found["zones"] = (
            ("zone", "track_id", "class", "enter_s", "exit_s"),
            [(v.zone, v.track_id, v.class_name, round(v.enter, 3), round(v.leave, 3)) for v in counts.visits],
        )
        found["occupancy"] = (
            ("zone", "start_s", "end_s", "mean", "most", "entries", "exits"),
            [
                (o.zone, round(o.start, 3), round(o.end, 3), round(o.mean, 3), o.most, o.entries, o.exits)
                for o in counts.occupancy
            ],
        )
    if len(scene.lines) + len(scene.zones) > 1:
        found["flows"] = (
            ("origin", "destination", "class", "count"),
            [(f.origin, f.destination, f.class_name, f.count) for f in counts.flows],
        )
    if scene.ground is not None:
        found["speeds"] = (
            ("track_id", "class", "distance_m", "mean_mps", "top_mps", "uncertainty_mps"),
            [
                (m.track_id, m.class_name, *map(known, (m.distance_m, m.mean_mps, m.top_mps, m.uncertainty_mps)))
                for m in counts.motions
            ],
        )
        if sport:
            found["players"] = (
                ("track_id", "class", "team", "distance_m", "top_mps", "sprints", "sprint_m"),
                [
                    (
                        p.track_id,
                        p.class_name,
                        p.team,
                        known(p.distance_m),
                        known(p.top_mps),
                        p.sprints,
                        known(p.sprint_m),
                    )
                    for p in counts.players
                ],
            )
    if counts.teams:
        rows = [(team.track_id, team.team, round(team.score, 4)) for team in counts.teams]
        found["teams"] = (("track_id", "team", "score"), rows)
    return found


def write(
    folder: Path,
    counts: Counts,
    interval: float | None,
    sources: Iterable[Path | None],
    *,
    sport: bool = False,
    parquet: bool = False,
    overwrite: bool = False,
) -> None:
    """Write the tables; each file appears whole, and none in the place of one of `sources`. Raises MotsError."""
    tables = tables_of(counts, interval, sport)
    files = [
        folder / f"{name}{ending}" for name in tables for ending in ((".csv", ".parquet") if parquet else (".csv",))
    ]
    read = list(sources)
    for file in files:
        check_target(file, overwrite, read)
    pyarrow = optional_import("pyarrow", "writing Parquet", extra="parquet") if parquet else None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, (columns, rows) in tables.items():
            output = io.StringIO()
            writer = csv.writer(output, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(tuple(map(shown, row)) for row in rows)
            write_whole(folder / f"{name}.csv", output.getvalue().encode("utf-8"))
            if pyarrow is not None:
                write_whole(folder / f"{name}.parquet", as_parquet(pyarrow, columns, rows))
    except OSError as error:
        raise cannot_write(folder, error) from error


def shown(value: Any) -> str:
    """A value as CSV holds it: numbers with three decimals, nothing for what is not known."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    return for_sheet(value) if isinstance(value, str) else str(value)


def as_parquet(pyarrow: Any, columns: Sequence[str], rows: Rows) -> bytes:
    """A table as Parquet."""
    files = optional_import("pyarrow.parquet", "writing Parquet", extra="parquet")
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    whole = {"frame", "track_id", "count", "most", "entries", "exits", "sprints"}
    texts = {"line", "direction", "class", "zone", "origin", "destination", "reason", "team"}
    kinds = [
        pyarrow.int64() if name in whole else pyarrow.string() if name in texts else pyarrow.float64()
        for name in columns
    ]
    arrays = [pyarrow.array(list(each), kind) for each, kind in zip(values, kinds, strict=True)]
    output = io.BytesIO()
    files.write_table(pyarrow.table(arrays, list(columns)), output)
    return output.getvalue()


def known(value: float) -> float | None:
    """A number; None where it is not known."""
    return round(value, 3) if isfinite(value) else None


def summed(counts: Counts, interval: float) -> Rows:
    """The rows of `counts`: crossings by line, direction, class and interval; those without any are left out."""
    end = counts.end
    cells = Counter(
        (c.line, c.direction, c.class_name, min(int(c.time // interval), int(end // interval)))
        for c in counts.crossings
    )
    return [
        (
            line,
            direction,
            name,
            round(place * interval, 3),
            round(min((place + 1) * interval, max(end, (place + 1e-9) * interval)), 3),
            total,
        )
        for (line, direction, name, place), total in sorted(cells.items(), key=lambda each: (each[0][3], each[0]))
    ]
