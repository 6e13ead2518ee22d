"""Whether memory stays flat: the tracker over very many frames of the toy world.

    python tools/soak.py [--frames 100000]

A walk through 1,000 drawn frames, forth and back, with new identities all the time; prints the process's memory after
the first 1,000 frames and every tenth of the run.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from time import perf_counter

from mots.toy.world import World, WorldSettings
from mots.trackers.tracker import Tracker, TrackerSettings

DRAWN = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100_000)
    frames = parser.parse_args().frames
    world = World(77, WorldSettings(height=360, width=640, walkers=8, vehicles=4))
    drawn = [world.detections(k) for k in range(DRAWN)]
    tracker = Tracker(TrackerSettings(), 25.0)
    first, highest, begin = 0.0, 0, perf_counter()
    for k in range(frames):
        place = k % (2 * DRAWN)
        ids = tracker.update(drawn[place if place < DRAWN else 2 * DRAWN - 1 - place])
        highest = max(highest, int(ids.max(initial=0)))
        if k + 1 == DRAWN:
            first = megabytes()
            print(f"{k + 1:8} frames: {first:7.1f} MB", flush=True)
        elif (k + 1) % (frames // 10) == 0:
            now = megabytes()
            print(f"{k + 1:8} frames: {now:7.1f} MB, {100 * (now / first - 1):+.1f} %, {highest} ids", flush=True)
    print(f"{1e3 * (perf_counter() - begin) / frames:.2f} ms a frame")


def megabytes() -> float:
    """The memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
