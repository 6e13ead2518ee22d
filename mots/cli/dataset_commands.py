"""The command `mots dataset`: data for training, from a benchmark's truth."""

from __future__ import annotations

import argparse
from pathlib import Path

from mots.errors import MotsError

__all__ = ["add_dataset_command"]


def add_dataset_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `dataset` to the command line."""
    dataset = commands.add_parser("dataset", help="write a data set for fine-tuning the detector or a ReID network")
    dataset.add_argument("kind", metavar="KIND", help="yolo (ultralytics' segmentation) or reid (torchreid's msmt17)")
    dataset.add_argument("--root", type=Path, required=True, metavar="DIR", help="the data set's folder")
    dataset.add_argument("--benchmark", help="kitti-mots or mots20; without it any folder of sequences with truth")
    dataset.add_argument("--output", type=Path, required=True, metavar="DIR", help="the folder to write")
    dataset.add_argument("--val", metavar="NAMES", help="sequences to check with (default: the split val, or the last)")
    dataset.add_argument("--sequences", metavar="NAMES", help="only these, as in 0002,0006")
    dataset.add_argument("--classes", metavar="NAMES", help="default: the benchmark's, for reid person")
    dataset.add_argument("--every", type=int, metavar="N", help="take each N-th frame (default: yolo 1, reid 5)")
    dataset.add_argument("--height", type=int, default=32, metavar="PIXELS", help="reid: of the smallest crops")
    dataset.add_argument("--overwrite", action="store_true", help="replace a folder that is there")
    dataset.set_defaults(run=run_dataset)


def run_dataset(parsed: argparse.Namespace) -> int:
    from mots.benchmarks.layouts import discover
    from mots.benchmarks.registry import benchmark_named
    from mots.classes import from_mots, names_to_ids
    from mots.training import reid_dataset, yolo_dataset
    from mots.training.training_frames import splits

    if parsed.kind not in ("yolo", "reid"):
        raise MotsError(f"dataset '{parsed.kind}': wanted yolo or reid")
    every = parsed.every if parsed.every is not None else {"yolo": 1, "reid": 5}[parsed.kind]
    if every < 1:
        raise MotsError(f"--every {every}: wanted 1 or more")
    if parsed.output.exists() and not parsed.overwrite:
        raise MotsError(f"{parsed.output} exists: choose another --output, or add --overwrite")
    bench = None if parsed.benchmark is None else benchmark_named(parsed.benchmark)
    if bench is not None and not bench.classes:
        raise MotsError(f"--benchmark {bench.name}: wanted kitti-mots or mots20")
    chosen = None if parsed.sequences is None else [name.strip() for name in parsed.sequences.split(",")]
    found = [each for each in discover(parsed.root, bench, None, chosen) if each.truth is not None]
    if not found:
        raise MotsError(f"{parsed.root}: no sequence has truth beside its pictures")
    own = {} if bench is None else bench.splits.get("val", {})
    held_out = [] if parsed.val is None else [name.strip() for name in parsed.val.split(",")]
    train, val = splits(
        [each for each in found if each.name not in own], [each for each in found if each.name in own], held_out
    )
    if parsed.classes is not None:
        try:
            classes = names_to_ids(parsed.classes.split(","))
        except ValueError as error:
            raise MotsError(str(error)) from error
    elif parsed.kind == "reid":
        classes = names_to_ids(["person"])
    else:
        classes = (0, 2) if bench is None else tuple(sorted(from_mots(number) for number in bench.classes.values()))
    both = {"train": train, "val": val}
    if parsed.kind == "yolo":
        print(yolo_dataset.write(parsed.output, both, classes, every))
    else:
        print(reid_dataset.write(parsed.output, both, classes, every, parsed.height))
    return 0
