"""`mots tune`: search for settings on saved detections."""

from __future__ import annotations

import argparse
from pathlib import Path

from mots.cli.options import Commands, add_benchmark, at_least

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("tune", help="search for the tracker's settings on saved detections")
    parser.add_argument(
        "detections", metavar="DETECTIONS", type=Path, help="a file, or a folder of <sequence>.npz or .txt"
    )
    parser.add_argument("truth", metavar="TRUTH", type=Path, help="a text file, or a folder with each sequence's")
    parser.add_argument("--output", type=Path, default=Path("runs/tune"), metavar="DIR", help="default: runs/tune")
    add_benchmark(parser)
    parser.add_argument("--metric", default="HOTA", help="what to maximise (default HOTA)")
    parser.add_argument(
        "--trials", type=at_least(1), default=50, metavar="N", help="in all, earlier ones included (default 50)"
    )
    parser.add_argument("--jobs", type=at_least(1), default=1, metavar="N", help="processes that share the search")
    parser.add_argument("--seed", type=at_least(0), default=0)
    parser.add_argument(
        "--search", action="append", default=[], metavar="NAME=LOW:HIGH", help="search these settings (repeatable)"
    )
    parser.add_argument("--knob", action="append", dest="search", help=argparse.SUPPRESS)  # its name before
    parser.add_argument("--preset", default="default", help="settings to start from (default: default)")
    parser.add_argument("--settings", type=Path, metavar="FILE.toml", help="settings over the preset's")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    from mots import settings
    from mots.evaluation.tuning import RANGES, Search, parse_range, tune
    from mots.files import check_target

    for name in ("best.toml", "trials.csv"):
        check_target(parsed.output / name, True, [parsed.settings, parsed.detections, parsed.truth])
    search = Search(
        parsed.detections,
        parsed.truth,
        parsed.output,
        settings.load(parsed.preset, parsed.settings),
        dict(parse_range(text) for text in parsed.search) or RANGES,
        parsed.benchmark,
        parsed.metric,
        parsed.trials,
        parsed.jobs,
        parsed.seed,
    )
    _, value = tune(search)
    print(f"{parsed.metric} {value:.4f} -> {parsed.output / 'best.toml'}, {parsed.output / 'trials.csv'}")
    return 0
