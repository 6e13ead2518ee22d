"""`mots report`: one page about results."""

from __future__ import annotations

import argparse
from pathlib import Path

from mots.cli.options import Commands, add_benchmark
from mots.names import printable

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("report", help="a page to look at results: player, timeline, tracks, errors")
    parser.add_argument("results", metavar="RESULTS", type=Path, help="a run's folder, or MOTS text")
    parser.add_argument("source", metavar="SOURCE", nargs="?", help="the frames, shown in the page")
    parser.add_argument(
        "--output", type=Path, default=Path("report.html"), metavar="FILE.html", help="default: report.html"
    )
    parser.add_argument("--truth", type=Path, metavar="TRUTH", help="then also where the score was lost")
    add_benchmark(parser)
    parser.add_argument("--detections", type=Path, metavar="FILE", help="saved ones: they tell a low score from none")
    parser.add_argument("--scene", type=Path, metavar="FILE.toml", help="then also its counts")
    parser.add_argument("--sequence", metavar="NAME", help="which one, where RESULTS holds several")
    parser.add_argument("--frame-rate", type=float, metavar="FPS", help="with --scene: gives MOTS text its times")
    parser.add_argument("--overwrite", action="store_true", help="replace a page that is there")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    from mots.report.page import report

    path = report(
        parsed.results,
        parsed.source,
        output=parsed.output,
        truth=parsed.truth,
        benchmark=parsed.benchmark,
        detections=parsed.detections,
        scene=parsed.scene,
        sequence=parsed.sequence,
        frame_rate=parsed.frame_rate,
        overwrite=parsed.overwrite,
    )
    print(printable(f"{parsed.results} -> {path} ({path.stat().st_size / 1e6:.1f} MB)"))
    return 0
