"""`mots count`: crossings of lines, visits of zones, distances and speeds, from results and a scene."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from mots.cli.options import Commands
from mots.cli.options import count as count_of
from mots.names import printable

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("count", help="count crossings, visits and speeds in results")
    parser.add_argument("results", metavar="RESULTS", type=Path, help="a run's folder (with --table), or MOTS text")
    parser.add_argument("--scene", type=Path, required=True, metavar="FILE.toml", help="lines, zones and ground points")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the tables")
    parser.add_argument("--interval", type=float, metavar="SECONDS", help="of each row of counts.csv (default: all)")
    parser.add_argument("--frame-rate", type=float, metavar="FPS", help="gives MOTS text its times")
    parser.add_argument("--source", metavar="SOURCE", help="the frames, for teams and for pictures")
    parser.add_argument("--sport", action="store_true", help="also players: distance, top speed, sprints, teams")
    parser.add_argument("--plots", action="store_true", help="also paths and heat maps as PNG")
    parser.add_argument("--parquet", action="store_true", help="each table as Parquet too")
    parser.add_argument("--overwrite", action="store_true", help="replace tables that are there")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    from mots.analytics.lines import BACKWARD, FORWARD
    from mots.counting.counts import count

    counts = count(
        parsed.results,
        parsed.scene,
        parsed.output,
        interval=parsed.interval,
        frame_rate=parsed.frame_rate,
        source=parsed.source,
        sport=parsed.sport,
        plots=parsed.plots,
        parquet=parsed.parquet,
        overwrite=parsed.overwrite,
    )
    crossed = Counter((c.line, c.direction) for c in counts.crossings)
    for line in counts.scene.lines:
        totals = ", ".join(f"{direction} {crossed[line.name, direction]}" for direction in (FORWARD, BACKWARD))
        doubtful = sum(each.crossing.line == line.name for each in counts.doubts)
        more = f" ({doubtful} of them doubtful: see doubtful.csv)" if doubtful else ""
        print(printable(f"{line.name}: {totals}{more}"))
    visited = Counter(visit.zone for visit in counts.visits)
    for zone in counts.scene.zones:
        print(printable(f"{zone.name}: {count_of(visited[zone.name], 'visit')}"))
    if counts.teams:
        sizes = Counter(team.team for team in counts.teams)
        print("teams: " + ", ".join(f"{name} {sizes[name]}" for name in sorted(sizes)))
    if counts.motions:
        print(f"{len(counts.motions)} tracks with speeds")
    print(printable(f"{parsed.results} -> {parsed.output}"))
    return 0
