"""Other trackers on exactly the same detections, over the cases of the protocol, scored by the same evaluator.

    python tools/compare_trackers.py [--embedding retail] [--only WORD] [--markdown]

Each tracker gets the detections of each real clip (`tools/footage.py`) at full and half rate as they were detected, and
the images; its output is each detection's mask with the track's id, made disjoint by score. Ours also refines masks
with the image, except in the rows "masks as detected", which have exactly the masks that the others have. Rows with an
embedding get the embeddings that ours gets of the same network. Ultralytics' trackers come with the `models` extra;
BoxMOT's and Roboflow's run where there is an environment for them (`tools/peers.py` says how to make it). Ours runs
with its default settings, the others with their own defaults and with a grid of settings each; the best setting of
each, by the mean of HOTA, AssA, IDF1 and sMOTSA over all clips, is named `tuned`.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np
from crossval import LOADED, METRICS, Case, Numbers, by_group, cases, numbers_of, prepare, scored, summary, tracked
from footage import SHARED, Clip, Footage, Seen
from numpy.typing import NDArray
from peer_environment import PEERS, run_peer, write_frame
from PIL import Image

from mots.labels import FrameLabels
from mots.models.torchvision_operators import import_torchvision
from mots.settings import load
from mots.trackers.detections import Detections
from mots.video.opening import open_source

Options = dict[str, Any]
# For each tracker the options that people change first; every combination is tried.
GRIDS: dict[str, dict[str, tuple[Any, ...]]] = {
    "bytetrack": {"track_high_thresh": (0.4, 0.5), "new_track_thresh": (0.5, 0.6), "track_buffer": (30, 90)},
    "botsort": {"track_high_thresh": (0.4, 0.5), "new_track_thresh": (0.5, 0.6), "track_buffer": (30, 90)},
    "tracktrack": {"track_high_thresh": (0.4, 0.5), "new_track_thresh": (0.5, 0.6), "track_buffer": (30, 90)},
}
WITH_EMBEDDINGS = ("botsort", "tracktrack", "deepocsort")
OTHERS: tuple[tuple[str, Options], ...] = (
    ("boxmot strongsort", {}),
    ("boxmot strongsort", {"min_conf": 0.3, "max_age": 90, "max_cos_dist": 0.2}),
    ("boxmot strongsort", {"min_conf": 0.4, "max_age": 90, "max_cos_dist": 0.25}),
    *((f"boxmot {kind}", {}) for kind in ("botsort", "boosttrack", "occluboost", "bytetrack", "sam2mot")),
    *((f"roboflow {kind}", {}) for kind in ("botsort", "mcbyte", "cbiou", "bytetrack", "ocsort")),
)
Run = Callable[[Case], Sequence[FrameLabels]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedding", default="retail", help="the network whose embeddings the trackers get")
    parser.add_argument("--only", default="", metavar="WORD", help="the trackers whose names hold this word")
    parser.add_argument("--markdown", action="store_true", help="print a table for the documentation")
    arguments = parser.parse_args()
    # At full and half rate: the images are read anew for each tracker, which takes most of the time.
    wanted = [case for case in cases() if isinstance(case.clip, Clip) and (case.step, case.first) in ((1, 0), (2, 0))]
    wanted = [case for case in wanted if not case.rate and not case.conf and "-" not in case.clip.name]
    divider, edge = (" | ", "| ") if arguments.markdown else ("  ", "")
    end = " |" if arguments.markdown else ""
    prepare(wanted, arguments.embedding)
    titles = [*METRICS, "IDS", *(f"worst {metric}" for metric in METRICS)]
    print(edge + divider.join(["tracker", *titles]) + end)
    if arguments.markdown:
        print("|---" * (1 + len(titles)) + "|")
    best: dict[str, tuple[float, list[str]]] = {}
    for name, tuned, run in runs(arguments.embedding):
        if arguments.only not in name:
            continue
        try:
            with get_context("fork").Pool(2) as pool:
                found = dict(pool.imap_unordered(partial(one, run), wanted))
        except RuntimeError as error:  # one that breaks stops no other
            print(f"{name} failed: {error}", file=sys.stderr)
            continue
        groups = by_group(wanted, {case.name: found[case.name] for case in wanted})
        of_all = summary(groups)
        switches = f"{np.mean([own['IDS'] for own in groups.values()]):.1f}"
        cells = [f"{of_all['mean'][m]:.2f}" for m in METRICS] + [switches]
        cells += [f"{of_all['worst'][m]:.2f}" for m in METRICS]
        value = float(np.mean([of_all["mean"][m] for m in METRICS]))
        if tuned is None:
            print(edge + divider.join([name, *cells]) + end, flush=True)
        elif name not in best or value > best[name][0]:
            best[name] = value, [f"{name}, tuned {written(tuned)}", *cells]
    for _, cells in best.values():
        print(edge + divider.join(cells) + end)


def one(run: Run, case: Case) -> tuple[str, Numbers]:
    return case.name, numbers_of(scored(LOADED[case.name], run(case)))


def runs(embedding: str) -> Iterator[tuple[str, Options | None, Run]]:
    """Each tracker's name, its options where it is one of a grid, and what runs it on a case."""
    for offline in (False, True):
        word = ", offline" if offline else ""
        yield f"ours with {embedding}{word}", None, partial(ours, embedding, offline, True)
        yield f"ours with colours alone{word}", None, partial(ours, "colours", offline, True)
        yield f"ours without appearance{word}", None, partial(ours, "none", offline, True)
        yield f"ours with {embedding}, masks as detected{word}", None, partial(ours, embedding, offline, False)
    import_torchvision()
    from ultralytics.trackers.track import TRACKER_MAP

    for name in TRACKER_MAP:
        networks = ("", embedding) if name in WITH_EMBEDDINGS else ("",)
        for network in networks:
            title = f"ultralytics {name}" + (f" with {network}" if network else "")
            yield title, None, partial(with_ultralytics, name, {}, network)
            grid = GRIDS.get(name, {})
            for values in itertools.product(*grid.values()) if grid else ():
                options = dict(zip(grid, values, strict=True))
                yield title, options, partial(with_ultralytics, name, options, network)
    if not PEERS.exists():
        print(f"no {PEERS}: BoxMOT's and Roboflow's trackers are left out", file=sys.stderr)
        return
    for name, options in OTHERS:
        yield name + (f", {written(options)}" if options else ""), None, partial(with_peer, name, options, embedding)


