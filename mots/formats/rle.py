"""COCO's compressed run-length encoding, for all masks of a frame or of a file at once.

A mask is read column by column as runs of 0 and 1 in turn, beginning with 0 (a run of 0 may be empty). From the fourth
run on, each length is stored as its difference from the one two before; each number is cut into groups of 5 bits, the
lowest first, and stored as one character from `0` (48) on, with 32 added when more groups follow; the fifth bit of the
last group is the sign. (The format of pycocotools' maskApi, which the tests compare with.)
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mots.trackers.masks import Masks

__all__ = ["RLEError", "Runs", "decode", "encode", "masks_of", "runs_of"]


class RLEError(ValueError):
    """Encodings that do not decode or do not fill their image; `row` is the first bad one."""

    def __init__(self, row: int, message: str) -> None:
        super().__init__(message)
        self.row = row


@dataclass(frozen=True, eq=False)
class Runs:
    """The 1-runs of N masks, column by column through the frame of `size` (height, width).

    `starts`, `stops`: (R,) int64 half-open pixel numbers x * height + y, ascending within a mask. `bounds`: (N + 1,)
    int64; mask i has the runs bounds[i] to bounds[i + 1].
    """

    size: tuple[int, int]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    bounds: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.bounds) - 1


def decode(strings: Sequence[bytes], size: tuple[int, int]) -> Runs:
    """The runs of N encoded masks of (height, width). Raises RLEError naming the first that is broken."""
    counts, bounds = counts_of(strings)
    height, width = size
    lengths = np.diff(bounds)
    negative = np.flatnonzero(counts < 0)
    if negative.size:
        row = int(np.searchsorted(bounds, negative[0], side="right")) - 1
        raise RLEError(row, "a run of negative length")
    ends = segmented_sums(counts, bounds)
    total = np.where(lengths > 0, ends[np.maximum(bounds[1:] - 1, 0)] if len(ends) else 0, 0)
    wrong = np.flatnonzero(total != height * width)
    if wrong.size:
        row = int(wrong[0])
        raise RLEError(row, f"runs of {total[row]} pixels in all for a frame of {height} x {width} = {height * width}")
    place = np.arange(len(counts)) - np.repeat(bounds[:-1], lengths)
    ones = np.flatnonzero((place % 2 == 1) & (counts > 0))
    stops = ends[ones]
    starts = stops - counts[ones]
    per_mask = np.bincount(np.repeat(np.arange(len(strings)), lengths)[ones], minlength=len(strings))
    return Runs(size, starts, stops, np.concatenate([[0], np.cumsum(per_mask)]).astype(np.int64))


def encode(runs: Runs) -> list[bytes]:
    """The compressed encoding of each mask."""
    n, (height, width) = len(runs), runs.size
    starts, stops, bounds = merged(runs.starts, runs.stops, runs.bounds)
    lengths = np.diff(bounds)
    owner = np.repeat(np.arange(n), lengths)
    # Counts alternate gap, run, gap, run ..., and end with a gap where the image goes on.
    first = np.ones(len(starts), np.bool_)
    first[1:] = owner[1:] != owner[:-1]
    before = np.where(first, 0, np.concatenate([[0], stops[:-1]]))
    last_stop = np.zeros(n, np.int64)
    filled = lengths > 0
    last_stop[filled] = stops[bounds[1:][filled] - 1]
    rest = height * width - last_stop
    per_mask = 2 * lengths + (rest > 0)
    offsets = np.concatenate([[0], np.cumsum(per_mask)])
    counts = np.zeros(offsets[-1], np.int64)
    place = offsets[owner] + 2 * (np.arange(len(starts)) - bounds[owner])
    counts[place] = starts - before
    counts[place + 1] = stops - starts
    tails = np.flatnonzero(rest > 0)
    counts[offsets[tails + 1] - 1] = rest[tails]
    # From the fourth on, differences from two before.
    index = np.arange(len(counts)) - np.repeat(offsets[:-1], per_mask)
    late = np.flatnonzero(index >= 3)
    values = counts.copy()
    values[late] -= counts[late - 2]
    return characters(values, offsets)


def masks_of(runs: Runs) -> Masks:
    """The same masks as tight crops."""
    height = runs.size[0]
    n = len(runs)
    boxes = np.zeros((n, 4), np.int32)
    offsets = np.zeros(n, np.int64)
    parts: list[NDArray[np.uint8]] = []
    length = 0
    columns, last_columns = runs.starts // height, (runs.stops - 1) // height
    rows, last_rows = runs.starts - columns * height, runs.stops - 1 - last_columns * height
    for i, (a, b) in enumerate(zip(runs.bounds[:-1].tolist(), runs.bounds[1:].tolist(), strict=True)):
        offsets[i] = length
        if a == b:
            continue
        x1, x2 = int(columns[a]), int(last_columns[b - 1]) + 1
        if (columns[a:b] == last_columns[a:b]).all():
            y1, y2 = int(rows[a:b].min()), int(last_rows[a:b].max()) + 1
        else:  # a run goes over from one column's foot to the next one's head
            y1, y2 = 0, height
        tall = y2 - y1
        edges = np.empty(2 * (b - a), np.int64)
        edges[0::2] = (columns[a:b] - x1) * tall + rows[a:b] - y1
        edges[1::2] = edges[0::2] + runs.stops[a:b] - runs.starts[a:b]
        change = np.zeros((x2 - x1) * tall + 1, np.int8)
        change[edges[0::2]] = 1
        change[edges[1::2]] -= 1
        crop = np.cumsum(change[:-1], dtype=np.int8).view(np.uint8).reshape(x2 - x1, tall).T
        boxes[i] = x1, y1, x2, y2
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
        # A clear row below each crop keeps the runs of neighbouring columns apart.
        padded = np.zeros((int(widths[i]), int(talls[i]) + 1), np.uint8)
        padded[:, :-1] = masks.crop(i).T
        columns.append(padded.ravel())
    flat = np.concatenate([np.zeros(1, np.uint8), *columns])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    spans = widths.astype(np.int64) * (talls + 1)
    offsets = np.concatenate([[0], np.cumsum(spans)])
    owner = np.searchsorted(offsets, edges[0::2], side="right") - 1
    starts = places(edges[0::2] - offsets[owner], owner, masks.boxes, talls, height)
    stops = starts + (edges[1::2] - edges[0::2])
    per_mask = np.bincount(owner, minlength=len(masks)) if len(masks) else np.zeros(0, np.int64)
    return Runs(masks.size, starts, stops, np.concatenate([[0], np.cumsum(per_mask)]).astype(np.int64))


def places(
    local: NDArray[np.int64], owner: NDArray[np.int64], boxes: NDArray[np.int32], talls: NDArray[np.int32], height: int
) -> NDArray[np.int64]:
    """Pixel numbers in the frame of pixels numbered column by column through crops one row taller than they are."""
    column, row = np.divmod(local, talls[owner].astype(np.int64) + 1)
    numbers: NDArray[np.int64] = (column + boxes[owner, 0]) * height + row + boxes[owner, 1]
    return numbers


def merged(
    starts: NDArray[np.int64], stops: NDArray[np.int64], bounds: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The runs with those that touch (over a column's end) joined: the encoding has no empty gap but the first."""
    owner = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    opens = np.ones(len(starts), np.bool_)
    opens[1:] = (starts[1:] != stops[:-1]) | (owner[1:] != owner[:-1])
    closes = np.ones(len(starts), np.bool_)
    closes[:-1] = opens[1:]
    per_mask = np.bincount(owner[opens], minlength=len(bounds) - 1) if len(bounds) > 1 else np.zeros(0, np.int64)
    return starts[opens], stops[closes], np.concatenate([[0], np.cumsum(per_mask)]).astype(np.int64)


