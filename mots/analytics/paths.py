"""The paths of tracks: foot points over time, smoothed with respect to real time and to gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mots.analytics.tables import FrameTable

__all__ = ["Path2D", "paths_of", "smoothed"]

SPAN = 0.5  # seconds on each side of a moment over which a place is smoothed
LONGEST_GAP = 2.0  # seconds without a row, over which a path is not continued


@dataclass(frozen=True, eq=False)
class Path2D:
    """The path of one track: `frames` (N,), `times` (N,) seconds, `points` (N, 2) smoothed and `raw` (N, 2) x y, and
    `heights` (N,) of its boxes in pixels. `class_name`: that of most of its rows."""

    track_id: int
    class_name: str
    frames: NDArray[np.int64]
    times: NDArray[np.float64]
    points: NDArray[np.float64]
    raw: NDArray[np.float64]
    heights: NDArray[np.float64]

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
            )
        )
    return paths


def smoothed(times: NDArray[np.float64], points: NDArray[np.float64], span: float = SPAN) -> NDArray[np.float64]:
    """(N, 2) the places of a path without jitter: at each moment the value of a straight line, fitted to the places
    within `span` seconds on each side by weighted least squares, twice; the second time places far from the first line
    weigh little (Cleveland, "Robust locally weighted regression", 1979).

    Places beyond a gap of more than LONGEST_GAP count for nothing.
    """
    result = np.array(points, np.float64)
    parts = np.concatenate([[0], np.cumsum(np.diff(times) > LONGEST_GAP)]) if len(times) else np.zeros(0)
    for i, now in enumerate(times.tolist()):
        near = (np.abs(times - now) <= span) & (parts == parts[i])
        if np.count_nonzero(near) < 3:
            continue
        t, p = times[near] - now, points[near]
        weights = (1.0 - np.minimum(np.abs(t) / (span + 1e-9), 1.0) ** 3) ** 3 + 1e-6
        for _ in range(2):
            value, slope = fitted_line(t, p, weights)
            errors = np.linalg.norm(p - value - t[:, None] * slope, axis=1)
            scale = 6.0 * np.median(errors) + 1e-9
            weights = weights * np.maximum(1.0 - (errors / scale) ** 2, 0.0) ** 2 + 1e-9
        result[i] = value
    return result


def fitted_line(
    t: NDArray[np.float64], points: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(2,) the value at t = 0 and (2,) the slope of the line that fits best."""
    total = weights.sum()
    middle_t = float((weights * t).sum() / total)
    middle = (weights[:, None] * points).sum(axis=0) / total
    spread = float((weights * (t - middle_t) ** 2).sum())
    slope = (weights[:, None] * (t - middle_t)[:, None] * (points - middle)).sum(axis=0) / max(spread, 1e-12)
    return middle - middle_t * slope, slope
