"""The detector without a network beside YOLOv8n-Seg, on vtest.avi with its true boxes: HOTA and its kin, and crossings.

    python tools/background_check.py [--data ../shared]

Both are tracked online with colours. Prints the scores of boxes, the crossings of the three lines of
`tools/line_comparison.py`, and frames a second of the whole pipeline on this machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from crossval import METRICS, numbers_of, scored
from footage import CLIPS, Footage, truth_of
from line_comparison import LINES, of_table, truth

from mots.analytics.frame_table import table_of
from mots.pipeline.pipeline import Pipeline
from mots.pipeline.tracked_frame import TrackedFrame
from mots.settings import Settings, load


def runs(data: Path) -> Iterator[tuple[str, Settings]]:
    """Each detector's name and settings."""
    for model in ("mog2", "knn"):
        changes = {"detector.kind": "background", "background.class_name": "person", "background.model": model}
        yield f"background, {model}", load(changes=changes)
    for imgsz in (640, 960):
        weights = str(data / "weights/yolov8n-seg.pt")
        yolo = {"detector.weights": weights, "detector.imgsz": imgsz, "classes": "person"}
        yield f"YOLOv8n-Seg at {imgsz}", load(changes=yolo)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared"))
    data = parser.parse_args().data
    clip = next(each for each in CLIPS if each.name == "vtest")
    true = truth_of(clip)
    print(f"| detector | {' | '.join(METRICS)} | {' | '.join(LINES)} | frames/s |")
    print("|---" * (len(METRICS) + len(LINES) + 2) + "|")
    counted = of_table(truth(data / "data/vtest_truth/gt.txt"))
    print(f"| truth | {' | '.join('' for _ in METRICS)} | {crossings(counted)} | |")
    for name, settings in runs(data):
        frames: list[TrackedFrame] = []
        begin = perf_counter()
        frames.extend(Pipeline(data / clip.source, settings))
        rate = len(frames) / (perf_counter() - begin)
        found = Footage("vtest", "mot17", 10.0, [], true, 1)
        numbers = numbers_of(scored(found, [each.labels for each in frames]))
        scores = " | ".join(f"{numbers[metric]:.1f}" for metric in METRICS)
        print(f"| {name} | {scores} | {crossings(of_table(table_of(frames)))} | {rate:.0f} |", flush=True)


def crossings(found: dict[str, tuple[int, int]]) -> str:
    """Forward and backward crossings of each line, as cells."""
    return " | ".join(f"{found[name][0]} + {found[name][1]}" for name in LINES)


if __name__ == "__main__":
    main()
