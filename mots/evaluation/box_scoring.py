"""Scoring by boxes: truth in MOTChallenge's box text, results as boxes or as masks.

For MOT17, MOT20, DanceTrack and SportsMOT.

What is counted is what TrackEval's MotChallenge2DBox counts: pedestrians only; a hypothesis that matches a distractor
(a person on a vehicle, a static person, a reflection ...) is left out; truth with confidence 0 is left out.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mots.benchmarks.rules import inside
from mots.formats import mot_boxes, places
from mots.formats.faults import Fault, Report
from mots.formats.mot_boxes import PEDESTRIAN, BoxTable
from mots.metrics.sequence import EPS, HALF, ScoredSequence, from_frames, solve
from mots.trackers.kernels import box_ious

__all__ = ["load_boxes", "scored_boxes"]

# MOTChallenge's classes: person on vehicle, static person, distractor, reflection (MOT16, table 3).
DISTRACTORS = (2, 7, 8, 12)
NON_MOT_VEHICLE = 6  # a distractor in MOT20 only


def load_boxes(place: places.Place, report: Report) -> BoxTable:
    """The boxes at a place: of box text, or the tight boxes of the persons' masks in any format of masks."""
    if not place.path.is_dir() and place.path.suffix != ".json":
        content = places.content_of(place)
        if mot_boxes.is_box_text(content):
            return mot_boxes.parse(content, str(place), report)
    return mot_boxes.boxes_of_masks(places.load(place, report))


def scored_boxes(
    truth: BoxTable, results: BoxTable, benchmark: str, first: int, last: int, report: Report
) -> ScoredSequence:
    """The pedestrians of a sequence with the frames `first` to `last`, ready to be scored; IoU is that of boxes.

    A result of another class, and a label outside the frames, is reported and left out.
    """
    distractors = (*DISTRACTORS, NON_MOT_VEHICLE) if benchmark == "mot20" else DISTRACTORS
    truth = truth.take(inside(truth, first, last, report))
    results = results.take(inside(results, first, last, report))
    for row in np.flatnonzero(results.classes != PEDESTRIAN).tolist():
        message = f"class {results.classes[row]}: only pedestrians (class 1) are scored"
        report(Fault("class", results.origin, message, int(results.lines[row]), int(results.frames[row])))
    results = results.take(results.classes == PEDESTRIAN)
    truth_ids, result_ids, overlaps = [], [], []
    numbers = np.union1d(truth.frames, results.frames).astype(np.int64)  # a sequence may have far more frames
    for number in numbers.tolist():
        rows = np.arange(*np.searchsorted(truth.frames, (number, number + 1)))
        columns = np.arange(*np.searchsorted(results.frames, (number, number + 1)))
        iou = box_ious(truth.boxes[rows], results.boxes[columns])
        if len(rows) and len(columns):
            possible = np.where(iou >= HALF - EPS, iou, 0.0)
            matched = [(i, j) for i, j in solve(possible) if possible[i, j] > EPS]
            away = [j for i, j in matched if truth.classes[rows[i]] in distractors]
            columns, iou = np.delete(columns, away), np.delete(iou, away, axis=1)
        counts = (truth.classes[rows] == PEDESTRIAN) & truth.scored[rows]
        truth_ids.append(truth.ids[rows[counts]])
        result_ids.append(results.ids[columns])
        overlaps.append(iou[counts])
    there = from_frames(truth_ids, result_ids, overlaps)
    return replace(
        there,
        frames=last - first + 1,
        truth_frames=numbers[there.truth_frames] - first,
        result_frames=numbers[there.result_frames] - first,
    )
