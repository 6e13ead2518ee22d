"""What one `update` costs: ours, Ultralytics', BoxMOT's and Roboflow's trackers on the same drawn detections.

    python tools/benchmark.py update

Scenes of 20, 100 and 500 objects in 1080p, with masks of 40 x 40 and embeddings of 128 numbers. Ours compares masks and
embeddings; the others compare boxes, and embeddings where they take them. BoT-SORT also measures the camera's motion in
the picture, which ours is given. BoxMOT's and Roboflow's run where there is an environment for them (`tools/peers.py`).
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from types import SimpleNamespace

import numpy as np
from peer_environment import PEERS, run_peer, write_frame
from PIL import Image

from mots.trackers.detections import Detections
from mots.trackers.masks import Masks
from mots.trackers.tracker import Tracker

COUNTS = {20: 60, 100: 60, 500: 30}  # detections in a frame, and frames
WARM = 10  # frames before the clock counts
OTHERS = ("boxmot bytetrack", "boxmot botsort", "boxmot strongsort", "roboflow bytetrack", "roboflow ocsort")
SIZE = (1080, 1920)


def compare() -> None:
    """Print the median milliseconds of each tracker."""
    scenes = {count: drawn_scene(count, frames) for count, frames in COUNTS.items()}
    print("update, ms" + "".join(f"{count:>12}" for count in scenes) + "   detections")
    row("ours", [median_of(Tracker().update, scene) for scene in scenes.values()])
    row("ultralytics bytetrack", [median_of(ultralytics_bytetrack(), scene) for scene in scenes.values()])
    if not PEERS.exists():
        print(f"no {PEERS}: BoxMOT's and Roboflow's trackers are left out", file=sys.stderr)
        return
    for name in OTHERS:
        row(name, [of_peer(name, scene) for scene in scenes.values()])


def row(name: str, values: Sequence[float]) -> None:
    print(f"{name:22}" + "".join(f"{value:12.2f}" for value in values), flush=True)


def median_of(update: Callable[[Detections], object], scene: Sequence[Detections]) -> float:
    """Median milliseconds of an update."""
    return 1e3 * statistics.median([timed(partial(update, found)) for found in scene][WARM:])


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    begin = perf_counter()
    work()
    return perf_counter() - begin


def ultralytics_bytetrack() -> Callable[[Detections], object]:
    """Its update, with its own settings."""
    from mots.models.torchvision_operators import import_torchvision

    import_torchvision()
    from ultralytics.cfg import ROOT
    from ultralytics.engine.results import Boxes
    from ultralytics.trackers.track import TRACKER_MAP
    from ultralytics.utils import YAML

    tracker = TRACKER_MAP["bytetrack"](SimpleNamespace(**YAML.load(ROOT / "cfg/trackers/bytetrack.yaml")))

    def update(found: Detections) -> object:
        rows = np.concatenate([found.boxes, found.scores[:, None], found.classes[:, None]], axis=1)
        return tracker.update(Boxes(rows.astype(np.float32), found.size))

    return update


def of_peer(name: str, scene: Sequence[Detections]) -> float:
    """Median milliseconds of an update of a tracker in the peers' environment."""
    with TemporaryDirectory() as folder:
        picture = Path(folder) / "picture.png"
        rng = np.random.default_rng(0)
        blocks = np.kron(rng.integers(0, 255, (SIZE[0] // 10, SIZE[1] // 10, 3)), np.ones((10, 10, 1)))
        Image.fromarray(blocks.astype(np.uint8)).save(picture)
        for k, each in enumerate(scene):
            write_frame(Path(folder) / f"{k:06d}.npz", each, picture)
        try:
            run_peer(name, {}, Path(folder))
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return float("nan")
        return 1e3 * float(np.median(np.load(Path(folder) / "seconds.npy")[WARM:]))


def drawn_scene(count: int, frames: int) -> list[Detections]:
    """Discs that wander about, with embeddings of their own."""
    rng = np.random.default_rng(0)
    height, width = SIZE
    side = 40
    centres = rng.uniform([50, 50], [width - 50, height - 50], (count, 2))
    speeds, appearance = rng.normal(0, 2, (count, 2)), rng.normal(0, 1, (count, 128))
    appearance /= np.linalg.norm(appearance, axis=1, keepdims=True)
    yy, xx = np.mgrid[0:side, 0:side] - (side - 1) / 2
    disc = yy**2 + xx**2 < (side / 2) ** 2
    found = []
    for _ in range(frames):
        centres = np.clip(centres + speeds, 45, [width - 45, height - 45])
        corners = np.rint(centres - side / 2 + rng.normal(0, 0.7, (count, 2))).astype(int)
        masks = Masks.from_crops((height, width), corners, [disc] * count)
        noisy = appearance + rng.normal(0, 0.04, appearance.shape)
        noisy /= np.linalg.norm(noisy, axis=1, keepdims=True)
        scores = np.clip(rng.normal(0.8, 0.1, count), 0.3, 1.0)
        found.append(Detections.from_masks(masks, scores, np.zeros(count), embeddings=noisy))
    return found
