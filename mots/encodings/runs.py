"""Masks as run lengths: as files store them, and as whole sequences are compared without decoding to pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mots.trackers.masks import Masks

if TYPE_CHECKING:
    from mots.encodings.run_kernels import FrameRows, RunArrays

__all__ = ["Runs", "common_pixels", "masks_of", "merged", "runs_of", "tight_boxes"]


@dataclass(frozen=True, eq=False)
class Runs:
    """The runs of ones of N masks, column by column through a frame of `size` (height, width).

    `starts`, `stops`: (R,) int32 half-open pixel numbers x * height + y, ascending within a mask. `bounds`: (N + 1,)
    int64; mask i has the runs bounds[i] to bounds[i + 1]. `areas`: (N,) int64 pixels.
    """

    size: tuple[int, int]
    starts: NDArray[np.int32]
    stops: NDArray[np.int32]
    bounds: NDArray[np.int64]
    areas: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @staticmethod
    def empty(size: tuple[int, int]) -> Runs:
        """No masks."""
        none = np.zeros(0, np.int32)
        return Runs(size, none, none, np.zeros(1, np.int64), np.zeros(0, np.int64))

    def __repr__(self) -> str:
        return f"Runs({len(self)} masks in {self.size[0]} x {self.size[1]})"

    @property
    def arrays(self) -> RunArrays:
        """The arrays of the runs as a named tuple, for compiled functions."""
        from mots.encodings.run_kernels import RunArrays

        return RunArrays(self.starts, self.stops, self.bounds)

    @staticmethod
    def concatenate(size: tuple[int, int], parts: Sequence[Runs]) -> Runs:
        """The masks of all parts in their order, of frames of one size."""
        if not parts:
            return Runs.empty(size)
        counts = np.concatenate([np.diff(part.bounds) for part in parts])
        return Runs(
            size,
            np.concatenate([part.starts for part in parts]),
            np.concatenate([part.stops for part in parts]),
            np.concatenate([[0], counts.cumsum()]).astype(np.int64),
            np.concatenate([part.areas for part in parts]),
        )

    def take(self, index: NDArray[np.int64]) -> Runs:
        """The masks at an integer index (K,), in its order."""
        lengths = np.diff(self.bounds)[index]
        bounds = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        runs = np.repeat(self.bounds[:-1][index] - bounds[:-1], lengths) + np.arange(bounds[-1])
        return Runs(self.size, self.starts[runs], self.stops[runs], bounds, self.areas[index])


def merged(size: tuple[int, int], starts: NDArray[np.int64], stops: NDArray[np.int64]) -> Runs:
    """One mask: the pixels of all runs (R,), which may overlap, touch, be empty and come in any order."""
    there = stops > starts
    edges = np.concatenate([starts[there], stops[there]])
    steps = np.repeat([1, -1], int(there.sum()))
    order = np.lexsort((-steps, edges))  # at one place, a run begins before another ends
    edges, steps = edges[order], steps[order]
    depth = np.cumsum(steps)
    begins, ends = edges[(depth == 1) & (steps == 1)], edges[depth == 0]
    area = np.array([(ends - begins).sum()], np.int64)
    return Runs(size, begins.astype(np.int32), ends.astype(np.int32), np.array([0, len(begins)], np.int64), area)


def common_pixels(
    a: Runs, frames_a: NDArray[np.int64], b: Runs, frames_b: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of masks of one frame that share pixels: (E,) mask of a, mask of b, pixels; in the order of frames.

    `frames_a`, `frames_b`: the frame of each mask. With b = a (the same object), each pair of two masks once.
    """
    from mots.encodings import run_kernels

    return run_kernels.common_pixels(a.arrays, by_frame(a, frames_a), b.arrays, by_frame(b, frames_b), a is b)


def by_frame(runs: Runs, frames: NDArray[np.int64]) -> FrameRows:
    """The masks that have pixels, in the order of their frames."""
    from mots.encodings.run_kernels import FrameRows

    order = np.argsort(frames, kind="stable")
    rows = order[runs.bounds[order + 1] > runs.bounds[order]]
    return FrameRows(rows, frames[rows])