def counts_of(strings: Sequence[bytes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All run lengths of all strings one after another, and the (N + 1,) bounds of each string's."""
    sizes = np.array([len(string) for string in strings], np.int64)
    raw = np.frombuffer(b"".join(strings), np.uint8)
    limits = np.concatenate([[0], np.cumsum(sizes)])
    wrong = np.flatnonzero((raw < 48) | (raw > 111))
    if wrong.size:
        row = int(np.searchsorted(limits, wrong[0], side="right")) - 1
        raise RLEError(row, f"the character {chr(raw[wrong[0]])!r}, which no encoding has")
    digits = raw.astype(np.int64) - 48
    final = (digits & 0x20) == 0
    filled = np.flatnonzero(sizes > 0)
    open_ended = filled[~final[limits[filled + 1] - 1]]
    if open_ended.size:
        raise RLEError(int(open_ended[0]), "it ends in the middle of a number")
    last = np.flatnonzero(final)
    start = np.concatenate([[0], last[:-1] + 1]) if last.size else np.zeros(0, np.int64)
    groups = last - start + 1
    if groups.size and groups.max() > 12:  # 60 bits
        row = int(np.searchsorted(limits, start[groups.argmax()], side="right")) - 1
        raise RLEError(row, "a number of more than 60 bits")
    shift = 5 * (np.arange(len(digits)) - np.repeat(start, groups))
    values = np.add.reduceat((digits & 0x1F) << shift, start) if start.size else np.zeros(0, np.int64)
    values -= np.where(digits[last] & 0x10, np.int64(1) << (5 * groups), 0)
    ends = np.concatenate([[0], np.cumsum(final)])
    bounds = ends[limits].astype(np.int64)
    # Undo the differences: two interleaved running sums in each string, of the numbers 1, 3, 5 ... and 2, 4, 6 ...
    place = np.arange(len(values)) - np.repeat(bounds[:-1], np.diff(bounds))
    owner = np.repeat(np.arange(len(strings)), np.diff(bounds))
    for parity in (0, 1):
        chain = np.flatnonzero((place >= 1) & (place % 2 == parity))
        if chain.size == 0:
            continue
        begins = np.ones(len(chain), np.bool_)
        begins[1:] = owner[chain][1:] != owner[chain][:-1]
        values[chain] = restarted_sums(values[chain], np.flatnonzero(begins))
    return values, bounds


def restarted_sums(values: NDArray[np.int64], begins: NDArray[np.int64]) -> NDArray[np.int64]:
    """Running sums that begin anew at each of the ascending positions `begins` (the first is 0)."""
    sums = np.cumsum(values)
    before = np.concatenate([[0], sums])[begins]
    restarted: NDArray[np.int64] = sums - np.repeat(before, np.diff(np.concatenate([begins, [len(values)]])))
    return restarted


def segmented_sums(values: NDArray[np.int64], bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Running sums within each segment bounds[i] to bounds[i + 1]."""
    lengths = np.diff(bounds)
    return restarted_sums(values, bounds[:-1][lengths > 0]) if len(values) else values


def characters(values: NDArray[np.int64], bounds: NDArray[np.int64]) -> list[bytes]:
    """Signed numbers as strings, one string for each segment bounds[i] to bounds[i + 1]."""
    # One more group is needed until what remains is 0 or -1 and the last group's fifth bit tells its sign.
    groups = np.ones(len(values), np.int64)
    rest = values >> 5
    digit = values & 0x1F
    while True:
        more = np.where(digit & 0x10, rest != -1, rest != 0)
        if not more.any():
            break
        groups += more
        digit = np.where(more, rest & 0x1F, digit)
        rest = np.where(more, rest >> 5, rest)
    ends = np.concatenate([[0], np.cumsum(groups)])
    value = np.repeat(values, groups)
    place = np.arange(len(value)) - np.repeat(ends[:-1], groups)
    code = (value >> (5 * place)) & 0x1F
    code |= np.where(place < np.repeat(groups, groups) - 1, 0x20, 0)
    text = (code + 48).astype(np.uint8).tobytes()
    cuts = ends[bounds].tolist()
    return [text[a:b] for a, b in itertools.pairwise(cuts)]
