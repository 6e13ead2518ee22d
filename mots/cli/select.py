"""`mots select`: which frames to label."""

from __future__ import annotations

import argparse
from pathlib import Path

from mots.cli.options import (
    Commands,
    add_reid,
    add_settings,
    at_least,
    chosen_settings,
    count,
    is_settings_request,
)
from mots.errors import InputError
from mots.names import printable

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("select", help="choose the frames that are worth labelling, and prepare the task")
    parser.add_argument("sources", metavar="SOURCE", nargs="*", help="videos, or folders or globs of images")
    parser.add_argument("--count", type=at_least(1), default=20, metavar="N", help="frames of all sources (default 20)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="the folder to write (default runs/select)")
    parser.add_argument("--every", type=at_least(1), default=5, metavar="N", help="choose among every N-th frame")
    parser.add_argument("--to", choices=("coco", "cvat"), default="coco", help="annotations.json or annotations.xml")
    parser.add_argument("--overwrite", action="store_true", help="replace a task that is there")
    add_reid(parser)
    add_settings(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    from mots.files import check_target
    from mots.labelling.selection_task import selected_frames, write_task

    settings = chosen_settings(parsed)
    if is_settings_request(parsed, settings):
        return 0
    if not parsed.sources:
        raise InputError("SOURCE is missing: name a video, or a folder or glob of images")
    output = parsed.output or Path("runs/select")
    check_target(output, parsed.overwrite, [Path(each) for each in parsed.sources])
    selection = selected_frames(parsed.sources, parsed.count, settings, parsed.every)
    file = write_task(output, selection, parsed.to)
    chosen = selection.choices
    for rank, choice in enumerate(chosen, start=1):
        value = choice.value
        print(printable(f"{rank:3} {value.source} {value.frame:6}  {value.time:8.2f} s  {choice.reason}"))
    if len(chosen) < parsed.count:
        print(f"{len(chosen)} of {count(selection.candidates, 'frame')}: the others look the same as these")
    print(printable(f"{count(len(chosen), 'frame')} -> {file}"))
    return 0
