"""What the page shows, collected from results, their frames and their truth."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mots.classes import class_name
from mots.counting.counts import Counts, count_table, has_table, table_of_results
from mots.counting.files import tables_of
from mots.counting.plots import pictures_of
from mots.detection import saved_detections
from mots.editing.suggest import Thumbnails, suggestions, tracks_of
from mots.errors import FormatError, InputError, MotsWarning
from mots.evaluation.scoring import Scores, score
from mots.formats.faults import Fault
from mots.rendering.palette import colour_of
from mots.rendering.saved_results import SavedFrame, SavedResults, text_in
from mots.report.causes import losses_of
from mots.report.film import Film, jpeg_of, plan_of
from mots.report.hints import hints_of
from mots.report.outlines import outlines
from mots.storage.run_folder import EXPLAIN, TABLE_ENDINGS, folder_of
from mots.video.frame import Source
from mots.video.opening import source_of

__all__ = ["Inputs", "collect"]

BLANK = 960  # pixels: width of the drawing where there are no frames
SHOWN = ("sMOTSA", "HOTA", "DetA", "AssA", "IDF1", "IDS", "Frag", "TP", "FP", "FN", "Recall", "Precision")


@dataclass(frozen=True)
class Inputs:
    """What a report is made of."""

    results: Path
    source: str | Source | None = None
    truth: Path | None = None
    benchmark: str = "kitti-mots"
    detections: Path | None = None
    scene: Path | None = None
    sequence: str | None = None
    frame_rate: float | None = None


def collect(inputs: Inputs) -> dict[str, Any]:
    """The page's data, of plain lists and texts. Raises InputError and FormatError for what cannot be read."""
    results = SavedResults(inputs.results, inputs.sequence)
    truth = None if inputs.truth is None else SavedResults(inputs.truth, inputs.sequence)
    if truth is not None and results.frames and truth.frames and truth.size != results.size:
        raise InputError(f"{inputs.truth}: masks of {truth.size} where {inputs.results} has {results.size}")
    tracks = tracks_of(results)
    thumbnails = Thumbnails(results)
    numbers, times, film = frames_of(inputs, results, truth, thumbnails)
    if inputs.source is not None:
        results.take_times(dict(zip(numbers, times, strict=True)))
    place = {number: k for k, number in enumerate(numbers)}
    size = results.size if results.frames else (1, 1)
    width = film.width if film is not None else BLANK
    scale = width / size[1]
    data: dict[str, Any] = {
        "name": results.sequence,
        "size": [round(size[0] * scale), width],
        "numbers": numbers,
        "times": [round(time, 4) for time in times],
        "pictures": [] if film is None else film.pictures,
        "tracks": track_rows(results, tracks, place, thumbnails),
        "shapes": shapes_of(results, numbers, scale),
        "counts": counts_over_time(results, numbers),
        "hints": hints_of(results, tracks, results.mean_confidences, suggestions(results, thumbnails)),
        "explain": explained(inputs.results, results.sequence),
        "truth": None,
        "losses": [],
        "scores": {},
        "scene": None,
    }
    if truth is not None:
        scores = scored(inputs)
        detected = None if inputs.detections is None else detected_in(inputs.detections, results)
        data["truth"] = shapes_of(truth, numbers, scale)
        data["losses"] = [loss.to_dict() for loss in losses_of(scores, results, truth, detected)]
        combined = scores.to_dict()["combined"]
        data["scores"] = {
            name: {key: number(value[key]) for key in SHOWN if key in value} for name, value in combined.items()
        }
    if inputs.scene is not None:
        data["scene"] = scene_of(inputs, results, scale)
    return data


def number(value: float) -> float:
    """A score with four decimals."""
    return round(float(value), 4)


