"""Other trackers on exactly the same detections, scored by the same evaluator, in one go.

    python tools/compare_trackers.py [--data ../shared] [--markdown]
    python tools/compare_trackers.py --worlds 101 102 103 104

Each tracker gets the saved detections of the two MOTS20 sequences beside the project, and the pictures; its output is
each detection's mask with the track's id, made disjoint by score. Ours also fits masks to the pictures, but for the row
"masks as detected", which has exactly the masks that the others have. Rows "with OSNet" get the embeddings that ours
gets of the same network. Ultralytics' trackers come with the `models` extra; BoxMOT's and Roboflow's run where there is
an environment for them (`tools/peers.py` says how to make it). Ours runs with its default settings of mots20, the
others with their own defaults and, named `tuned`, with the best of 28 settings picked by hand on these sequences.

`--worlds` takes toy worlds of these seeds in place of the real data: 300 frames each with noisy detections and noisy
embeddings, many posts to hide behind, and half of the walkers in one and the same style.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from types import SimpleNamespace
from typing import Any

import numpy as np
from ablate import SEQUENCES, SHARED, Observed, observed, tracked
from numpy.typing import NDArray
from PIL import Image

from mots.detection.camera_motion import FlowCameraMotion
from mots.detection.colour_histograms import DIMENSION, embed
from mots.evaluation.scoring import score
from mots.formats import mots_text
from mots.labels import FrameLabels, label
from mots.models.torchvision_nms import import_torchvision
from mots.settings import load
from mots.toy.world import World, WorldSettings
from mots.trackers.detections import Detections
from mots.trackers.offline import refine
from mots.trackers.tracker import Tracker, TrackerSettings
from mots.video.opening import open_source

COLUMNS = ("HOTA", "DetA", "AssA", "sMOTSA", "MOTSA", "IDF1", "IDS", "Frag", "FP", "FN")
HARD = WorldSettings(posts=8, look_alikes=0.5)
LENGTH = 300
COUNTS = ("IDS", "Frag", "FP", "FN")
PEERS = Path(__file__).resolve().parents[1] / ".venv-peers/bin/python"
TUNED_TRACKTRACK: dict[str, Any] = {"track_high_thresh": 0.5, "new_track_thresh": 0.6}
OTHERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("boxmot strongsort", {}),
    ("boxmot strongsort", {"min_conf": 0.3, "max_age": 90, "max_cos_dist": 0.2}),
    ("boxmot strongsort", {"min_conf": 0.4, "max_age": 90, "max_cos_dist": 0.25}),
    *((f"boxmot {kind}", {}) for kind in ("botsort", "boosttrack", "occluboost", "bytetrack", "sam2mot")),
    *((f"roboflow {kind}", {}) for kind in ("botsort", "mcbyte", "cbiou", "bytetrack", "ocsort")),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=SHARED, help="the folder of real data")
    parser.add_argument("--markdown", action="store_true", help="print a table for README")
    parser.add_argument("--only", default="", metavar="WORD", help="the trackers whose names hold this word")
    parser.add_argument("--worlds", type=int, nargs="+", default=(), metavar="SEED", help="toy worlds instead")
    arguments = parser.parse_args()
    if arguments.worlds:
        scenes = {f"world{seed}": World(seed, HARD) for seed in arguments.worlds}
        drawn = {name: list(world.frames(LENGTH)) for name, world in scenes.items()}
        compare(
            {name: [truth for _, truth in frames] for name, frames in drawn.items()},
            {name: list(observed_world(world, drawn[name])) for name, world in scenes.items()},
            lambda name: (image for image, _ in drawn[name]),
            load("default").tracker,
            arguments.markdown,
            arguments.only,
        )
        return
    reid = str(arguments.data / "weights/osnet_x0_25_msmt17.pth")
    frames = {name: list(observed(arguments.data, name, reid)) for name in SEQUENCES}
    truth = {name: list(mots_text.read(arguments.data / f"data/mots20/{name}/instances.txt")) for name in SEQUENCES}
    images = {name: arguments.data / f"data/mots20/{name}/images" for name in SEQUENCES}
    compare(
        truth,
        frames,
        lambda name: (frame.image for frame in open_source(images[name])),
        load("mots20").tracker,
        arguments.markdown,
        arguments.only,
    )


Images = Callable[[str], Iterator[NDArray[np.uint8]]]


def compare(
    truth: dict[str, list[FrameLabels]],
    frames: dict[str, list[Observed]],
    images: Images,
    settings: TrackerSettings,
    markdown: bool,
    only: str,
) -> None:
    """Run every tracker over all sequences, or those with `only` in their names, and print a row for each."""
    benchmark = "mots20" if SEQUENCES[0] in truth else "kitti-mots"
    divider, edge = (" | ", "| ") if markdown else ("  ", "")
    end = " |" if markdown else ""
    print(edge + divider.join(["tracker", *COLUMNS, "s"]) + end)
    if markdown:
        print("|---" * (2 + len(COLUMNS)) + "|")
    for name, run in runs(frames, images, settings, only):
        if only not in name:
            continue
        begin = perf_counter()
        try:
            results = {sequence: run(sequence) for sequence in truth}
        except RuntimeError as error:  # one that breaks stops no other
            print(f"{name} failed: {error}", file=sys.stderr)
            continue
        seconds = perf_counter() - begin
        found = score(truth, results, benchmark=benchmark).to_dict()["combined"]
        numbers = found.get("all classes") or found["pedestrian"]
        cells = [f"{numbers[c]:.0f}" if c in COUNTS else f"{100 * numbers[c]:.2f}" for c in COLUMNS]
        print(edge + divider.join([name, *cells, f"{seconds:.0f}"]) + end, flush=True)


Run = Callable[[str], list[FrameLabels]]


def runs(
    frames: dict[str, list[Observed]], images: Images, settings: TrackerSettings, only: str
) -> Iterator[tuple[str, Run]]:
    """Each tracker's name, and what runs it on a sequence."""
    yield "ours with OSNet", lambda s: tracked(settings, frames[s], lambda frame: frame.network, True)
    yield "ours (default)", lambda s: tracked(settings, frames[s], lambda frame: frame.colours, True)
    yield "ours without appearance", lambda s: tracked(settings, frames[s], lambda frame: frame.plain, True)
    yield "ours with OSNet, masks as detected", lambda s: tracked(settings, frames[s], lambda frame: frame.coarse, True)
    yield "ours with OSNet, offline", lambda s: tracked_offline(settings, frames[s], lambda frame: frame.network)
    yield "ours, offline", lambda s: tracked_offline(settings, frames[s], lambda frame: frame.colours)
    import_torchvision()
    from ultralytics.trackers.track import TRACKER_MAP

    def ultralytics(kind: str, options: dict[str, Any], network: bool, sequence: str) -> list[FrameLabels]:
        return with_ultralytics(kind, images(sequence), frames[sequence], options, network)

    for name in TRACKER_MAP:
        yield f"ultralytics {name}", partial(ultralytics, name, {}, False)
        if name in ("botsort", "tracktrack", "deepocsort"):
            label = f"ultralytics {name} with OSNet"
            yield label, partial(ultralytics, name, {}, True)
    yield (
        f"ultralytics tracktrack with OSNet, tuned {written(TUNED_TRACKTRACK)}",
        partial(ultralytics, "tracktrack", TUNED_TRACKTRACK, True),
    )
    if not any(only in name for name, _ in OTHERS):
        return
    if not PEERS.exists():
        print(f"no {PEERS}: BoxMOT's and Roboflow's trackers are left out", file=sys.stderr)
        return
    with TemporaryDirectory() as folder:
        given = {s: given_to_peers(Path(folder) / s, images(s), frames[s]) for s in frames}
        for name, options in OTHERS:
            label = name + (f", tuned {written(options)}" if options else "")
            yield label, partial(with_peer, name, options, given, frames)


