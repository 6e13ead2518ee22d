"""What the pipeline holds in memory beside the network, and whether that stays flat.

    python tools/memory.py network [--frames 200]     beside the network: a 1080p clip, everything in force
    python tools/memory.py flat [--frames 10000]      over many frames: saved detections in place of the network

`network`: what the process holds after the network has seen one frame a few times, as many at once as when it tracks,
and the most that it holds while a clip is tracked, both read from the system. `flat`: the clip again and again, forth
without back, as one long source, with its detections; prints what is held after every tenth of the frames.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from footage import CLIPS, SHARED
from soak import megabytes

from mots.detection import saved_detections as saved
from mots.pipeline.pipeline import Pipeline
from mots.pipeline.results import ResultFolder
from mots.settings import load
from mots.trackers.detections import Detections
from mots.video.frame import Frame
from mots.video.opening import open_source

CLIP = next(clip for clip in CLIPS if clip.name == "09")


class Again:
    """A video over and over, as one source of so many frames."""

    live, independent = False, True

    def __init__(self, path: Path, length: int) -> None:
        self.source, self.length = open_source(path), length
        self.name, self.frame_rate = "again", self.source.frame_rate

    def __iter__(self) -> Iterator[Frame]:
        number = 0
        while True:
            for frame in self.source:
                if number == self.length:
                    return
                yield replace(frame, number=number, time=number / self.frame_rate)
                number += 1


class Known:
    """Detections of a clip that are known, for each frame of `Again`."""

    coarse = True
    names: dict[int, str] = {}  # noqa: RUF012

    def __init__(self, path: Path) -> None:
        self.every = [each.detections for each in saved.read(path)]
        self.place = 0

    def detect(self, images: Any, classes: Any = ()) -> list[Detections]:
        found = self.every[self.place % len(self.every)]
        self.place += 1
        return [found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("network", "flat"))
    parser.add_argument("--frames", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.what == "network":
        beside_network(arguments.frames or 200)
    else:
        flat(arguments.frames or 10_000)


def beside_network(frames: int) -> None:
    settings = load(changes={"detector.weights": str(SHARED / "weights/yolov8n-seg.pt"), "classes": "person"})
    source = Again(SHARED / CLIP.source, frames)
    pipeline = Pipeline(source, settings)
    detector: Any = pipeline.parts.detector
    first = next(iter(source))
    detector.expect_calls(detector.most_calls)  # as the pipeline does
    with ThreadPoolExecutor(detector.most_calls) as pool:
        list(pool.map(lambda _: detector.detect([first.image]), range(2 * detector.most_calls)))
    before, most = megabytes(), [0.0]
    ends = threading.Event()

    def watch() -> None:
        while not ends.is_set():
            most[0] = max(most[0], megabytes())
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    run(pipeline, frames, told=False)
    ends.set()
    watcher.join()
    height, width = first.image.shape[:2]
    print(
        f"{width} x {height}, {frames} frames: {before:.0f} MB with the network, at most {most[0] - before:.0f} MB more"
    )


def flat(frames: int) -> None:
    settings = load(changes={"classes": "person"})
    detector: Any = Known(SHARED / CLIP.detections)
    run(Pipeline(Again(SHARED / CLIP.source, frames), settings, detector=detector), frames, told=True)


def run(pipeline: Pipeline, frames: int, told: bool) -> None:
    """Track to files, and print what is held after every tenth."""
    with tempfile.TemporaryDirectory() as folder, ResultFolder(folder, "again") as results:
        for k, frame in enumerate(pipeline, start=1):
            results.write(frame)
            if told and k % max(frames // 10, 1) == 0:
                print(f"{k:8} frames: {megabytes():7.0f} MB", flush=True)


if __name__ == "__main__":
    main()
