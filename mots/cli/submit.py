"""`mots submit`: check results, and pack them for a benchmark's server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mots.cli.options import Commands, add_benchmark
from mots.cli.startup import quick_start
from mots.errors import InputError

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("submit", help="check results, and pack them as the benchmark's server takes them")
    parser.add_argument("results", metavar="RESULTS", type=Path, help="folder or zip archive")
    add_benchmark(parser)
    parser.add_argument("--split", default="test", metavar="NAME|FILE", help="default: test")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.zip", help="the archive")
    parser.add_argument("--layout", metavar="PATTERN", help="of KITTI-STEP's PNGs: {sequence}/{frame:06d}.png")
    parser.add_argument("--overwrite", action="store_true", help="replace an archive that is there")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    quick_start()
    from mots.benchmarks.submission import STEP_LAYOUT, submit
    from mots.files import check_target

    check_target(parsed.output, parsed.overwrite, [parsed.results, Path(parsed.split)])
    if parsed.output.suffix != ".zip":
        raise InputError(f"{parsed.output}: the server takes a .zip")
    print(submit(parsed.results, parsed.output, parsed.benchmark, parsed.split, parsed.layout or STEP_LAYOUT))
    if parsed.benchmark == "kitti-step":
        print("(the server's layout is not publicly documented: compare with its own instructions)", file=sys.stderr)
    return 0