def written(options: dict[str, Any]) -> str:
    """Options as in a command."""
    return " ".join(f"{key}={value}" for key, value in options.items())


def given_to_peers(folder: Path, images: Iterator[NDArray[np.uint8]], frames: list[Observed]) -> Path:
    """A folder of what `tools/peers.py` reads."""
    folder.mkdir()
    for k, (image, seen) in enumerate(zip(images, frames, strict=True)):
        found, path = seen.coarse, folder / f"{k:06d}.png"
        Image.fromarray(image).save(path, compress_level=1)
        np.savez(
            folder / f"{k:06d}.npz",
            boxes=np.ascontiguousarray(found.boxes, np.float32),
            scores=np.asarray(found.scores, np.float32),
            classes=found.classes,
            features=features(seen),
            mask_boxes=found.masks.boxes,
            mask_pixels=found.masks.pixels,
            mask_starts=found.masks.starts,
            image=np.array(str(path)),
        )
    return folder


def with_peer(
    name: str, options: dict[str, Any], given: dict[str, Path], frames: dict[str, list[Observed]], sequence: str
) -> list[FrameLabels]:
    """The results of a tracker in the peers' environment."""
    script = Path(__file__).with_name("peers.py")
    command = [str(PEERS), str(script), name, json.dumps(options), str(given[sequence])]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    with np.load(given[sequence] / "ids.npz") as ids:
        return [converted(seen.coarse, ids[f"{k:06d}"], seen.number) for k, seen in enumerate(frames[sequence])]


