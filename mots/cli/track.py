"""`mots track`: a source becomes a folder of results."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mots.cli.options import (
    Commands,
    add_reid,
    add_selection,
    add_settings,
    add_source,
    chosen_settings,
    flags_of,
    is_settings_request,
    selected,
)
from mots.errors import InputError, MotsError
from mots.names import printable

if TYPE_CHECKING:
    from mots.settings import Settings

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("track", help="track a video, images, a camera or saved detections")
    add_source(parser, several="several share one network, and each gets a folder of its name")
    add_selection(parser)
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder of the results (default runs/<name>)")
    parser.add_argument("--video", action="store_true", help="also write an annotated <name>.mp4")
    add_reid(parser)
    parser.add_argument(
        "--table",
        nargs="?",
        const="csv",
        choices=("csv", "parquet"),
        help="also write frames.csv (or frames.parquet): a row for each object and frame",
    )
    parser.add_argument(
        "--scene", type=Path, metavar="FILE.toml", help="lines, zones and ground, for --events and --table"
    )
    parser.add_argument("--events", metavar="FILE|-", help="what happens in the scene, a JSON line each; -: printed")
    parser.add_argument("--explain", action="store_true", help="keep why each identity was given, for the report")
    parser.add_argument("--show", action="store_true", help="show the frames in a window; q closes it")
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no summary")
    parser.add_argument("--overwrite", action="store_true", help="replace results that are there")
    parser.add_argument("--detections", type=Path, metavar="FILE", help="saved detections in place of the network")
    parser.add_argument("--offline", action="store_true", help="use all frames for each: fewer misses, more memory")
    add_settings(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    settings = chosen_settings(parsed)
    if is_settings_request(parsed, settings):
        return 0
    if not parsed.sources:
        raise InputError("no SOURCE: name a video, a folder of images, a camera's number or saved detections")
    if len(parsed.sources) > 1:
        return run_several(parsed, settings)
    (parsed.source,) = parsed.sources
    from mots.pipeline.record import record

    summary = record(
        selected(parsed, settings),
        parsed.output,
        settings=settings,
        detections=parsed.detections,
        offline=parsed.offline,
        video=parsed.video,
        table=parsed.table,
        scene=parsed.scene,
        events=parsed.events,
        explain=parsed.explain,
        show=parsed.show,
        overwrite=parsed.overwrite,
        quiet=parsed.quiet,
    )
    if not parsed.quiet:
        print(printable(str(summary)), file=sys.stderr if parsed.events == "-" else sys.stdout)
    return 0


ONE_ONLY = ("scene", "events", "explain", "show", "detections", "offline", "start", "end", "max_frames")


def run_several(parsed: argparse.Namespace, settings: Settings) -> int:
    """Track several sources at once; status 2 where one of them failed."""
    from mots.pipeline.streams import record_streams

    asked = [name for name in ONE_ONLY if getattr(parsed, name) not in (None, False)]
    if asked or parsed.every != 1:
        raise InputError("these flags are for one SOURCE alone", parameters=asked or ("every",))
    streams = record_streams(
        parsed.sources, parsed.output or Path("runs"), settings, video=parsed.video, table=parsed.table,
        overwrite=parsed.overwrite,
    )  # fmt: skip
    failed = 0
    for name, result in streams:
        if isinstance(result, MotsError):
            failed += 1
            print(f"mots: error: {printable(f'{name}: {result}')}{flags_of(result)}", file=sys.stderr)
        elif not parsed.quiet:
            print(printable(f"{name}: {result}"), flush=True)
    return 2 if failed else 0
