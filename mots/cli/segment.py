"""`mots segment`: prompts for some frames become masks of all."""

from __future__ import annotations

import argparse
from pathlib import Path

from mots.cli.options import Commands, at_least
from mots.names import printable

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("segment", help="carry masks, boxes or points given for some frames to all")
    parser.add_argument("source", metavar="SOURCE", help="a video, a folder or glob of images")
    parser.add_argument(
        "--prompts",
        type=Path,
        required=True,
        metavar="FILE",
        help="a picture of object numbers for the first frame (DAVIS), or JSON of masks, boxes and points",
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder of the results (default runs/<name>)")
    parser.add_argument(
        "--flow", default="dis", metavar="NAME|PATH", help="how masks are carried: dis (default), farneback, raft"
    )
    parser.add_argument(
        "--segmenter",
        default="grabcut",
        metavar="NAME|PATH",
        help="what corrects masks: grabcut (default), sam, or weights such as mobile_sam.pt",
    )
    parser.add_argument("--flow-alone", action="store_true", help="do not correct masks by the picture")
    parser.add_argument("--still", action="store_true", help="keep each mask where it was prompted: a baseline")
    parser.add_argument(
        "--quick", action="store_true", help="for one quick object: keep also what the flows back and forth disagree on"
    )
    parser.add_argument("--side", type=at_least(32), default=854, help="longer side of the working size, in pixels")
    parser.add_argument("--frame-rate", type=float, metavar="FPS", help="frames a second, whatever the source says")
    parser.add_argument("--overwrite", action="store_true", help="replace results that are there")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    from mots.segmentation.carrying import CarrySettings
    from mots.segmentation.prompted_refiner import segmenter_named
    from mots.segmentation.results import write_segmentation
    from mots.segmentation.segment import segment
    from mots.video.opening import open_source

    source = open_source(parsed.source, parsed.frame_rate)
    folder = parsed.output or Path("runs") / source.name
    frames = segment(
        source,
        parsed.prompts,
        segmenter=segmenter_named(parsed.segmenter),
        settings=CarrySettings(
            still=parsed.still, corrected=not parsed.flow_alone and not parsed.still, consistent=not parsed.quick
        ),
        side=parsed.side,
        flow=parsed.flow,
    )
    count = write_segmentation(frames, folder, source.name, parsed.overwrite)
    print(printable(f"{count} frames -> {folder / source.name}"))
    return 0
