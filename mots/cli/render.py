"""`mots render`: results drawn into their video."""

from __future__ import annotations

import argparse
from pathlib import Path

from mots.cli.options import Commands, count
from mots.errors import InputError
from mots.names import printable

__all__ = ["add", "frame_range", "ids_in"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("render", help="draw results, also those of other tools, into their video")
    parser.add_argument("source", metavar="SOURCE", help="the video, or a folder or glob of images")
    parser.add_argument("results", metavar="RESULTS", type=Path, help="a run's folder, or any readable format")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE.mp4|DIR", help="a video, or a folder of PNGs"
    )
    parser.add_argument("--truth", type=Path, metavar="TRUTH", help="drawn into a second picture beside the first")
    parser.add_argument("--only", metavar="IDS", help="only these tracks, as in 3,17")
    parser.add_argument("--frames", metavar="A:B", help="from frame A to before frame B")
    parser.add_argument("--sequence", metavar="NAME", help="which one, where RESULTS holds several")
    parser.add_argument("--scores", action="store_true", help="write scores beside the ids")
    parser.add_argument(
        "--trace", type=float, default=1.5, metavar="SECONDS", help="of each path (default 1.5; 0: none)"
    )
    parser.add_argument("--no-captions", action="store_true", help="no classes and ids")
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    from mots.rendering.annotator import Drawing
    from mots.rendering.render import render

    if not 0 <= parsed.trace < float("inf"):
        raise InputError(f"--trace {parsed.trace}: wanted seconds, 0 or more")
    written = render(
        parsed.source,
        parsed.results,
        parsed.output,
        truth=parsed.truth,
        only=None if parsed.only is None else ids_in(parsed.only, "--only"),
        frames=(None, None) if parsed.frames is None else frame_range(parsed.frames),
        sequence=parsed.sequence,
        drawing=Drawing(scores=parsed.scores, trace=parsed.trace, captions=not parsed.no_captions),
        overwrite=parsed.overwrite,
    )
    print(printable(f"{count(written, 'frame')} -> {parsed.output}"))
    return 0


def ids_in(text: str, flag: str) -> list[int]:
    """Ids of tracks with commas between them. Raises InputError."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or not all(word.isascii() and word.isdigit() for word in words):
        raise InputError(f"{flag} {text}: wanted ids with commas between them, as in 3,17")
    return [int(word) for word in words]


def frame_range(text: str) -> tuple[int | None, int | None]:
    """First and stop of `A:B`; each may be missing. Raises InputError."""
    first, colon, stop = text.partition(":")
    if not colon or not all(part == "" or (part.isascii() and part.isdigit()) for part in (first, stop)):
        raise InputError(f"--frames {text}: wanted A:B, from frame A to before frame B")
    low, high = (int(part) if part else None for part in (first, stop))
    if low is not None and high is not None and low >= high:
        raise InputError(f"--frames {text}: the second number must be larger than the first")
    return low, high
