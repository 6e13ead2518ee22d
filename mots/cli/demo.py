"""`mots demo`: track a rendered toy world and compare with its exact truth."""

from __future__ import annotations

import argparse
from pathlib import Path

from mots.cli.options import Commands, at_least

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("demo", help="track a rendered toy world, and compare with its exact truth")
    parser.add_argument("--output", type=Path, default=Path("runs/demo"), metavar="DIR", help="default: runs/demo")
    parser.add_argument("--seed", type=at_least(0), default=7, help="number of the world (default 7)")
    parser.add_argument("--frames", type=at_least(1), default=150, help="how many frames (default 150)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    from mots.toy.demo import run as run_demo

    print(run_demo(parsed.output, seed=parsed.seed, frames=parsed.frames, quiet=parsed.quiet))
    return 0