def frames_of(
    inputs: Inputs, results: SavedResults, truth: SavedResults | None, thumbnails: Thumbnails
) -> tuple[list[int], list[float], Film | None]:
    """The numbers and times of the page's frames, and their pictures; of a source without frames, those of the
    results."""
    if inputs.source is None:
        every = sorted({*results.frames, *(truth.frames if truth is not None else ())})
        if not every:
            raise InputError(f"{inputs.results}: no objects: name the source, to see its frames")
        known = {n: f.labels.time for n, f in results.frames.items()}
        first, last = every[0], every[-1]
        steps = [known[n] - known[m] for m, n in zip(sorted(known), sorted(known)[1:], strict=False) if n == m + 1]
        step = float(np.median(steps)) if steps else 1 / 30
        start = known.get(first, first * step)
        numbers = list(range(first, last + 1)) if last - first < 100_000 else every
        return numbers, [known.get(n, start + (n - first) * step) for n in numbers], None
    source = source_of(inputs.source)
    plan = plan_of(source.length or max(results.frames, default=1), first_size(results, inputs))
    film = Film(plan.width)
    numbers, times = [], []
    expected = (source.length or 0) // plan.every
    for place, frame in enumerate(source):
        thumbnails.add(frame)
        if place % plan.every == 0:
            numbers.append(frame.number)
            times.append(frame.time)
            film.add(frame.image, max(expected - len(numbers), 0))
    if results.frames and not set(numbers) & set(results.frames):
        raise InputError(f"{inputs.results}: no object in the frames of {source.name}: is it the right source?")
    return numbers, times, film


def first_size(results: SavedResults, inputs: Inputs) -> tuple[int, int]:
    """(height, width) of the frames."""
    if results.frames:
        return results.size
    assert inputs.source is not None
    height, width = next(iter(source_of(inputs.source))).image.shape[:2]
    return height, width


def track_rows(
    results: SavedResults,
    tracks: Mapping[int, Sequence[tuple[int, int]]],
    place: Mapping[int, int],
    thumbnails: Thumbnails,
) -> list[dict[str, Any]]:
    """The table of tracks; spans are places of frames, from the first to the last one. Scores and confidences that
    neither the results' table nor `tracks.csv` holds are None."""
    confidences = results.mean_confidences
    rows = []
    for identity, own in sorted(tracks.items()):
        frames = [results.frames[number] for number, _ in own]
        classes = [int(f.labels.classes[row]) for f, (_, row) in zip(frames, own, strict=True)]
        score = results.mean_scores.get(identity)
        if results.has_table:
            score = float(np.mean([f.labels.scores[row] for f, (_, row) in zip(frames, own, strict=True)]))
        places = sorted(place[number] for number, _ in own if number in place)
        picture = thumbnails.pictures.get((identity, 1))
        rows.append(
            {
                "id": identity,
                "name": results.names.get(identity, ""),
                "class": class_name(max(set(classes), key=classes.count)),
                "colour": "#{:02x}{:02x}{:02x}".format(*colour_of(identity)),
                "first": own[0][0],
                "last": own[-1][0],
                "seconds": round(frames[-1].labels.time - frames[0].labels.time, 2),
                "masks": len(own),
                "score": None if score is None else round(score, 3),
                "confidence": round(confidences[identity], 3) if identity in confidences else None,
                "predicted": sum(bool(f.predicted[row]) for f, (_, row) in zip(frames, own, strict=True)),
                "spans": spans_of(places),
                "picture": None if picture is None else jpeg_of(picture),
            }
        )
    return rows


def spans_of(places: Sequence[int]) -> list[list[int]]:
    """Ascending numbers as spans of neighbours: first and last."""
    spans: list[list[int]] = []
    for each in places:
        if spans and each == spans[-1][1] + 1:
            spans[-1][1] = each
        else:
            spans.append([each, each])
    return spans


def shapes_of(results: SavedResults, numbers: Sequence[int], scale: float) -> list[list[Any]]:
    """For each frame its objects: id, outlines, whether it is predicted, score."""
    shapes: list[list[Any]] = []
    for each in numbers:
        frame = results.frames.get(each)
        shapes.append([] if frame is None else objects_of(frame, scale))
    return shapes


