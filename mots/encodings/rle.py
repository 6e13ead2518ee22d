"""COCO's compressed run-length encoding, for all masks of a frame or of a file at once.

A mask is read column by column as alternating runs of 0 and 1, beginning with 0 (which may be empty). From the fourth
run on, each length is stored as its difference from the one two before. Each number is split into groups of 5 bits, the
lowest first, and stored as one character from `0` (48) on, with 32 added when more groups follow; the fifth bit of the
last group is the sign. (This is the format of pycocotools' maskApi, with which the tests compare.)
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mots.encodings.runs import Runs

__all__ = ["RLEError", "decode", "decode_at", "encode"]


class RLEError(ValueError):
    """Encodings that do not decode or do not fill their image; `row` is the first bad one."""

    def __init__(self, row: int, message: str) -> None:
        super().__init__(message)
        self.row = row


def decode(strings: Sequence[bytes], size: tuple[int, int]) -> Runs:
    """The runs of N encoded masks of (height, width). Raises RLEError for the first that does not decode."""
    ends = np.cumsum(np.array([len(string) for string in strings], np.int64))
    begins = np.concatenate([[0], ends[:-1]]).astype(np.int64) if len(ends) else ends
    return decode_at(np.frombuffer(b"".join(strings), np.uint8), begins, ends, size)


def decode_at(
    text: NDArray[np.uint8], begins: NDArray[np.int64], ends: NDArray[np.int64], size: tuple[int, int]
) -> Runs:
    """The runs of N encoded masks text[begins[i]:ends[i]]. Raises RLEError as `decode` does."""
    from mots.encodings import run_kernels as kernels

    height, width = size
    starts, stops, bounds, areas, fault, row, detail = kernels.decode(text, begins, ends, height * width)
    if fault == kernels.BAD_CHARACTER:
        raise RLEError(row, f"the character {chr(detail)!r} is not used by the encoding")
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
    from mots.encodings import run_kernels as kernels

    height, width = runs.size
    text, places = kernels.encode(runs.starts, runs.stops, runs.bounds, height * width)
    content = text.tobytes()
    return [content[a:b] for a, b in itertools.pairwise(places.tolist())]
