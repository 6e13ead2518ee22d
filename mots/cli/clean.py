"""`mots clean`: results with cleaner masks."""

from __future__ import annotations

import argparse
from pathlib import Path

from mots.cli.options import Commands, at_least, count
from mots.errors import InputError
from mots.names import printable

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("clean", help="remove crumbs and holes from masks, and smooth them over time")
    parser.add_argument("results", metavar="RESULTS", type=Path, help="a run's folder, or any readable format")
    parser.add_argument("source", metavar="SOURCE", help="their video, or folder or glob of images")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the cleaned results")
    parser.add_argument("--sequence", metavar="NAME", help="which one, where RESULTS holds several")
    parser.add_argument(
        "--window",
        type=at_least(0),
        default=2,
        metavar="N",
        help="frames before and after that vote (default 2; 0: none)",
    )
    parser.add_argument("--no-morphology", action="store_true", help="smooth over time only")
    parser.add_argument(
        "--flow", default="dis", metavar="NAME|PATH", help="what moves masks: dis (default), farneback, raft"
    )
    parser.add_argument("--frame-rate", type=float, metavar="FPS", help="frames a second, whatever the source says")
    parser.add_argument("--overwrite", action="store_true", help="replace cleaned results that are there")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    from mots.files import check_target
    from mots.pipeline.interrupts import interruptible
    from mots.pipeline.results import ResultFolder
    from mots.rendering.saved_results import SavedResults
    from mots.segmentation.clean import clean
    from mots.segmentation.cleaning import CleanSettings
    from mots.segmentation.mask_smoothing import SmoothSettings
    from mots.video.opening import open_source

    if parsed.no_morphology and parsed.window == 0:
        raise InputError("--no-morphology with --window 0: nothing to do")
    source = open_source(parsed.source, parsed.frame_rate)
    saved = SavedResults(parsed.results, parsed.sequence)
    name = saved.sequence
    check_target(parsed.output / f"{name}.txt", parsed.overwrite, [parsed.results])
    nothing = CleanSettings(opening=0.0, closing=0.0, hole=0.0, piece=0.0)
    frames = clean(
        saved,
        source,
        cleaning=nothing if parsed.no_morphology else None,
        smoothing=SmoothSettings(window=parsed.window),
        flow=parsed.flow,
    )
    with ResultFolder(parsed.output, name, parsed.overwrite) as results:
        for labels in interruptible(frames):
            results.write(labels)
    print(printable(f"{count(results.frames, 'frame')} -> {results.path}"))
    return 0