def objects_of(frame: SavedFrame, scale: float) -> list[Any]:
    """The objects of one frame."""
    labels = frame.labels
    columns = (labels.ids.tolist(), outlines(labels.masks, scale), frame.predicted.tolist(), labels.scores.tolist())
    return [[i, parts, int(guess), round(score, 2)] for i, parts, guess, score in zip(*columns, strict=True)]


def counts_over_time(results: SavedResults, numbers: Sequence[int]) -> dict[str, list[int]]:
    """How many objects of each class are in each frame."""
    found: dict[str, list[int]] = {}
    for k, each in enumerate(numbers):
        frame = results.frames.get(each)
        for class_id in [] if frame is None else frame.labels.classes.tolist():
            found.setdefault(class_name(class_id), [0] * len(numbers))[k] += 1
    return found


def explained(results: Path, sequence: str) -> dict[str, dict[str, Any]]:
    """The comparisons behind each identity, by frame and track, where the run of this sequence kept them."""
    file = folder_of(results) / EXPLAIN
    if not file.is_file():
        return {}
    found: dict[str, dict[str, Any]] = {}
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                each = json.loads(line)
                if each["sequence"] != sequence:
                    return {}
                found[str(each["frame"])] = {str(own["id"]): own for own in each["objects"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{file}: not the comparisons of a run ({error})") from error
    return found


def scored(inputs: Inputs) -> Scores:
    """The scores of the results, with every event."""
    assert inputs.truth is not None
    text = text_in(inputs.results, inputs.sequence) or inputs.results
    truth = text_in(inputs.truth, inputs.sequence) or inputs.truth
    if not text.is_file() or not truth.is_file():
        raise InputError(f"{inputs.truth}: with truth, results and truth are one text file each, or a run's folder")
    return score(truth, text, benchmark=inputs.benchmark, with_events=True, report=told)


def told(fault: Fault) -> None:
    """A fault of truth or results as a MotsWarning: the rest is scored."""
    warnings.warn(MotsWarning(str(fault)), stacklevel=2)


def detected_in(path: Path, results: SavedResults) -> dict[int, Any]:
    """Saved detections by frame. Raises InputError for those of other frames than the results'."""
    found = {each.frame: each.detections for each in saved_detections.read(path)}
    size = next((each.size for each in found.values()), results.size)
    if results.frames and size != results.size:
        (h, w), (high, wide) = results.size, size
        raise InputError(f"{path}: detections in frames of {high} x {wide}, and the results have {h} x {w}")
    return found


def timed(inputs: Inputs) -> tuple[Path, float | None]:
    """The results whose table is counted, and the frame rate that gives MOTS text its times: the source's."""
    path = text_in(inputs.results, inputs.sequence) or inputs.results
    if has_table(inputs.results):
        return inputs.results, None
    rate = inputs.frame_rate
    if rate is None and inputs.source is not None and path.suffix not in TABLE_ENDINGS:
        rate = source_of(inputs.source).frame_rate
    return path, rate


def scene_of(inputs: Inputs, results: SavedResults, scale: float) -> dict[str, Any]:
    """A scene's lines and zones in the page's pixels, its tables and its pictures."""
    from mots.analytics import scene as scenes

    assert inputs.scene is not None
    scene = scenes.load(inputs.scene)
    if results.frames:
        scene.check_size(results.size, str(inputs.results))
    table = table_of_results(*timed(inputs))
    counts: Counts = count_table(table, scene, size=results.size)
    image = None if inputs.source is None else next(iter(source_of(inputs.source))).image
    pictures = pictures_of(counts, image)
    tables = tables_of(counts, None, bool(scene.pitch))
    return {
        "lines": [[line.name, np.rint(line.points * scale).astype(int).tolist()] for line in scene.lines],
        "zones": [[zone.name, np.rint(zone.polygon * scale).astype(int).tolist()] for zone in scene.zones],
        "tables": [
            {"name": name, "columns": list(columns), "rows": [list(row) for row in rows[:2000]]}
            for name, (columns, rows) in tables.items()
        ],
        "pictures": [[name, jpeg_of(picture)] for name, picture in pictures.items()],
    }
