"""Tracks that may be one object: one ends and the other begins near by, soon after, and looks alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mots.rendering.saved_results import SavedResults, check_frame_size
from mots.video.frame import Frame

__all__ = ["Suggestion", "Thumbnails", "suggestions", "thumbnails_of"]

LONGEST_GAP = 8.0  # seconds: the memory of a lost track
LEAST_ROWS = 5  # masks that a track needs
LEAST = 0.3  # confidence from which on a pair is told
REACH = 0.5, 0.8  # heights that an object may be off at once, and more for each second of the gap
SPAN = 0.5  # seconds over which the speed at an end is measured
SIDE = 128  # pixels of a thumbnail's longer side
HUES = 8  # bins of each colour channel of a thumbnail's histogram


@dataclass(frozen=True)
class Suggestion:
    """Join the track `second` to `first`: seconds between them, and how likely it is, 0 to 1."""

    first: int
    second: int
    gap: float
    confidence: float


@dataclass(frozen=True, eq=False)
class End:
    """One end of a track: frame and time, its box's middle and height, its speed, and its class."""

    frame: int
    time: float
    place: NDArray[np.float64]
    height: float
    speed: NDArray[np.float64]
    class_id: int


class Thumbnails:
    """Small pictures of tracks: at their beginning, in their middle, at their end; by id and place (0, 1, 2)."""

    def __init__(self, results: SavedResults, side: int = SIDE) -> None:
        self.side = side
        self.wanted: dict[int, list[tuple[int, int, tuple[int, int, int, int]]]] = {}
        self.pictures: dict[tuple[int, int], Image.Image] = {}
        self.colours: dict[tuple[int, int], NDArray[np.float64]] = {}
        self.results = results
        for identity, rows in tracks_of(results).items():
            third = max(len(rows) // 6, 0)
            for place, k in ((0, min(third, len(rows) - 1)), (1, len(rows) // 2), (2, len(rows) - 1 - third)):
                number, row = rows[k]
                x1, y1, x2, y2 = results.frames[number].labels.masks.boxes[row].tolist()
                self.wanted.setdefault(number, []).append((identity, place, (x1, y1, x2, y2)))

    def add(self, frame: Frame) -> None:
        """Cut what is wanted of a frame. Raises FormatError for a frame of another size than the results'."""
        if self.results.frames:
            check_frame_size(self.results.path, self.results.size, frame.image.shape)
        for identity, place, (x1, y1, x2, y2) in self.wanted.get(frame.number, ()):
            labels = self.results.frames[frame.number].labels
            mask = labels.masks.crop(int(np.flatnonzero(labels.ids == identity)[0]))
            crop = frame.image[y1:y2, x1:x2]
            self.colours[identity, place] = histogram(crop[mask])
            shown = np.where(mask[..., None], crop, crop // 3 + 150).astype(np.uint8)  # what is not the object is pale
            picture = Image.fromarray(shown)
            scale = self.side / max(picture.size)
            size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
            self.pictures[identity, place] = picture.resize(size, Image.Resampling.LANCZOS)

    def likeness(self, first: int, second: int) -> float:
        """How alike the end of one track and the beginning of another look, 0 to 1; 1 where it is not known."""
        one, two = self.colours.get((first, 2)), self.colours.get((second, 0))
        return 1.0 if one is None or two is None else float(np.sqrt(one * two).sum())  # Bhattacharyya's coefficient

    def pair(self, first: int, second: int) -> Image.Image:
        """The end of one track beside the beginning of another."""
        both = [self.pictures[key] for key in ((first, 2), (second, 0)) if key in self.pictures]
        canvas = Image.new(
            "RGB", (sum(each.width for each in both) + 8, max((e.height for e in both), default=1)), "white"
        )
        x = 0
        for each in both:
            canvas.paste(each, (x, 0))
            x += each.width + 8
        return canvas


def histogram(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The shares of an object's colours."""
    if len(pixels) == 0:
        return np.full(HUES**3, 1 / HUES**3)
    bins = (pixels.astype(np.int64) * HUES) >> 8
    counts = np.bincount((bins[:, 0] * HUES + bins[:, 1]) * HUES + bins[:, 2], minlength=HUES**3)
    return np.asarray(counts / counts.sum())


def tracks_of(results: SavedResults) -> dict[int, list[tuple[int, int]]]:
    """Frame and row of each mask of each track."""
    found: dict[int, list[tuple[int, int]]] = {}
    for number in sorted(results.frames):
        for row, identity in enumerate(results.frames[number].labels.ids.tolist()):
            found.setdefault(identity, []).append((number, row))
    return found


def suggestions(results: SavedResults, thumbnails: Thumbnails | None = None) -> list[Suggestion]:
    """Likely joins, the most likely first; each track is the first, and the second, of one at most.

    The confidence falls with the distance between where the first track would be and where the second one begins, in
    heights of the object and by the length of the gap, with the difference of their heights, and, with thumbnails, of
    their colours.
    """
    tracks = {k: rows for k, rows in tracks_of(results).items() if len(rows) >= LEAST_ROWS}
    starts = {identity: end_of(results, rows, False) for identity, rows in tracks.items()}
    stops = {identity: end_of(results, rows, True) for identity, rows in tracks.items()}
    found: list[Suggestion] = []
    for first, stop in stops.items():
        for second, start in starts.items():
            gap = start.time - stop.time
            if first == second or not 0 < gap <= LONGEST_GAP or stop.class_id != start.class_id:
                continue
            # The speeds of both ends say where they would meet; noise in them grows with the gap.
            share = min(gap, 1.0)
            off = np.linalg.norm(start.place - stop.place - (stop.speed + start.speed) / 2 * share)
            height = max((stop.height + start.height) / 2, 1.0)
            near = float(np.exp(-((off / (height * (REACH[0] + REACH[1] * gap))) ** 2)))
            alike = min(stop.height, start.height) / max(stop.height, start.height, 1.0)
            confidence = near * alike
            if thumbnails is not None:
                confidence *= thumbnails.likeness(first, second)
            if confidence >= LEAST:
                found.append(Suggestion(first, second, gap, confidence))
    found.sort(key=lambda each: -each.confidence)
    firsts: set[int] = set()
    seconds: set[int] = set()
    kept = []
    for each in found:
        if each.first not in firsts and each.second not in seconds:
            kept.append(each)
            firsts.add(each.first)
            seconds.add(each.second)
    return kept


def end_of(results: SavedResults, rows: list[tuple[int, int]], last: bool) -> End:
    """The beginning or the end of a track."""
    chosen = rows[::-1] if last else rows
    now = results.frames[chosen[0][0]]
    near = [(number, row) for number, row in chosen if abs(time_of(results, number) - now.labels.time) <= SPAN]
    boxes = np.array([results.frames[number].labels.masks.boxes[row] for number, row in near], np.float64)
    times = np.array([time_of(results, number) for number, _ in near])
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    speed = np.zeros(2)
    if len(near) > 2:
        speed = np.polyfit(times - times.mean(), middles, 1)[0]
    height = float(np.median(boxes[:, 3] - boxes[:, 1]))
    number, row = chosen[0]
    return End(number, now.labels.time, middles[0], height, speed, int(now.labels.classes[row]))


def time_of(results: SavedResults, number: int) -> float:
    """The time of a frame."""
    return results.frames[number].labels.time


def thumbnails_of(frames: Iterable[Frame], results: SavedResults) -> Thumbnails:
    """The thumbnails of all tracks, of the frames of their source."""
    found = Thumbnails(results)
    left = set(found.wanted)
    for frame in frames:
        found.add(frame)
        left.discard(frame.number)
        if not left:
            break
    return found
