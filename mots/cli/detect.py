"""`mots detect`: the detections of a source become a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from mots.cli.options import (
    Commands,
    add_selection,
    add_settings,
    add_source,
    chosen_settings,
    is_settings_request,
    selected,
)
from mots.errors import InputError

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("detect", help="save the detections of a video or images, to track them later")
    add_source(parser)
    add_selection(parser)
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: <name>.npz, or <name>.txt as text")
    parser.add_argument("--format", choices=("npz", "text"), help="default: by the ending of --output, or npz")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    add_settings(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    settings = chosen_settings(parsed)
    if is_settings_request(parsed, settings):
        return 0
    if parsed.source is None:
        raise InputError("no SOURCE: name a video, a folder of images or a camera's number")
    from mots.pipeline.pipeline import Pipeline
    from mots.pipeline.record import save_detections

    kind = parsed.format or ("text" if parsed.output and parsed.output.suffix == ".txt" else "npz")
    ending = ".txt" if kind == "text" else ".npz"
    if parsed.output and parsed.output.suffix != ending:
        raise InputError(f"{parsed.output}: detections as {kind} end in {ending}")
    pipeline = Pipeline(selected(parsed, settings), settings)
    output = parsed.output or Path(pipeline.name + ending)
    print(save_detections(pipeline, output, overwrite=parsed.overwrite, quiet=parsed.quiet))
    return 0
