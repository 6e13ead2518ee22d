"""`mots view`, and what `mots convert` writes for other trades' tools."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from mots.cli.options import Commands
from mots.errors import FormatError, InputError
from mots.names import printable

__all__ = ["KINDS", "add", "add_flags", "run"]

KINDS = ("ottrk", "events", "tracab", "rerun")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `mots convert` for these tools."""
    group = parser.add_argument_group("for " + ", ".join(KINDS))
    group.add_argument(
        "--scene", type=Path, metavar="FILE.toml", help="events: its lines; tracab: its ground and pitch"
    )
    group.add_argument("--teams", type=Path, metavar="teams.csv", help="tracab: the teams that mots count has written")
    group.add_argument("--source", metavar="SOURCE", help="rerun: the frames; ottrk: the video's name")
    group.add_argument("--frame-rate", type=float, metavar="FPS", help="gives MOTS text its times; tracab: of the file")
    group.add_argument(
        "--start-date", default="1970-01-01 00:00:00", metavar="DATE", help="of the recording, in UTC or with its zone"
    )


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add `mots view`."""
    parser = commands.add_parser("view", help="open results in Rerun's viewer")
    parser.add_argument("results", metavar="RESULTS", type=Path, help="a run's folder, or any readable format")
    parser.add_argument("source", metavar="SOURCE", nargs="?", help="the frames")
    parser.add_argument("--output", type=Path, metavar="FILE.rrd", help="keep the recording, and open nothing")
    parser.add_argument("--overwrite", action="store_true", help="replace a recording that is there")
    parser.set_defaults(run=view)


def run(parsed: argparse.Namespace) -> list[Path]:
    """Write what `mots convert` was asked for; the files."""
    if len(parsed.sources) != 1:
        raise InputError(f"--to {parsed.to} takes one run's results")
    parsed.results, parsed.output = parsed.sources[0], parsed.target
    if parsed.to == "rerun":
        from mots.exports import rerun_log

        return [rerun_log.write(parsed.source, parsed.results, parsed.output, overwrite=parsed.overwrite)]
    from mots.analytics import scene as scenes
    from mots.analytics.lines import crossings_of
    from mots.analytics.paths import paths_of
    from mots.counting.counts import has_table, table_of_results, text_of
    from mots.exports import ottrk, tracab
    from mots.rendering.saved_results import names_in
    from mots.storage.run_folder import TABLE_ENDINGS

    has_times = parsed.to == "tracab" and (parsed.results.suffix in TABLE_ENDINGS or has_table(parsed.results))
    table = table_of_results(parsed.results, None if has_times else parsed.frame_rate)
    start = ottrk.start_of(parsed.start_date)
    read = [parsed.results, parsed.scene, parsed.teams, text_of(parsed.results)]
    if parsed.to == "ottrk":
        name = Path(parsed.source).name if parsed.source else f"{parsed.results.stem}.mp4"
        rate = parsed.frame_rate or rate_of(table.frame.tolist(), table.time_s.tolist())
        return [ottrk.write(parsed.output, table, name, table.size, rate, start, parsed.overwrite, read)]
    if parsed.scene is None:
        raise InputError(f"--to {parsed.to} needs --scene")
    scene = scenes.load(parsed.scene)
    scene.check_size(table.size, str(parsed.results))
    if parsed.to == "events":
        paths = paths_of(table)
        crossings = crossings_of(paths, scene.lines)
        return [ottrk.write_events(parsed.output, crossings, paths, start, parsed.overwrite, read)]
    teams = {} if parsed.teams is None else teams_in(parsed.teams)
    rate = parsed.frame_rate or rate_of(table.frame.tolist(), table.time_s.tolist())
    if parsed.frame_rate is not None and parsed.frame_rate != round(parsed.frame_rate):
        raise InputError(f"--frame-rate {parsed.frame_rate:g}: TRACAB has whole frames a second")
    return tracab.write(
        parsed.output, table, scene, teams, names_in(parsed.results), max(round(rate), 1), start, parsed.overwrite, read
    )


def rate_of(frames: list[int], times: list[float]) -> float:
    """Frames a second of a table."""
    known = dict(zip(frames, times, strict=True))
    first, last = min(known, default=0), max(known, default=0)
    return (last - first) / (known[last] - known[first]) if last > first and known[last] > known[first] else 30.0


def teams_in(path: Path) -> dict[int, str]:
    """The teams of `teams.csv`. Raises FormatError."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return {int(row["track_id"]): row["team"] for row in csv.DictReader(lines)}
    except (OSError, UnicodeDecodeError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise FormatError(f"{path}: not a table of teams ({error})") from error


def view(parsed: argparse.Namespace) -> int:
    """Make a recording, and open it."""
    from mots.exports import rerun_log

    if parsed.output is not None:
        if parsed.output.suffix != ".rrd":
            raise InputError(f"--output {parsed.output}: wanted a name that ends in .rrd")
        path = rerun_log.write(parsed.source, parsed.results, parsed.output, overwrite=parsed.overwrite)
        print(printable(f"{parsed.results} -> {path}"))
        return 0
    import subprocess
    import sys
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = rerun_log.write(parsed.source, parsed.results, Path(folder) / "results.rrd")
        return subprocess.run([sys.executable, "-m", "rerun", str(path)], check=False).returncode