def ours(kind: str, offline: bool, refined: bool, case: Case) -> list[FrameLabels]:
    """The results of our tracker."""
    found = LOADED[case.name]
    return tracked(load("default"), found.frames, kind, found.frame_rate, offline, refined)


def written(options: Options) -> str:
    """Options as in a command."""
    return " ".join(f"{key}={value}" for key, value in options.items())


def images(found: Footage, clip: Clip) -> Iterator[NDArray[np.uint8]]:
    """The images of a clip's frames."""
    numbers = {each.number for each in found.frames}
    return (frame.image for frame in open_source(SHARED / clip.source, clip.frame_rate) if frame.number in numbers)


def as_detected(seen: Seen, network: str) -> Detections:
    """What the other trackers get: masks as detected, and the network's embeddings."""
    return seen.detections(f"only-{network}" if network else "none", refined=False)


def with_ultralytics(kind: str, options: Options, network: str, case: Case) -> list[FrameLabels]:
    """The results of one of Ultralytics' trackers, with its own settings but for `options`."""
    import torch
    from ultralytics.cfg import ROOT
    from ultralytics.engine.results import Boxes
    from ultralytics.trackers.track import TRACKER_MAP
    from ultralytics.utils import YAML

    torch.set_num_threads(1)
    settings = SimpleNamespace(**YAML.load(ROOT / f"cfg/trackers/{kind}.yaml") | options)
    settings.device = "cpu"
    if network:
        settings.with_reid, settings.model = True, "auto"
    tracker = TRACKER_MAP[kind](settings)
    found, results = LOADED[case.name], []
    assert isinstance(case.clip, Clip)
    for image, seen in zip(images(found, case.clip), found.frames, strict=True):
        given = as_detected(seen, network)
        rows = np.concatenate([given.boxes, given.scores[:, None], given.classes[:, None]], axis=1).astype(np.float32)
        more: dict[str, Any] = {"feats": torch.from_numpy(np.ascontiguousarray(given.embeddings))} if network else {}
        bgr = np.ascontiguousarray(image[:, :, ::-1])
        answer = np.asarray(tracker.update(Boxes(rows, given.size), bgr, **more), np.float64)
        ids = np.zeros(len(given), np.int64)
        if answer.size:
            ids[answer[:, -1].astype(np.int64)] = answer[:, 4].astype(np.int64)
        results.append(converted(given, ids, seen.number))
    return results


def with_peer(name: str, options: Options, network: str, case: Case) -> list[FrameLabels]:
    """The results of a tracker in the peers' environment."""
    found = LOADED[case.name]
    assert isinstance(case.clip, Clip)
    with TemporaryDirectory() as folder:
        given = [as_detected(seen, network) for seen in found.frames]
        for k, (image, each) in enumerate(zip(images(found, case.clip), given, strict=True)):
            path = Path(folder) / f"{k:06d}.png"
            Image.fromarray(image).save(path, compress_level=1)
            write_frame(path.with_suffix(".npz"), each, path)
        run_peer(name, options, Path(folder))
        with np.load(Path(folder) / "ids.npz") as ids:
            return [
                converted(each, ids[f"{k:06d}"], seen.number)
                for k, (each, seen) in enumerate(zip(given, found.frames, strict=True))
            ]


def converted(found: Detections, ids: NDArray[np.int64], number: int) -> FrameLabels:
    """Each detection's mask with its track's id, made disjoint by score; empty ones are dropped."""
    rows = np.flatnonzero(ids)
    masks, _ = found.masks.take(rows).disjoint(found.scores[rows])
    labels = FrameLabels.empty(number, 0.0, found.size)
    labels = replace(labels, ids=ids[rows], classes=found.classes[rows], scores=found.scores[rows], masks=masks)
    return labels.take(np.flatnonzero(masks.boxes[:, 2] > 0))


if __name__ == "__main__":
    main()
