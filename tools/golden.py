"""Golden files for the tests: a small drawn benchmark, and what TrackEval says of it.

    python tools/golden.py

Draws two sequences of the toy world, makes results of them with misses, switches, false positives and masks that are
off by a few pixels, and writes tests/golden/kitti_mots: truth/, results/ and trackeval.json, TrackEval's numbers under
its own names ({sequence or "COMBINED_SEQ": {class: {metric: number}}}).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmark import with_trackeval

from mots.formats import mots_text
from mots.toy.world import World, WorldSettings

TARGET = Path(__file__).resolve().parents[1] / "tests/golden/kitti_mots"
LENGTHS = {"toy-1": 25, "toy-2": 40}


def main() -> None:
    shutil.rmtree(TARGET, ignore_errors=True)
    for side in ("truth", "results"):
        (TARGET / side).mkdir(parents=True)
    for number, (name, count) in enumerate(LENGTHS.items()):
        draw(name, count, number)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        shutil.copytree(TARGET / "truth", work / "gt/label_02")
        shutil.copytree(TARGET / "results", work / "trackers/ours/data")
        found = with_trackeval(work, LENGTHS)
    flat = {
        sequence: {
            kind: {name: float(np.mean(value)) for family in families.values() for name, value in family.items()}
            for kind, families in classes.items()
            if kind in ("car", "pedestrian")
        }
        for sequence, classes in found.items()
    }
    (TARGET / "trackeval.json").write_text(json.dumps(flat, indent=1) + "\n")
    print(f"{TARGET}: {', '.join(sorted(flat))}")


def draw(name: str, count: int, seed: int) -> None:
    """Truth and results of one sequence."""
    world = World(510 + seed, WorldSettings(height=96, width=160, walkers=8, vehicles=5))
    rng = np.random.default_rng(seed)
    tables = mots_text.IdTable(), mots_text.IdTable()
    texts: tuple[list[str], list[str]] = ([], [])
    for k in range(count):
        frame = world.truth(k)
        frame = replace(frame, classes=np.where(frame.classes == 0, 0, 2))  # KITTI knows cars and pedestrians
        texts[0].append(mots_text.lines(frame, tables[0]))
        seen = frame.take(np.flatnonzero(rng.random(len(frame)) > 0.2))
        moved, _ = seen.masks.moved(rng.normal(0, 2, (len(seen), 2))).disjoint(rng.random(len(seen)))
        ids = seen.ids + 100 * (k // 10) * (seen.ids % 2)  # every other identity breaks each ten frames
        classes = np.where(rng.random(len(seen)) < 0.95, seen.classes, 2 - seen.classes)
        texts[1].append(mots_text.lines(replace(seen, ids=ids + 50 * classes, classes=classes, masks=moved), tables[1]))
    for side, text in zip(("truth", "results"), texts, strict=True):
        (TARGET / side / f"{name}.txt").write_text("".join(text))


if __name__ == "__main__":
    main()
