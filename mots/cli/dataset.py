"""`mots dataset`: data for fine-tuning, from a benchmark's truth."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

from mots.cli.options import Commands, add_benchmark, at_least, names_in
from mots.errors import InputError, MotsWarning

__all__ = ["add"]


def add(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("dataset", help="write a data set for fine-tuning the detector or a ReID network")
    parser.add_argument("kind", metavar="KIND", help="yolo (Ultralytics' segmentation) or reid (torchreid's msmt17)")
    parser.add_argument("--root", type=Path, required=True, metavar="DIR", help="the folder of the sequences")
    add_benchmark(parser, without="without it any folder of sequences with truth")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="the folder to write")
    parser.add_argument("--val", metavar="NAMES", help="sequences for validation (default: the split val, or the last)")
    parser.add_argument("--sequences", metavar="NAMES", help="only these, as in 0002,0006")
    parser.add_argument("--classes", metavar="NAMES", help="default: the benchmark's, for reid person")
    parser.add_argument("--every", type=int, metavar="N", help="use every N-th frame (default: yolo 1, reid 5)")
    parser.add_argument(
        "--least-confidence",
        type=float,
        default=0.0,
        metavar="X",
        help="yolo: leave out frames that mots annotate is less sure of (0 to 1)",
    )
    parser.add_argument("--height", type=at_least(1), default=32, metavar="PIXELS", help="reid: of the smallest crops")
    parser.add_argument("--overwrite", action="store_true", help="replace a folder that is there")
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> int:
    from mots.benchmarks.layouts import discover
    from mots.benchmarks.registry import benchmark_named
    from mots.classes import CLASS_NAMES, names_to_ids
    from mots.files import check_target
    from mots.training import reid_dataset, yolo_dataset
    from mots.training.training_frames import splits

    if parsed.kind not in ("yolo", "reid"):
        raise InputError(f"dataset '{parsed.kind}': wanted yolo or reid")
    every = parsed.every if parsed.every is not None else {"yolo": 1, "reid": 5}[parsed.kind]
    if not 0 <= parsed.least_confidence <= 1:
        raise InputError(f"--least-confidence {parsed.least_confidence}: wanted a number from 0 to 1")
    if every < 1:
        raise InputError(f"--every {every}: wanted 1 or more")
    check_target(parsed.output, parsed.overwrite, [parsed.root])
    bench = None if parsed.benchmark is None else benchmark_named(parsed.benchmark)
    if bench is not None and not bench.classes:
        raise InputError(f"--benchmark {bench.name}: wanted one with masks of objects, such as kitti-mots or mots20")
    chosen = names_in(parsed.sequences)
    found = discover(parsed.root, bench, None, chosen)
    sequences = [each for each in found if each.truth is not None]
    if not sequences:
        raise InputError(f"{parsed.root}: no sequence has truth beside its images")
    for each in found if len(found) > len(sequences) else ():
        if each.truth is None:
            warnings.warn(MotsWarning(f"{each.source}: left out: no truth of {each.name} beside it"), stacklevel=2)
    own = {} if bench is None else bench.splits.get("val", {})
    train, val = splits(
        [each for each in sequences if each.name not in own],
        [each for each in sequences if each.name in own],
        names_in(parsed.val) or [],
    )
    if parsed.classes is not None:
        try:
            classes = names_to_ids(parsed.classes) or tuple(range(len(CLASS_NAMES)))  # none stands for all
        except ValueError as error:
            raise InputError(str(error)) from error
    elif parsed.kind == "reid":
        classes = names_to_ids("person")
    else:
        classes = names_to_ids("person,car") if bench is None else tuple(sorted(bench.classes.values()))
    both = {"train": train, "val": val}
    if parsed.kind == "yolo":
        print(yolo_dataset.write(parsed.output, both, classes, every, parsed.least_confidence))
    else:
        print(reid_dataset.write(parsed.output, both, classes, every, parsed.height))
    return 0
