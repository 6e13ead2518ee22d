"""The paths of tracks: foot points over time, smoothed with respect to real time and to gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mots.analytics.frame_table import FrameTable
from mots.trackers.compiled import compiled

__all__ = ["LONGEST_GAP", "Path2D", "fitted_line", "paths_of", "smoothed", "window"]

SPAN = 0.5  # seconds on each side of a moment over which a place is smoothed
EDGE = 1  # pixels from the frame's edge in which a box touches it
LONGEST_GAP = 2.0  # seconds without a row, over which a path is not continued


@dataclass(frozen=True, eq=False)
class Path2D:
    """The path of one track: `frames` (N,), `times` (N,) seconds, `points` (N, 2) smoothed and `raw` (N, 2) x y, and
    `heights` (N,) of its boxes in pixels. `class_name`: that of most of its rows. `cut`: (N,) where the frame's left,
    right or lower edge cuts it, so that its foot point is that of a part."""

    track_id: int
    class_name: str
    frames: NDArray[np.int64]
    times: NDArray[np.float64]
    points: NDArray[np.float64]
    raw: NDArray[np.float64]
    heights: NDArray[np.float64]
    cut: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.times)


def paths_of(table: FrameTable, span: float = SPAN) -> list[Path2D]:
    """The path of each track, by its number; `span`: see `smoothed`."""
    order = np.lexsort((table.time_s, table.track_id))
    edges = np.flatnonzero(np.diff(table.track_id[order])) + 1
    paths = []
    for rows in np.split(order, edges) if len(order) else []:
        names, counts = np.unique(table.classes[rows], return_counts=True)
        times, raw = table.time_s[rows], table.foot[rows]
        heights = table.boxes[rows, 3] - table.boxes[rows, 1]
        paths.append(
            Path2D(
                int(table.track_id[rows[0]]),
                str(names[counts.argmax()]),
                table.frame[rows],
                times,
                smoothed(times, raw, span),
                raw,
                heights,
                cut_off(table.boxes[rows], table.size),
            )
        )
    return paths


def cut_off(boxes: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(N,) which boxes (N, 4) touch the left, right or lower edge of a frame of (height, width); none for zeros."""
    if size == (0, 0):
        return np.zeros(len(boxes), np.bool_)
    height, width = size
    return np.asarray((boxes[:, 0] < EDGE) | (boxes[:, 2] > width - EDGE) | (boxes[:, 3] > height - EDGE))


def smoothed(times: NDArray[np.float64], points: NDArray[np.float64], span: float = SPAN) -> NDArray[np.float64]:
    """(N, 2) the places of a path without jitter: at each moment the value of a straight line, fitted to the places
    within `span` seconds on each side by weighted least squares, twice; the second time places far from the first line
    weigh little (Cleveland, "Robust locally weighted regression", 1979).

    `times`: (N,) ascending. Places beyond a gap of more than LONGEST_GAP count for nothing.
    """
    return smooth(np.asarray(times, np.float64), np.array(points, np.float64), span, LONGEST_GAP)


@compiled
def smooth(
    times: NDArray[np.float64], points: NDArray[np.float64], span: float, longest_gap: float
) -> NDArray[np.float64]:
    """`smoothed`, compiled: in time that goes with the number of places, not with its square."""
    result = points.copy()
    first = last = 0
    for i in range(len(times)):
        first, last = window(times, i, span, longest_gap, first, last)
        count = last - first
        if count < 3:
            continue
        t, p = times[first:last] - times[i], points[first:last]
        weights = (1.0 - np.minimum(np.abs(t) / (span + 1e-9), 1.0) ** 3) ** 3 + 1e-6
        for _ in range(2):
            value, slope = fitted_line(t, p, weights)
            errors = np.empty(count)
            for k in range(count):
                dx, dy = p[k, 0] - value[0] - t[k] * slope[0], p[k, 1] - value[1] - t[k] * slope[1]
                errors[k] = np.sqrt(dx * dx + dy * dy)
            scale = 6.0 * np.median(errors) + 1e-9
            weights = weights * np.maximum(1.0 - (errors / scale) ** 2, 0.0) ** 2 + 1e-9
        result[i] = value
    return result


@compiled
def window(
    times: NDArray[np.float64], i: int, span: float, longest_gap: float, first: int, last: int
) -> tuple[int, int]:
    """The first place within `span` seconds of place `i` and the one after the last, over no long gap. `first`, `last`:
    those of the place before."""
    if i > 0 and times[i] - times[i - 1] > longest_gap:
        first = i
    while times[i] - times[first] > span:
        first += 1
    last = max(last, i + 1)
    while last < len(times) and times[last] - times[i] <= span and times[last] - times[last - 1] <= longest_gap:
        last += 1
    return first, last


@compiled
def fitted_line(
    t: NDArray[np.float64], points: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(2,) the value at t = 0 and (2,) the slope of the line that fits best."""
    total = weights.sum()
    middle_t = (weights * t).sum() / total
    middle, slope = np.zeros(2), np.zeros(2)
    spread = (weights * (t - middle_t) ** 2).sum()
    for c in range(2):
        middle[c] = (weights * points[:, c]).sum() / total
        slope[c] = (weights * (t - middle_t) * (points[:, c] - middle[c])).sum() / max(spread, 1e-12)
    return middle - middle_t * slope, slope
