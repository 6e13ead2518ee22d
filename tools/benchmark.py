"""What the engine's own work costs, step by step, and how fast it is beside others.

    python tools/benchmark.py all [--rounds 5] [--json FILE] [--device cuda:0]

`all`: frames a second of whole pipelines, ours and Ultralytics' `track`, in turns on the same frames (see
`tools/pipeline_speed.py`), then `update` and `track`.

    python tools/benchmark.py track [DETECTIONS] [--repeat 3]

`track`: every frame of saved detections (default: MOTS20-05 beside the project) through the steps of `mots track` but
decoding and the network, with the median and the 90th percentile of each step in milliseconds.

    python tools/benchmark.py update

`update`: `Tracker.update` and that of other trackers alone (see `tools/update_speed.py`); the IoU of 40 masks with 40
others; and the camera's motion in a 1080p frame.

    python tools/benchmark.py score [--repeat 5]

`score`: HOTA, CLEAR and Identity of a KITTI-val-sized set (9 sequences, 2,981 frames of a toy world, drawn once into
the work folder), with TrackEval and with `mots score` on the same files in turn: in one process, warm, and as whole
processes; then with the results repeated 4 and 16 times as long, and STQ a frame pair at KITTI's size.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from update_speed import timed

from mots.benchmarks.registry import BENCHMARKS
from mots.detection import saved_detections as saved
from mots.formats import mots_text
from mots.labels import label
from mots.pipeline.results import ResultFolder
from mots.settings import load
from mots.toy.world import World, WorldSettings
from mots.trackers.tracker import Tracker

SHARED = Path(os.environ.get("MOTS_DATA") or Path(__file__).resolve().parents[1].parent / "shared")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    track = commands.add_parser("track")
    track.add_argument("detections", nargs="?", type=Path, default=SHARED / "acceptance/detections/0005.txt")
    track.add_argument("--preset", default="mots20")
    track.add_argument("--repeat", type=int, default=3)
    track.set_defaults(run=lambda a: track_steps(a.detections, a.preset, a.repeat))
    scoring = commands.add_parser("score")
    scoring.add_argument("--work", type=Path, default=Path("build/benchmark"))
    scoring.add_argument("--repeat", type=int, default=5)
    scoring.set_defaults(run=lambda a: score_both(a.work, a.repeat))
    theirs = commands.add_parser("trackeval", help="one run of TrackEval, for `score` to time")
    theirs.add_argument("work", type=Path)
    theirs.set_defaults(run=lambda a: with_trackeval(a.work, VAL))
    update = commands.add_parser("update")
    update.set_defaults(run=lambda a: time_update())
    everything = commands.add_parser("all")
    everything.add_argument("--rounds", type=int, default=5)
    everything.add_argument("--device", default="cpu", help="of the networks, ours and Ultralytics'")
    everything.add_argument("--json", type=Path, help="also write the numbers of the whole pipelines here")
    everything.set_defaults(run=time_all)
    arguments = parser.parse_args()
    arguments.run(arguments)


def time_all(arguments: argparse.Namespace) -> None:
    """Print all but scoring, which has its own command."""
    from pipeline_speed import compare

    compare(arguments.rounds, arguments.json, arguments.device)
    print()
    time_update()
    track_steps(SHARED / "acceptance/detections/0005.txt", "mots20", 1)


def track_steps(detections: Path, preset: str, repeat: int) -> None:
    """Print the time of each step; the frame's sum is taken frame by frame before its median."""
    settings = load(preset)
    frames = list(saved.read(detections))
    steps: dict[str, list[float]] = {"associate": [], "label": [], "write": []}
    for _ in range(repeat):
        tracker = Tracker(settings.tracker, settings.frame_rate or settings.source.default_rate)
        with tempfile.TemporaryDirectory() as folder, ResultFolder(Path(folder), "x", overwrite=False) as results:
            for frame in frames:
                t0 = perf_counter()
                ids = tracker.update(frame.detections)
                t1 = perf_counter()
                labels, _ = label(frame.detections, ids, tracker.classes_of(ids[ids > 0]), frame.frame, 0.0)
                t2 = perf_counter()
                results.write(labels)
                t3 = perf_counter()
                for name, seconds in zip(steps, (t1 - t0, t2 - t1, t3 - t2), strict=True):
                    steps[name].append(1e3 * seconds)
    count = np.mean([len(frame.detections) for frame in frames])
    print(f"{detections.name}: {len(frames)} frames, {count:.1f} detections a frame, {repeat} times")
    print(f"{'step':12} {'median':>8} {'90 %':>8}   ms a frame")
    rows = {name: np.array(values) for name, values in steps.items()}
    for name, values in [*rows.items(), ("together", np.sum(list(rows.values()), axis=0))]:
        print(f"{name:12} {np.median(values):8.2f} {np.percentile(values, 90):8.2f}")


