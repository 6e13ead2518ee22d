"""`mots annotate`: keyframe labels carried to all frames."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from mots.cli.options import Commands, at_least, count
from mots.errors import InputError
from mots.names import printable

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("annotate", help="carry the labels of a few frames to all, with a confidence")
    parser.add_argument("source", metavar="SOURCE", help="a video, a folder or glob of images")
    parser.add_argument("labels", metavar="LABELS", type=Path, help="of the keyframes, in any readable format")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the labels")
    parser.add_argument("--sequence", metavar="NAME", help="which one, where LABELS holds several")
    parser.add_argument(
        "--segmenter",
        default="grabcut",
        metavar="NAME|PATH",
        help="what corrects masks: grabcut (default), sam, or weights such as mobile_sam.pt",
    )
    parser.add_argument(
        "--flow", default="dis", metavar="NAME|PATH", help="how masks are carried: dis, farneback, raft"
    )
    parser.add_argument("--flow-alone", action="store_true", help="do not correct masks by the picture: quicker")
    parser.add_argument(
        "--sure",
        type=float,
        default=0.0,
        metavar="X",
        help="objects of a confidence below X (0 to 1) become ignore regions, which teach a detector nothing",
    )
    parser.add_argument("--side", type=at_least(32), default=854, help="longer side of the working size, in pixels")
    parser.add_argument("--frame-rate", type=float, metavar="FPS", help="frames a second, whatever the source says")
    parser.add_argument("--overwrite", action="store_true", help="replace labels that are there")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    from mots.files import check_target
    from mots.labelling.annotate import CONFIDENCE, next_keyframe, write_annotations
    from mots.labelling.keyframes import CARRYING, annotate_frames, keyframe_labels, unsure_ignored
    from mots.segmentation.flow import flow_named
    from mots.segmentation.prompted_refiner import segmenter_named
    from mots.video.opening import open_source

    if not 0 <= parsed.sure <= 1:
        raise InputError(f"--sure {parsed.sure}: wanted a confidence from 0 to 1")
    source = open_source(parsed.source, parsed.frame_rate)
    keys = keyframe_labels(parsed.labels, parsed.sequence or source.name)
    name = parsed.sequence or source.name
    check_target(parsed.output / f"{name}.txt", parsed.overwrite, [parsed.labels])
    frames = annotate_frames(
        source,
        keys,
        segmenter=segmenter_named(parsed.segmenter),
        settings=replace(CARRYING, corrected=not parsed.flow_alone),
        side=parsed.side,
        flow=flow_named(parsed.flow),
    )
    if parsed.sure > 0:
        frames = (replace(each, labels=unsure_ignored(each.labels, parsed.sure)) for each in frames)
    rows = write_annotations(frames, parsed.output, name, parsed.overwrite)
    print(printable(f"{count(len(keys), 'keyframe')} -> {count(len(rows), 'frame')} in {parsed.output / name}.txt"))
    advised = next_keyframe(rows)
    if advised is not None:
        print(f"next keyframe: frame {advised.frame} ({advised.time:.2f} s), confidence {advised.confidence:.2f}")
    print(printable(f"the confidence of each frame: {parsed.output / f'{name}{CONFIDENCE}'}"))
    return 0