def tight_boxes(runs: Runs) -> NDArray[np.int32]:
    """(N, 4) half-open x1 y1 x2 y2 of the masks' pixels; zeros where a mask has none."""
    height = runs.size[0]
    boxes = np.zeros((len(runs), 4), np.int32)
    filled = np.flatnonzero(runs.bounds[1:] > runs.bounds[:-1])
    if len(filled) == 0:
        return boxes
    firsts, lasts = runs.bounds[filled], runs.bounds[filled + 1] - 1
    columns, last_columns = runs.starts // height, (runs.stops - 1) // height
    rows, last_rows = runs.starts - columns * height, runs.stops - 1 - last_columns * height
    over = last_columns > columns  # a run that continues from the bottom of a column at the top of the next
    rows, last_rows = np.where(over, 0, rows), np.where(over, height - 1, last_rows)
    # The runs of all masks lie one after the other; masks without pixels have none.
    boxes[filled, 0], boxes[filled, 2] = columns[firsts], last_columns[lasts] + 1
    boxes[filled, 1] = np.minimum.reduceat(rows, firsts)
    boxes[filled, 3] = np.maximum.reduceat(last_rows, firsts) + 1
    return boxes


def masks_of(runs: Runs) -> Masks:
    """The same masks as tight crops."""
    height = runs.size[0]
    n = len(runs)
    boxes = tight_boxes(runs)
    offsets = np.zeros(n, np.int64)
    parts: list[NDArray[np.uint8]] = []
    length = 0
    columns = runs.starts // height
    rows = runs.starts - columns * height
    for i, (a, b) in enumerate(zip(runs.bounds[:-1].tolist(), runs.bounds[1:].tolist(), strict=True)):
        offsets[i] = length
        if a == b:
            continue
        x1, y1, x2, y2 = boxes[i].tolist()
        tall = y2 - y1
        edges = np.empty(2 * (b - a), np.int64)
        edges[0::2] = (columns[a:b] - x1) * tall + rows[a:b] - y1
        edges[1::2] = edges[0::2] + runs.stops[a:b] - runs.starts[a:b]
        change = np.zeros((x2 - x1) * tall + 1, np.int8)
        change[edges[0::2]] = 1
        change[edges[1::2]] -= 1
        crop = np.cumsum(change[:-1], dtype=np.int8).view(np.uint8).reshape(x2 - x1, tall).T
        parts.append(crop.ravel())
        length += crop.size
    pixels = np.concatenate(parts) if parts else np.zeros(0, np.uint8)
    return Masks(runs.size, boxes, pixels, offsets)


def runs_of(masks: Masks) -> Runs:
    """The runs of masks given as crops."""
    height = masks.size[0]
    columns: list[NDArray[np.uint8]] = []
    talls = masks.boxes[:, 3] - masks.boxes[:, 1]
    widths = masks.boxes[:, 2] - masks.boxes[:, 0]
    for i in range(len(masks)):
        # An empty row below each crop separates the runs of neighbouring columns.
        padded = np.zeros((int(widths[i]), int(talls[i]) + 1), np.uint8)
        padded[:, :-1] = masks.crop(i).T
        columns.append(padded.ravel())
    flat = np.concatenate([np.zeros(1, np.uint8), *columns])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    spans = widths.astype(np.int64) * (talls + 1)
    offsets = np.concatenate([[0], np.cumsum(spans)])
    owner = np.searchsorted(offsets, edges[0::2], side="right") - 1
    starts = places(edges[0::2] - offsets[owner], owner, masks.boxes, talls, height)
    stops = starts + (edges[1::2] - edges[0::2]).astype(np.int32)
    per_mask = np.bincount(owner, minlength=len(masks)) if len(masks) else np.zeros(0, np.int64)
    bounds = np.concatenate([[0], np.cumsum(per_mask)]).astype(np.int64)
    areas = np.bincount(owner, stops - starts, len(masks)).astype(np.int64)
    return Runs(masks.size, starts, stops, bounds, areas)


def places(
    local: NDArray[np.int64], owner: NDArray[np.int64], boxes: NDArray[np.int32], talls: NDArray[np.int32], height: int
) -> NDArray[np.int32]:
    """Pixel numbers in the frame of pixels numbered column by column through crops one row taller than they are."""
    column, row = np.divmod(local, talls[owner].astype(np.int64) + 1)
    return np.asarray((column + boxes[owner, 0]) * height + row + boxes[owner, 1], np.int32)
