"""Crossings of three lines in vtest.avi: the true identities, ours online and offline, and supervision's.

    python tools/line_comparison.py [--data ../shared]

supervision's LineZone counts with its own ByteTrack on the same saved detections, by the bottom centre of boxes. A line
goes from its first point to its second; the truth is counted from the whole annotated boxes' bottom centres.

supervision 0.26.1 is needed (in an environment of its own): 0.31.2 has no ByteTrack any more.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import supervision as sv

from mots.analytics.frame_table import FrameTable, from_rows, table_of
from mots.analytics.lines import crossings_of
from mots.analytics.paths import paths_of
from mots.analytics.scene import Line
from mots.detection import saved_detections
from mots.pipeline.pipeline import Pipeline

LINES = {
    "across": Line("across", np.array([[60.0, 330.0], [700.0, 330.0]])),
    "down": Line("down", np.array([[380.0, 120.0], [380.0, 560.0]])),
    "diagonal": Line("diagonal", np.array([[120.0, 180.0], [640.0, 520.0]])),
}
RATE = 10.0


def truth(path: Path) -> FrameTable:
    """The true boxes as a table."""
    rows = []
    for line in path.read_text().splitlines():
        frame, identity, x, y, wide, high = (float(each) for each in line.split(",")[:6])
        x, y = x - 1, y - 1
        number, track = int(frame) - 1, int(identity)
        box = (x, y, x + wide, y + high)
        rows.append(
            (number, number / RATE, track, "person", 1.0, *box, 1, x + wide / 2, y + high, 0.0, 0, 2000 + track)
        )
    return from_rows(sorted(rows))


def of_table(table: FrameTable) -> dict[str, tuple[int, int]]:
    """Forward and backward crossings of each line."""
    paths = paths_of(table)
    found = {}
    for name, line in LINES.items():
        directions = [each.direction for each in crossings_of(paths, (line,))]
        found[name] = (directions.count("forward"), directions.count("backward"))
    return found


def of_supervision(path: Path) -> dict[str, tuple[int, int]]:
    """The same by supervision; its `in` is our forward."""
    tracker = sv.ByteTrack(frame_rate=RATE)
    zones = {
        name: sv.LineZone(
            sv.Point(*line.points[0].tolist()), sv.Point(*line.points[1].tolist()),
            triggering_anchors=(sv.Position.BOTTOM_CENTER,),
        )
        for name, line in LINES.items()
    }  # fmt: skip
    for each in saved_detections.read(path):
        own = each.detections
        people = own.take(np.flatnonzero(own.classes == 0))
        found = sv.Detections(
            xyxy=people.boxes.astype(np.float32), confidence=people.scores.astype(np.float32),
            class_id=people.classes.astype(int),
        ) if len(people) else sv.Detections.empty()  # fmt: skip
        tracked = tracker.update_with_detections(found)
        for zone in zones.values():
            zone.trigger(tracked)
    return {name: (zone.in_count, zone.out_count) for name, zone in zones.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    if not hasattr(sv, "ByteTrack"):
        parser.error(f"supervision {sv.__version__} has no ByteTrack: pip install supervision==0.26.1")
    parser.add_argument("--data", type=Path, default=Path("../shared"))
    data = parser.parse_args().data
    video, detections = data / "data/videos/vtest.avi", data / "acceptance/detections/vtest.txt"
    columns = {"truth": of_table(truth(data / "data/vtest_truth/gt.txt"))}
    for name, offline in (("ours online", False), ("ours offline", True)):
        columns[name] = of_table(table_of(list(Pipeline(str(video), detections=detections, offline=offline))))
    columns["supervision"] = of_supervision(detections)
    print(f"| line | {' | '.join(columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    for name in LINES:
        print(f"| {name} | {' | '.join(f'{a} + {b}' for a, b in (column[name] for column in columns.values()))} |")
    true = columns["truth"]
    for name, column in columns.items():
        off = {line: abs(column[line][0] - true[line][0]) + abs(column[line][1] - true[line][1]) for line in LINES}
        print(f"{name}: off by {off}")


if __name__ == "__main__":
    main()
