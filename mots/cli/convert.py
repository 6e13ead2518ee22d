"""`mots convert`: from one format of labels to another."""

from __future__ import annotations

import argparse
from pathlib import Path

from mots.cli.options import Commands
from mots.cli.startup import quick_start
from mots.errors import InputError

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("convert", help="from one format of masks with identities to another")
    parser.add_argument("source", metavar="SOURCE", type=Path, help="file or folder")
    parser.add_argument("target", metavar="TARGET", type=Path, help="file (coco, youtube-vis, parquet) or folder")
    formats = "mots-text, mots-png, kitti-step, coco, youtube-vis, parquet, mot-boxes"
    parser.add_argument("--to", required=True, metavar="FORMAT", help=formats)
    parser.add_argument("--from", dest="origin", metavar="FORMAT", help="default: by SOURCE's content; also scalabel")
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    quick_start()
    from mots.formats.convert import convert

    if parsed.target.exists() and not parsed.overwrite:
        raise InputError(f"{parsed.target} exists: choose another TARGET, or add --overwrite")
    for each in convert(parsed.source, parsed.target, parsed.to, parsed.origin):
        print(f"not held by {parsed.to}: {each}")
    print(f"{parsed.source} -> {parsed.target}")
    return 0
