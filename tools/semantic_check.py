"""What smoothing over time does to semantic maps: KITTI-STEP's scores and flicker, on toy worlds.

    python tools/semantic_check.py [--frames N]

Maps of the embedded network, with the engine's own tracks drawn over them, against the exact panoptic truth. Flicker:
the share of pixels whose label changes from one frame to the next though the truth's does not, in per cent.
"""

from __future__ import annotations

import argparse
import itertools
from functools import reduce
from operator import add

import numpy as np

from mots.formats.panoptic import PanopticFrame
from mots.metrics.stq import StqCounts, stq
from mots.models.semantic import SemanticNetwork
from mots.pipeline.pipeline import Pipeline
from mots.segmentation.semantic_maps import SmoothedMaps
from mots.settings import load
from mots.toy.world import World, WorldSettings

WORLDS = {"still camera": WorldSettings(pan=0.0, posts=6), "panning camera": WorldSettings(pan=0.3, posts=6)}
SMOOTHING = (0.0, 0.3, 0.5, 0.7)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=50)
    arguments = parser.parse_args()
    network = SemanticNetwork("demo-semantic")
    settings = load(changes={"detector.weights": "demo", "classes": "person,car", "frame_rate": 25.0})
    print(f"{'world':16}{'smoothing':>10}{'STQ':>8}{'SQ':>8}{'flicker':>9}")
    for name, kind in WORLDS.items():
        counts: dict[float, list[StqCounts]] = {s: [] for s in SMOOTHING}
        flicker: dict[float, list[float]] = {s: [] for s in SMOOTHING}
        for seed in (71, 72):
            world = World(seed, kind)
            images, truths = zip(*world.frames(arguments.frames), strict=True)
            exact = [world.semantic(k) for k in range(arguments.frames)]
            truth = [PanopticFrame.from_objects(t, own).codes for t, own in zip(truths, exact, strict=True)]
            tracks = [each.labels for each in Pipeline(list(images), settings)]
            for smoothing in SMOOTHING:
                smooth = SmoothedMaps(network, smoothing)
                maps = [smooth.map(image) for image in images]
                given = [PanopticFrame.from_objects(t, own).codes for t, own in zip(tracks, maps, strict=True)]
                counts[smoothing].append(stq(zip(truth, given, strict=True)))
                pairs = zip(itertools.pairwise(maps), itertools.pairwise(exact), strict=True)
                flicker[smoothing] += [((a != b) & (s == t)).sum() / (s == t).sum() for (a, b), (s, t) in pairs]
        for smoothing in SMOOTHING:
            numbers = reduce(add, counts[smoothing]).numbers()
            values = f"{100 * numbers['STQ']:8.2f}{100 * numbers['SQ']:8.2f}{100 * np.mean(flicker[smoothing]):9.3f}"
            print(f"{name:16}{smoothing:10.1f}{values}", flush=True)


if __name__ == "__main__":
    main()