def score_both(work: Path, repeat: int) -> None:
    """Print medians of both tools on the same files, measured in turn."""
    draw(work, VAL)
    from mots.evaluation.scoring import score

    truth, results = work / "gt/label_02", work / "trackers/ours/data"
    lines = sum(len(path.read_bytes().splitlines()) for path in results.iterdir())
    print(f"{len(VAL)} sequences, {sum(VAL.values())} frames, {lines} result masks")
    ours, theirs = score(truth, results).to_dict()["combined"], with_trackeval(work, VAL)["COMBINED_SEQ"]
    worst = max(abs(ours[name]["HOTA"] - float(np.mean(theirs[name]["HOTA"]["HOTA"]))) for name in theirs)
    print(f"largest difference in HOTA: {worst:.1e}")
    warm: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeat):
        warm[0].append(timed(lambda: score(truth, results)))
        warm[1].append(timed(lambda: with_trackeval(work, VAL)))
    row("in process, warm", warm)
    commands = (
        [sys.executable, "-m", "mots", "score", str(truth), str(results)],
        [sys.executable, __file__, "trackeval", str(work)],
    )
    whole: tuple[list[float], list[float]] = ([], [])
    memory = [0.0, 0.0]
    for _ in range(repeat):
        for k, command in enumerate(commands):
            seconds, peak = process(command)
            whole[k].append(seconds)
            memory[k] = max(memory[k], peak)
    row("whole process", whole)
    print(f"{'peak memory':18} {memory[0]:8.0f} MB {memory[1]:8.0f} MB {memory[1] / memory[0]:8.1f}")
    for factor in (1, 4, 16):
        print(f"{factor:3} times as long: {1e3 * longer(work, factor):8.0f} ms")
    from mots.metrics.stq import stq

    shape = (375, 1242)
    codes = np.random.default_rng(0).choice([0, 1 << 16, 11 << 16 | 1, 13 << 16 | 2, 13 << 16 | 7], (15, 50))
    one = np.kron(codes, np.ones((25, 25), np.int64))[: shape[0], : shape[1]].astype(np.uint32)
    pair = (one, np.roll(one, 3, axis=1))
    stq([pair])
    each = [timed(lambda: stq([pair] * 50)) / 50 for _ in range(repeat)]
    print(f"STQ: {1e3 * statistics.median(each):.2f} ms a frame pair of {shape[0]} x {shape[1]}")


def longer(work: Path, factor: int) -> float:
    """Median seconds to score the same sequences, `factor` times as long."""
    from mots.evaluation.scoring import score

    folder = work / f"x{factor}"
    draw_longer(work, folder, factor)
    split = folder / "x.seqmap"
    split.write_text("".join(f"{name} empty 0 {n * factor - 1}\n" for name, n in VAL.items()))
    return statistics.median(
        timed(lambda: score(folder / "truth", folder / "results", split=str(split))) for _ in range(3)
    )


VAL = dict(BENCHMARKS["kitti-mots"].splits["val"])


