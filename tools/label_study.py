"""Labels for less, measured: fine-tuning on a few labelled frames against all labels.

    python tools/label_study.py --weights yolov8n-seg.pt --work DIR [--pairs 2] [--seeds 3] [--carried]

Footage with little in it: a pair of toy worlds of two walkers and one vehicle each, 320 frames. The detector's weights
are those of real photographs, and the first ten modules of the network stay as they are. Labels: of every second frame;
of one frame in twenty, chosen by `mots select` or drawn at random; with `--carried` also the chosen ones carried to
every second frame by `mots annotate`. After training on as many pictures each is scored on a third, fuller world:
mask mAP.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("YOLO_OFFLINE", "true")

import numpy as np
from PIL import Image

from mots.benchmarks.layouts import SequenceFiles
from mots.labelling.annotate import CONFIDENCE, write_annotations
from mots.labelling.keyframes import annotate_frames, unsure_ignored
from mots.labelling.selection_task import selected_frames
from mots.labels import FrameLabels
from mots.pipeline.results import ResultFolder
from mots.settings import load
from mots.toy.world import World, WorldSettings
from mots.training import yolo_dataset
from mots.video.opening import open_source

CLASSES = (0, 2, 5, 7)
PAIRS = ((81, 82), (83, 84), (85, 86), (87, 88))  # seeds of the worlds
SPARSE = WorldSettings(walkers=2, vehicles=1, posts=4, frame_rate=25.0)
FULLER, FULLER_SEED, FULLER_FRAMES = WorldSettings(walkers=8, vehicles=3, posts=4, frame_rate=25.0), 90, 160
FROZEN = 10  # modules of the network that stay as they are: few labels change little, and runs differ less by chance
SHARE = 20  # of so many frames one is labelled
SURE = 0.3  # objects of a lower confidence are painted over


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=320)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--imgsz", type=int, default=320)
    parser.add_argument("--pairs", type=int, default=2, choices=range(1, len(PAIRS) + 1))
    parser.add_argument("--seeds", type=int, default=3, help="drawings of frames at random")
    parser.add_argument("--carried", action="store_true")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.work, ignore_errors=True)
    print(f"{'labels':24}{'frames':>8}{'objects':>9}{'mAP50-95':>10}{'mAP50':>8}", flush=True)
    fuller = world_in(arguments.work, FULLER_SEED, FULLER, FULLER_FRAMES)
    for seeds in PAIRS[: arguments.pairs]:
        study(arguments, seeds, fuller)


def study(arguments: argparse.Namespace, seeds: tuple[int, int], fuller: list[FrameLabels]) -> None:
    """Print a row for each way of labelling one pair of worlds."""
    train, val = tuple(f"w{seed}" for seed in seeds), f"w{FULLER_SEED}"
    truth = {f"w{seed}": world_in(arguments.work, seed, SPARSE, arguments.frames) for seed in seeds} | {val: fuller}
    count = len(train) * arguments.frames // SHARE
    settings = load(changes={"detector.weights": arguments.weights, "classes": "all", "frame_rate": 25.0})
    chosen = selected_frames([arguments.work / f"images/{name}" for name in train], count, settings, every=1)
    keys = {"selected": [(choice.value.source, choice.value.frame) for choice in chosen.choices]}
    keys |= {f"random {seed}": at_random(train, arguments.frames, count, seed) for seed in range(arguments.seeds)}
    everything = {name: truth[name] for name in train}
    steps = arguments.epochs * len(train) * arguments.frames // 2

    def row(way: str, own: dict[str, list[FrameLabels]], frames: int, objects: int, pictures: int, every: int) -> None:
        place = f"{way} {'-'.join(train)}"
        data = dataset(arguments.work, place, own, train, val, truth, every)
        numbers = validated(trained(arguments, place, data, max(steps // pictures, 1)), arguments, data)
        print(f"{place:24}{frames:8}{objects:9}{numbers[0]:10.3f}{numbers[1]:8.3f}", flush=True)

    used = len(train) * arguments.frames // 2
    row("all", everything, used, sum(len(each) for own in everything.values() for each in own[::2]), used, 2)
    for way, own in keys.items():
        alone(arguments.work, f"{way} {'-'.join(train)}", everything, own)
        objects = sum(len(truth[name][frame]) for name, frame in own)
        row(way, everything, len(own), objects, count, 1)
        if arguments.carried and way == "selected":
            place = f"carried {'-'.join(train)}"
            found = {name: carried(arguments.work, place, name, truth[name], own) for name in train}
            row("carried", found, len(own), objects, used, 2)


def alone(work: Path, way: str, truth: dict[str, list[FrameLabels]], keys: Sequence[tuple[str, int]]) -> None:
    """Confidence tables that leave nothing but the keyframes."""
    folder = work / f"carried/{way}"
    folder.mkdir(parents=True)
    for name, own in truth.items():
        rows = [f"{each.frame},{int((name, each.frame) in keys)}" for each in own]
        (folder / f"{name}{CONFIDENCE}").write_text("\n".join(["frame,confidence", *rows, ""]))


def world_in(work: Path, seed: int, kind: WorldSettings, frames: int) -> list[FrameLabels]:
    """Render a world; its truth."""
    world, folder = World(seed, kind), work / f"images/w{seed}"
    folder.mkdir(parents=True)
    truth = []
    for k in range(frames):
        image, labels = world.frame(k)
        Image.fromarray(image).save(folder / f"{k:06d}.png")
        truth.append(labels)
    return truth


def at_random(names: Sequence[str], frames: int, count: int, seed: int) -> list[tuple[str, int]]:
    """As many frames, drawn at random."""
    places = np.random.default_rng(seed).choice(len(names) * frames, count, replace=False)
    return [(names[place // frames], int(place % frames)) for place in places]


def carried(
    work: Path, way: str, name: str, truth: list[FrameLabels], keys: Sequence[tuple[str, int]]
) -> list[FrameLabels]:
    """The labels of all frames of a world, carried from the keyframes; those of the truth there."""
    keyed = {frame: truth[frame] for source, frame in keys if source == name}
    if not keyed:
        return []
    found = list(annotate_frames(open_source(work / f"images/{name}", 25.0), keyed))
    write_annotations(found, work / f"carried/{way}", name)
    pairs = [(own, each.labels) for own, each in zip(truth, found, strict=True) if len(own)]
    ious = [own.masks.iou(labels.masks).max(axis=1, initial=0).mean() for own, labels in pairs]
    print(f"{way}, {name}: {len(keyed)} keyframes, mean best IoU with the truth {np.mean(ious):.3f}", flush=True)
    return [unsure_ignored(each.labels, SURE) for each in found]


def dataset(
    work: Path, way: str, labels: dict[str, list[FrameLabels]], train: Sequence[str], val: str,
    truth: dict[str, list[FrameLabels]], every: int,
) -> Path:  # fmt: skip
    """An Ultralytics data set of these labels; validation is always by the exact ones."""
    folder = work / f"data-{way.replace(' ', '-')}"
    if folder.exists():
        return folder / "data.yaml"
    splits: dict[str, list[SequenceFiles]] = {"train": [], "val": []}
    for split, names in (("train", train), ("val", (val,))):
        for name in names:
            own = truth[name] if split == "val" else labels[name]
            if not own:
                continue
            with ResultFolder(work / f"labels-{way.replace(' ', '-')}", name) as results:
                for each in own:
                    results.write(each)
            beside = work / f"carried/{way}/{name}{CONFIDENCE}"
            if split == "train" and beside.is_file():
                shutil.copyfile(beside, results.path.with_name(f"{name}{CONFIDENCE}"))
            splits[split].append(SequenceFiles(name, work / f"images/{name}", results.path, None))
    yolo_dataset.write(folder, splits, CLASSES, every=every, least=0.0 if every > 1 else 0.99)
    return folder / "data.yaml"


def trained(arguments: argparse.Namespace, way: str, data: Path, epochs: int) -> str:
    """Fine-tune; the best weights."""
    from mots.models.torchvision_operators import import_torchvision

    import_torchvision()
    from ultralytics import YOLO

    model = YOLO(arguments.weights)
    model.train(
        data=str(data), epochs=epochs, imgsz=arguments.imgsz, batch=8, device="cpu", workers=0, seed=0,
        project=str(arguments.work.resolve() / "runs"), name=way.replace(" ", "-"), plots=False, verbose=False,
        amp=False, val=False, close_mosaic=2, freeze=FROZEN,
    )  # fmt: skip
    return str(arguments.work / f"runs/{way.replace(' ', '-')}/weights/last.pt")


def validated(weights: str, arguments: argparse.Namespace, data: Path) -> tuple[float, float]:
    """Mask mAP50-95 and mAP50 on the third world."""
    from mots.models.torchvision_operators import import_torchvision

    import_torchvision()
    from ultralytics import YOLO

    result = YOLO(weights).val(
        data=str(data), imgsz=arguments.imgsz, device="cpu", workers=0, plots=False, verbose=False
    )
    return float(result.seg.map), float(result.seg.map50)


if __name__ == "__main__":
    main()
