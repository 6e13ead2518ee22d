"""`mots scene`: a starter for lines, zones and the ground."""

from __future__ import annotations

import argparse
from pathlib import Path

from mots.cli.options import Commands, at_least
from mots.names import printable

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("scene", help="begin a scene.toml, with a page to draw lines and zones by clicking")
    parser.add_argument("source", metavar="SOURCE", help="the video, or a folder of images")
    parser.add_argument("--output", type=Path, default=Path("."), metavar="DIR", help="default: this folder")
    parser.add_argument("--frame", type=at_least(0), metavar="N", help="the frame to draw on (default: the first)")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    from mots.report.scene_page import write

    for file in write(parsed.source, parsed.output, parsed.frame, overwrite=parsed.overwrite):
        print(printable(str(file)))
    return 0
