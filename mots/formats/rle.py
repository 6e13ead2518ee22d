"""COCO's compressed run-length encoding, for all masks of a frame or of a file at once.

A mask is read column by column as runs of 0 and 1 in turn, beginning with 0 (a run of 0 may be empty). From the fourth
run on, each length is stored as its difference from the one two before; each number is cut into groups of 5 bits, the
lowest first, and stored as one character from `0` (48) on, with 32 added when more groups follow; the fifth bit of the
last group is the sign. (The format of pycocotools' maskApi, which the tests compare with.)
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mots.runs import Runs

__all__ = ["RLEError", "decode", "decode_at", "encode"]


class RLEError(ValueError):
    """Encodings that do not decode or do not fill their image; `row` is the first bad one."""

    def __init__(self, row: int, message: str) -> None:
        super().__init__(message)
        self.row = row


def decode(strings: Sequence[bytes], size: tuple[int, int]) -> Runs:
    """The runs of N encoded masks of (height, width). Raises RLEError naming the first that is broken."""
    ends = np.cumsum(np.array([len(string) for string in strings], np.int64))
    begins = np.concatenate([[0], ends[:-1]]).astype(np.int64) if len(ends) else ends
    return decode_at(np.frombuffer(b"".join(strings), np.uint8), begins, ends, size)


def decode_at(
    text: NDArray[np.uint8], begins: NDArray[np.int64], ends: NDArray[np.int64], size: tuple[int, int]
) -> Runs:
    """The runs of N encoded masks that lie at text[begins[i]:ends[i]]. Raises RLEError as `decode` does."""
    from mots import run_kernels as kernels

    height, width = size
    starts, stops, bounds, areas, fault, row, detail = kernels.decode(text, begins, ends, height * width)
    if fault == kernels.BAD_CHARACTER:
        raise RLEError(row, f"the character {chr(detail)!r}, which no encoding has")
    if fault == kernels.UNFINISHED:
        raise RLEError(row, "it ends in the middle of a number")
    if fault == kernels.TOO_LONG:
        raise RLEError(row, "a number of more than 60 bits")
    if fault == kernels.NEGATIVE:
        raise RLEError(row, "a run of negative length")
    if fault == kernels.BAD_TOTAL:
        raise RLEError(row, f"runs of {detail} pixels for a frame of {height} x {width} = {height * width}")
    return Runs(size, starts, stops, bounds, areas)


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


def merged(
    starts: NDArray[np.int32], stops: NDArray[np.int32], bounds: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """The runs with those that touch (over a column's end) joined: the encoding has no empty gap but the first."""
    owner = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    opens = np.ones(len(starts), np.bool_)
    opens[1:] = (starts[1:] != stops[:-1]) | (owner[1:] != owner[:-1])
    closes = np.ones(len(starts), np.bool_)
    closes[:-1] = opens[1:]
    per_mask = np.bincount(owner[opens], minlength=len(bounds) - 1) if len(bounds) > 1 else np.zeros(0, np.int64)
    return starts[opens], stops[closes], np.concatenate([[0], np.cumsum(per_mask)]).astype(np.int64)


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
