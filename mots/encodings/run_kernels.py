"""Compiled loops over run lengths: decoding and encoding COCO's RLE, and the common pixels of masks given as runs.

Masks are given as the arrays of `Runs` (see `runs.py`): runs of ones as half-open pixel numbers, column by column,
ascending within a mask.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mots.trackers.compiled import compiled

__all__ = [
    "BAD_CHARACTER",
    "BAD_TOTAL",
    "NEGATIVE",
    "TOO_LONG",
    "UNFINISHED",
    "FrameRows",
    "RunArrays",
    "common_pixels",
    "decode",
    "encode",
    "scan_lines",
]

Integers = NDArray[np.int64]
Places = NDArray[np.int32]  # pixel numbers in a frame


class RunArrays(NamedTuple):
    """`starts`, `stops`: (R,) of the runs. `bounds`: (N + 1,); mask i has the runs bounds[i] to bounds[i + 1]."""

    starts: Places
    stops: Places
    bounds: Integers


class FrameRows(NamedTuple):
    """`rows`: (K,) masks with pixels in the order of their frames. `frames`: (K,) the ascending frame of each."""

    rows: Integers
    frames: Integers


# What `decode` finds wrong with a mask.
BAD_CHARACTER, UNFINISHED, TOO_LONG, NEGATIVE, BAD_TOTAL = 1, 2, 3, 4, 5
MAX_GROUPS = 12  # groups of 5 bits in one number


@compiled
def number_at(text: NDArray[np.uint8], position: int, stop: int) -> tuple[int, int, int, int]:
    """The number that begins at a position, its characters, the fault (0 for none) and the faulty character."""
    value = 0
    groups = 0
    while True:
        if position >= stop:
            return 0, 0, 2, 0
        digit = int(text[position]) - 48
        if digit < 0 or digit > 63:
            return 0, 0, 1, digit + 48
        position += 1
        value |= (digit & 0x1F) << (5 * groups)
        groups += 1
        if digit <= 31:
            return value | (-((digit >> 4) & 1) << (5 * groups)), groups, 0, 0
        if groups >= 12:
            return 0, 0, 3, 0


@compiled
def decode(
    text: NDArray[np.uint8], begins: Integers, ends: Integers, pixels: int
) -> tuple[Places, Places, Integers, Integers, int, int, int]:
    """Starts, stops and bounds of the runs, and the areas, of N encodings text[begins[i]:ends[i]] of `pixels` each.

    Then the fault (0 for none), the first faulty mask, and a detail: the character, or the number of pixels.
    """
    n = len(begins)
    room = 0
    for i in range(n):
        room += (ends[i] - begins[i] + 1) // 2
    room += 1  # a count of zeros is written there too, and overwritten by the next one
    starts = np.empty(room, np.int32)
    stops = np.empty(room, np.int32)
    bounds = np.zeros(n + 1, np.int64)
    areas = np.zeros(n, np.int64)
    runs = 0
    for i in range(n):
        position = begins[i]
        stop = ends[i]
        total = 0
        area = 0
        ones = 0  # counts of zeros and of ones alternate
        before = 0  # the count one before, and the one before that
        before2 = 0
        place = 0
        while position < stop:
            # Nearly all numbers have one character; longer ones and faults are handled by `number_at`.
            digit = int(text[position]) - 48
            if (digit & ~31) == 0:
                value = (digit ^ 16) - 16  # the fifth bit is the sign
                position += 1
            else:
                value, groups, fault, detail = number_at(text, position, stop)
                if fault:
                    return starts, stops, bounds, areas, fault, i, detail
                position += groups
            if place > 2:
                value += before2
            if value < 0:
                return starts, stops, bounds, areas, 4, i, 0
            if value > pixels - total:
                return starts, stops, bounds, areas, 5, i, total + value
            starts[runs] = total
            total += value
            stops[runs] = total
            runs += ones if value > 0 else 0
            area += ones * value
            ones = 1 - ones
            before2 = before
            before = value
            place += 1
        if total != pixels:
            return starts, stops, bounds, areas, 5, i, total
        bounds[i + 1] = runs
        areas[i] = area
    return starts[:runs], stops[:runs], bounds, areas, 0, 0, 0


@compiled
def encode(starts: Places, stops: Places, bounds: Integers, pixels: int) -> tuple[NDArray[np.uint8], Integers]:
    """The encodings of N masks of `pixels` each, one after the other, and the (N + 1,) places where each begins.

    Runs that touch (over a column's end) become one: only the first gap of an encoding can be empty.
    """
    n = len(bounds) - 1
    places = np.zeros(n + 1, np.int64)
    text = np.empty(8 * len(starts) + 16 * n + 16, np.uint8)
    size = 0
    for i in range(n):
        before = two_before = three_before = np.int64(0)  # the lengths of the last counts
        count = 0
        reached = np.int64(0)  # pixels that are encoded so far
        run = bounds[i]
        while reached < pixels or count == 0:
            if count % 2 == 0:  # a gap, to the next run or to the frame's end
                length = (np.int64(starts[run]) if run < bounds[i + 1] else pixels) - reached
            else:
                stop = np.int64(stops[run])
                run += 1
                while run < bounds[i + 1] and starts[run] == stop:
                    stop = np.int64(stops[run])
                    run += 1
                length = stop - reached
            reached += length
            three_before, two_before, before = two_before, before, length
            value = length - three_before if count >= 3 else length
            count += 1
            if size + MAX_GROUPS >= len(text):
                longer = np.empty(2 * len(text), np.uint8)
                longer[:size] = text[:size]
                text = longer
            while True:
                digit = value & 0x1F
                value >>= 5
                more = value != -1 if digit & 0x10 else value != 0
                text[size] = 48 + (digit | 0x20 if more else digit)
                size += 1
                if not more:
                    break
        places[i + 1] = size
    return text[:size], places


@compiled
def scan_lines(text: NDArray[np.uint8], line_ends: Integers) -> tuple[Integers, Integers, int]:
    """The (lines, 5) whole numbers of MOTS text, where each line's RLE begins, and how many lines there were.

    `line_ends`: the places of the line feeds. Fewer lines than line feeds mean that one is not exactly of the form
    `0 1 2 3 4 rle`: digits, single spaces, an RLE up to the line feed. A slower function then finds what is wrong.
    (Spaces within the RLE are not checked.)
    """
    lines = len(line_ends)
    numbers = np.zeros((lines, 5), np.int64)
    begins = np.zeros(lines, np.int64)
    position = 0
    for line in range(lines):
        end = line_ends[line]
        for field in range(5):
            value = 0
            digits = 0
            while position < end and 48 <= text[position] <= 57:
                value = 10 * value + (text[position] - 48)
                digits += 1
                position += 1
            if digits == 0 or digits > 12 or position >= end or text[position] != 32:
                return numbers, begins, line
            numbers[line, field] = value
            position += 1
        if position == end or text[end - 1] <= 32:
            return numbers, begins, line
        begins[line] = position
        position = end + 1
    return numbers, begins, lines


@compiled
def first_behind(stops: Places, low: int, high: int, pixel: int) -> int:
    """The first of the ascending stops[low:high] that is greater than a pixel; `high` where none is."""
    while low < high:
        middle = (low + high) // 2
        if stops[middle] > pixel:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def shared(
    a_starts: Places, a_stops: Places, i: int, a_high: int, b_starts: Places, b_stops: Places, j: int, b_high: int
) -> int:
    """How many pixels the runs i to a_high of `a` share with the runs j to b_high of `b`.

    It takes arrays: a named tuple would be taken apart, and its arrays counted, at each of millions of calls.
    """
    common = 0
    if i >= a_high or j >= b_high:
        return 0
    # Both current runs stay in registers; only the one that ends first is read anew.
    start_a, stop_a, start_b, stop_b = a_starts[i], a_stops[i], b_starts[j], b_stops[j]
    while True:
        low = max(start_a, start_b)
        high = min(stop_a, stop_b)
        if low < high:
            common += high - low
        if stop_a < stop_b:
            i += 1
            if i == a_high:
                return common
            start_a, stop_a = a_starts[i], a_stops[i]
        else:
            j += 1
            if j == b_high:
                return common
            start_b, stop_b = b_starts[j], b_stops[j]


@compiled
def common_pixels(
    a: RunArrays, a_rows: FrameRows, b: RunArrays, b_rows: FrameRows, same: bool
) -> tuple[Integers, Integers, Integers]:
    """Pairs of masks of one frame that share pixels: mask of `a`, mask of `b`, pixels.

    With `same`, `a` is `b` and each pair is given once, the earlier row first.
    """
    room = 1024
    left = np.empty(room, np.int64)
    right = np.empty(room, np.int64)
    pixels = np.empty(room, np.int64)
    count = 0
    # The first pixel of each mask of b, and the one after its last, in the order in which the loop reads them.
    a_starts, a_stops, a_bounds, b_starts, b_stops, b_bounds = a.starts, a.stops, a.bounds, b.starts, b.stops, b.bounds
    a_frames, b_frames = a_rows.frames, b_rows.frames
    b_begins, b_ends = b_starts[b_bounds[b_rows.rows]], b_stops[b_bounds[b_rows.rows + 1] - 1]
    b_first = 0
    for a_place in range(len(a_rows.rows)):
        frame = a_frames[a_place]
        while b_first < len(b_rows.rows) and b_frames[b_first] < frame:
            b_first += 1
        i = a_rows.rows[a_place]
        a_low, a_high = a_bounds[i], a_bounds[i + 1]
        begin, end = a_starts[a_low], a_stops[a_high - 1]
        b_place = a_place if same else b_first - 1
        while b_place + 1 < len(b_rows.rows) and b_frames[b_place + 1] == frame:
            b_place += 1
            if b_ends[b_place] <= begin or end <= b_begins[b_place]:
                continue
            j = b_rows.rows[b_place]
            b_low, b_high = b_bounds[j], b_bounds[j + 1]
            # Only the columns that both reach: the first runs that end after the other's begin, by bisection.
            common = shared(
                a_starts, a_stops, first_behind(a_stops, a_low, a_high, b_begins[b_place]), a_high,
                b_starts, b_stops, first_behind(b_stops, b_low, b_high, begin), b_high,
            )  # fmt: skip
            if common:
                if count == room:
                    room *= 2
                    left = np.concatenate((left, np.empty(count, np.int64)))
                    right = np.concatenate((right, np.empty(count, np.int64)))
                    pixels = np.concatenate((pixels, np.empty(count, np.int64)))
                left[count] = i
                right[count] = j
                pixels[count] = common
                count += 1
    return left[:count].copy(), right[:count].copy(), pixels[:count].copy()