def draw(work: Path, lengths: dict[str, int]) -> None:
    """Truth and disturbed results of toy worlds at KITTI's size, in the layout that TrackEval wants."""
    truth, results = work / "gt/label_02", work / "trackers/ours/data"
    if all((results / f"{name}.txt").exists() for name in lengths):
        return
    truth.mkdir(parents=True, exist_ok=True)
    results.mkdir(parents=True, exist_ok=True)
    for number, (name, count) in enumerate(lengths.items()):
        world = World(300 + number, WorldSettings(height=375, width=1242, walkers=14, vehicles=9))
        rng = np.random.default_rng(number)
        tables = mots_text.IdTable(), mots_text.IdTable()
        texts: tuple[list[str], list[str]] = ([], [])
        for k in range(count):
            frame = world.truth(k)
            cars = np.where(frame.classes == 0, 0, 2)  # KITTI knows cars and pedestrians
            frame = replace(frame, classes=cars)
            texts[0].append(mots_text.lines(frame, tables[0]))
            seen = frame.take(np.flatnonzero(rng.random(len(frame)) > 0.1))
            moved, _ = seen.masks.moved(rng.normal(0, 2, (len(seen), 2))).disjoint(rng.random(len(seen)))
            ids = seen.ids + 1000 * (k // 60)  # every identity breaks each 60 frames
            texts[1].append(mots_text.lines(replace(seen, ids=ids, masks=moved), tables[1]))
        (truth / f"{name}.txt").write_text("".join(texts[0]))
        (results / f"{name}.txt").write_text("".join(texts[1]))


def time_update() -> None:
    """Print what an update of each tracker, mask IoU and the camera's motion cost."""
    from update_speed import compare, drawn_scene

    from mots.detection.camera_motion import FlowCameraMotion

    compare()
    few = drawn_scene(40, 1)[0].masks
    print(f"mask IoU, 40 x 40:  {1e3 * statistics.median(timed(lambda: few.iou(few)) for _ in range(200)):6.3f} ms")
    rng = np.random.default_rng(0)
    picture = np.asarray(np.kron(rng.integers(0, 255, (130, 220, 3)), np.ones((10, 10, 1))), np.uint8)
    camera = FlowCameraMotion()
    pan = [np.ascontiguousarray(picture[k : k + 1080, 2 * k : 2 * k + 1920]) for k in range(40)]
    seconds = [timed(partial(camera.motion, image, few)) for image in pan]
    print(f"camera's motion, 1080p:     {1e3 * statistics.median(seconds[5:]):6.2f} ms")


def draw_longer(work: Path, target: Path, factor: int) -> None:
    """The same sequences, `factor` times one after another."""
    for source, kind in ((work / "gt/label_02", "truth"), (work / "trackers/ours/data", "results")):
        (target / kind).mkdir(parents=True, exist_ok=True)
        for path in source.iterdir():
            lines = [line.split(b" ", 1) for line in path.read_bytes().splitlines(keepends=True)]
            with (target / kind / path.name).open("wb") as file:
                for turn in range(factor):
                    for frame, rest in lines:
                        file.write(b"%d %b" % (int(frame) + turn * VAL[path.stem], rest))


def with_trackeval(work: Path, lengths: dict[str, int]) -> dict[str, dict[str, dict[str, Any]]]:
    """TrackEval's numbers by sequence ("COMBINED_SEQ": all), class and family."""
    import trackeval

    config = trackeval.datasets.KittiMOTS.get_default_dataset_config()
    config |= {"GT_FOLDER": str(work / "gt"), "TRACKERS_FOLDER": str(work / "trackers"), "TRACKERS_TO_EVAL": ["ours"]}
    config |= {"SEQ_INFO": dict(lengths), "PRINT_CONFIG": False}
    quiet = trackeval.Evaluator.get_default_eval_config()
    quiet |= dict.fromkeys(
        ("PRINT_RESULTS", "PRINT_CONFIG", "OUTPUT_SUMMARY", "OUTPUT_DETAILED", "PLOT_CURVES", "TIME_PROGRESS"), False
    )
    plain = {"PRINT_CONFIG": False}
    metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(plain), trackeval.metrics.Identity(plain)]
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer, _ = trackeval.Evaluator(quiet).evaluate([trackeval.datasets.KittiMOTS(config)], metrics)
    (found,) = answer.values()
    return dict(found["ours"])


def process(command: list[str]) -> tuple[float, float]:
    """Seconds and megabytes at the peak of a whole process.

    A small process of its own starts it: the peak of a child counts what its parent held when it was forked.
    """
    code = (
        "import os, subprocess, sys, time\n"
        "begin = time.perf_counter()\n"
        "child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "_, status, usage = os.wait4(child.pid, 0)\n"
        "print(time.perf_counter() - begin, usage.ru_maxrss / 1024, status)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code, *command], capture_output=True, text=True, check=True)
    seconds, peak, status = done.stdout.split()
    assert status == "0", command
    return float(seconds), float(peak)


def row(name: str, seconds: tuple[list[float], list[float]]) -> None:
    """One line: ours, TrackEval's, and how many times as fast, pair by pair."""
    ours, theirs = (1e3 * statistics.median(values) for values in seconds)
    ratio = statistics.median(b / a for a, b in zip(*seconds, strict=True))
    print(f"{name:18} {ours:8.0f} ms {theirs:8.0f} ms {ratio:8.1f}")


if __name__ == "__main__":
    main()
