"""`mots count`: crossings of lines, visits of zones, distances and speeds, from results and a scene."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from mots.cli.options import Commands
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
    parser.add_argument("--overwrite", action="store_true", help="replace tables that are there")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    from mots.analytics.counting import count

    counts = count(
        parsed.results,
        parsed.scene,
        parsed.output,
        interval=parsed.interval,
        frame_rate=parsed.frame_rate,
        overwrite=parsed.overwrite,
    )
    for (line, direction), total in sorted(Counter((c.line, c.direction) for c in counts.crossings).items()):
        print(printable(f"{line} {direction}: {total}"))
    for zone, total in sorted(Counter(visit.zone for visit in counts.visits).items()):
        print(printable(f"{zone}: {total} visits"))
    if counts.motions:
        print(f"{len(counts.motions)} tracks with speeds")
    print(printable(f"{parsed.results} -> {parsed.output}"))
    return 0
