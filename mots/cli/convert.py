"""`mots convert`: from one format of labels to another."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from mots.cli import view
from mots.cli.options import Commands
from mots.cli.startup import quick_start
from mots.errors import InputError
from mots.names import printable

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("convert", help="from one format of masks with identities to another")
    parser.add_argument(
        "sources", metavar="SOURCE", type=Path, nargs="+", help="files or folders; the sequences of several are joined"
    )
    parser.add_argument(
        "target", metavar="TARGET", type=Path, help="file (coco, youtube-vis, cvat-xml, cvat-images, parquet) or folder"
    )
    written = (
        "mots-text, mots-png, cvat-mots-png, cvat-xml, cvat-images, kitti-step"
        ", coco, youtube-vis, parquet, mot-boxes; for other tools ottrk, events, tracab, rerun"
    )
    parser.add_argument("--to", required=True, metavar="FORMAT", help=written)
    parser.add_argument(
        "--from",
        dest="origin",
        metavar="FORMAT",
        help="default: by SOURCE's content; also scalabel, ultralytics-text",
    )
    parser.add_argument("--annotations", type=Path, metavar="FILE", help="videos and categories of YouTube-VIS results")
    parser.add_argument("--size", metavar="HEIGHTxWIDTH", help="of the frames, for Ultralytics' text")
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")
    view.add_flags(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    if parsed.to in view.KINDS:
        for file in view.run(parsed):
            print(printable(f"{parsed.sources[0]} -> {file}"))
        return 0
    quick_start()
    from mots.formats.convert import convert

    told = convert(
        parsed.sources,
        parsed.target,
        parsed.to,
        parsed.origin,
        annotations=parsed.annotations,
        size=size_in(parsed.size),
        overwrite=parsed.overwrite,
    )
    for each in told:
        print(printable(f"not held by {parsed.to}: {each}"))
    print(printable(f"{', '.join(map(str, parsed.sources))} -> {parsed.target}"))
    return 0


def size_in(text: str | None) -> tuple[int, int] | None:
    """(height, width) of `480x640`."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,6})[x*](\d{1,6})", text.strip())
    if found is None or int(found[1]) * int(found[2]) < 1:
        raise InputError(f"--size {text}: wanted HEIGHTxWIDTH in pixels, as in 480x640")
    return int(found[1]), int(found[2])