def features(seen: Observed) -> NDArray[np.float32]:
    """(N, D) the network's part of what ours gets, of unit length again."""
    found = seen.coarse.embeddings[:, DIMENSION:]
    return np.ascontiguousarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12), np.float32)


def tracked_offline(
    settings: TrackerSettings, frames: list[Observed], pick: Callable[[Observed], Detections]
) -> list[FrameLabels]:
    """The results of our tracker, refined offline."""
    tracker = Tracker(settings, 30.0)
    detections = [pick(seen) for seen in frames]
    ids = [tracker.update(found, camera=seen.camera) for found, seen in zip(detections, frames, strict=True)]
    times = [seen.number / 30 for seen in frames]
    motions = [seen.camera for seen in frames]
    refined = refine(times, detections, ids, motions, appearance=settings.appearance, groups=settings.groups)
    results = []
    for seen, found, new in zip(frames, detections, refined, strict=True):
        classes = np.array([new.classes[identity] for identity in new.ids[new.ids > 0].tolist()], np.int64)
        results.append(label(found, new.ids, classes, seen.number, seen.number / 30)[0])
    return results


def observed_world(world: World, drawn: list[tuple[NDArray[np.uint8], FrameLabels]]) -> Iterator[Observed]:
    """The frames of a toy world; its own embeddings stand for a network's."""
    camera = FlowCameraMotion()
    for k, (image, _) in enumerate(drawn):
        found = world.detections(k)
        plain = replace(found, embeddings=np.zeros((len(found), 0), np.float32))
        colours = embed(image, plain)
        network = replace(found, embeddings=np.concatenate([0.0 * colours, found.embeddings], axis=1))
        yield Observed(
            k, plain, replace(found, embeddings=colours), network, network, camera.motion(image, found.masks)
        )


def with_ultralytics(
    kind: str, images: Iterator[NDArray[np.uint8]], frames: list[Observed], options: dict[str, Any], network: bool
) -> list[FrameLabels]:
    """The results of one of Ultralytics' trackers, with its own settings but for `options`."""
    import torch
    from ultralytics.cfg import ROOT
    from ultralytics.engine.results import Boxes
    from ultralytics.trackers.track import TRACKER_MAP
    from ultralytics.utils import YAML

    settings = SimpleNamespace(**YAML.load(ROOT / f"cfg/trackers/{kind}.yaml") | options)
    settings.device = "cpu"
    if network:
        settings.with_reid, settings.model = True, "auto"
    tracker = TRACKER_MAP[kind](settings)
    results = []
    for image, seen in zip(images, frames, strict=True):
        found = seen.coarse
        rows = np.concatenate([found.boxes, found.scores[:, None], found.classes[:, None]], axis=1).astype(np.float32)
        more: dict[str, Any] = {}
        if network:
            more["feats"] = torch.from_numpy(features(seen))
        bgr = np.ascontiguousarray(image[:, :, ::-1])
        answer = np.asarray(tracker.update(Boxes(rows, found.size), bgr, **more), np.float64)
        ids = np.zeros(len(found), np.int64)
        if answer.size:
            ids[answer[:, -1].astype(np.int64)] = answer[:, 4].astype(np.int64)
        results.append(converted(found, ids, seen.number))
    return results


def converted(found: Detections, ids: NDArray[np.int64], number: int) -> FrameLabels:
    """Each detection's mask with its track's id, made disjoint by score; empty ones are dropped."""
    rows = np.flatnonzero(ids)
    masks, _ = found.masks.take(rows).disjoint(found.scores[rows])
    labels = FrameLabels.empty(number, 0.0, found.size)
    labels = replace(labels, ids=ids[rows], classes=found.classes[rows], scores=found.scores[rows], masks=masks)
    return labels.take(np.flatnonzero(masks.boxes[:, 2] > 0))


if __name__ == "__main__":
    main()
