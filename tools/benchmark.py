"""What the engine's own work costs, step by step.

    python tools/benchmark.py track [DETECTIONS] [--repeat 3]

`track`: every frame of saved detections (default: MOTS20-05 beside the project) through the steps of `mots track` but
decoding and the network, with the median and the 90th percentile of each step in milliseconds.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from mots.formats import saved_detections as saved
from mots.labels import labelled
from mots.results import ResultFolder
from mots.settings import load
from mots.trackers.tracker import Tracker

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    track = commands.add_parser("track")
    track.add_argument("detections", nargs="?", type=Path, default=SHARED / "acceptance/detections/0005.txt")
    track.add_argument("--preset", default="mots20")
    track.add_argument("--repeat", type=int, default=3)
    track.set_defaults(run=lambda a: track_steps(a.detections, a.preset, a.repeat))
    arguments = parser.parse_args()
    arguments.run(arguments)


def track_steps(detections: Path, preset: str, repeat: int) -> None:
    """Print the time of each step; the frame's sum is taken frame by frame before its median."""
    settings = load(preset)
    frames = list(saved.read(detections))
    steps: dict[str, list[float]] = {"associate": [], "label": [], "write": []}
    for _ in range(repeat):
        tracker = Tracker(settings.tracker, settings.frame_rate)
        with tempfile.TemporaryDirectory() as folder, ResultFolder(Path(folder), "x", overwrite=False) as results:
            for frame in frames:
                t0 = perf_counter()
                ids = tracker.update(frame.detections)
                t1 = perf_counter()
                labels, _ = labelled(frame.detections, ids, tracker.classes_of(ids[ids > 0]), frame.frame, 0.0)
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


if __name__ == "__main__":
    main()
