"""Loops over run lengths, compiled by numba: decoding COCO's RLE, and common pixels of masks given as runs.

Masks are `Runs` (see `runs.py`): 1-runs as half-open pixel numbers, column by column, ascending within a mask.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mots.trackers.compiled import compiled

__all__ = [
    "BAD_CHARACTER",
    "BAD_TOTAL",
    "NEGATIVE",
    "TOO_LONG",
    "UNFINISHED",
    "areas",
    "common_pixels",
    "decode",
    "scan_lines",
]

Integers = NDArray[np.int64]
Places = NDArray[np.int32]  # pixel numbers in a frame

# What `decode` found wrong with a mask.
BAD_CHARACTER, UNFINISHED, TOO_LONG, NEGATIVE, BAD_TOTAL = 1, 2, 3, 4, 5
MAX_GROUPS = 12  # groups of 5 bits in one number


@compiled
def decode(
    text: NDArray[np.uint8], begins: Integers, ends: Integers, pixels: int
) -> tuple[Places, Places, Integers, int, int, int]:
    """Starts, stops and bounds of the runs of N encodings text[begins[i]:ends[i]], each of `pixels` pixels in all.

    Then the fault (0 for none), the first faulty mask, and a detail: the character, or the pixels found.
    """
    n = len(begins)
    room = 0
    for i in range(n):
        room += (ends[i] - begins[i] + 1) // 2
    starts = np.empty(room, np.int32)
    stops = np.empty(room, np.int32)
    bounds = np.zeros(n + 1, np.int64)
    runs = 0
    for i in range(n):
        position = begins[i]
        stop = ends[i]
        place = 0
        total = 0
        before = 0  # the count one before, and the one before that
        before2 = 0
        while position < stop:
            value = 0
            groups = 0
            more = True
            while more:
                if position >= stop:
                    return starts, stops, bounds, 2, i, 0
                digit = int(text[position]) - 48
                if digit < 0 or digit > 63:
                    return starts, stops, bounds, 1, i, int(text[position])
                position += 1
                value |= (digit & 0x1F) << (5 * groups)
                groups += 1
                more = (digit & 0x20) != 0
                if groups >= 12 and more:
                    return starts, stops, bounds, 3, i, 0
                if not more and (digit & 0x10) != 0:
                    value |= -1 << (5 * groups)
            if place > 2:
                value += before2
            if value < 0:
                return starts, stops, bounds, 4, i, 0
            if value > pixels - total:
                return starts, stops, bounds, 5, i, total + value
            if place % 2 == 1 and value > 0:
                starts[runs] = total
                stops[runs] = total + value
                runs += 1
            total += value
            before2 = before
            before = value
            place += 1
        if total != pixels:
            return starts, stops, bounds, 5, i, total
        bounds[i + 1] = runs
    return starts[:runs].copy(), stops[:runs].copy(), bounds, 0, 0, 0


@compiled
def scan_lines(text: NDArray[np.uint8], lines: int) -> tuple[Integers, Integers, Integers, int]:
    """The (lines, 5) whole numbers of MOTS text, where each line's RLE begins and ends, and how many lines there were.

    Fewer lines than there are line ends (`lines`) say that one is not exactly of the form `0 1 2 3 4 rle`: digits,
    single spaces, an end of line. Then someone slower has to say what is wrong.
    """
    numbers = np.zeros((lines, 5), np.int64)
    begins = np.zeros(lines, np.int64)
    ends = np.zeros(lines, np.int64)
    position = 0
    size = len(text)
    for line in range(lines):
        for field in range(5):
            value = 0
            digits = 0
            while position < size and 48 <= text[position] <= 57:
                value = 10 * value + (text[position] - 48)
                digits += 1
                position += 1
            if digits == 0 or digits > 12 or position >= size or text[position] != 32:
                return numbers, begins, ends, line
            numbers[line, field] = value
            position += 1
        begins[line] = position
        while position < size and text[position] > 32:
            position += 1
        ends[line] = position
        if position >= size or text[position] != 10 or position == begins[line]:
            return numbers, begins, ends, line
        position += 1
    return numbers, begins, ends, lines


@compiled
def first_behind(stops: Places, low: int, high: int, pixel: int) -> int:
    """The first of the ascending stops[low:high] that lies behind a pixel; `high` where none does."""
    while low < high:
        middle = (low + high) // 2
        if stops[middle] > pixel:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def areas(starts: Places, stops: Places, bounds: Integers) -> Integers:
    """(N,) pixels of each mask."""
    sums = np.zeros(len(bounds) - 1, np.int64)
    for i in range(len(sums)):
        for run in range(bounds[i], bounds[i + 1]):
            sums[i] += stops[run] - starts[run]
    return sums


@compiled
def common_pixels(
    starts_a: Places,
    stops_a: Places,
    bounds_a: Integers,
    rows_a: Integers,
    frames_a: Integers,
    starts_b: Places,
    stops_b: Places,
    bounds_b: Integers,
    rows_b: Integers,
    frames_b: Integers,
    same: bool,
) -> tuple[Integers, Integers, Integers]:
    """Pairs of masks that share pixels: mask of a, mask of b, pixels.

    `rows`: masks in the order of their frames; `frames`: the ascending frame of each row. With `same`, a is b and each
    pair is given once, the earlier row first.
    """
    room = 1024
    left = np.empty(room, np.int64)
    right = np.empty(room, np.int64)
    pixels = np.empty(room, np.int64)
    found = 0
    b_first = 0
    for place_a in range(len(rows_a)):
        frame = frames_a[place_a]
        while b_first < len(rows_b) and frames_b[b_first] < frame:
            b_first += 1
        a = rows_a[place_a]
        a_low, a_high = bounds_a[a], bounds_a[a + 1]
        if a_low == a_high:
            continue
        place_b = place_a + 1 if same else b_first
        while place_b < len(rows_b) and frames_b[place_b] == frame:
            b = rows_b[place_b]
            place_b += 1
            b_low, b_high = bounds_b[b], bounds_b[b + 1]
            if b_low == b_high or stops_b[b_high - 1] <= starts_a[a_low] or stops_a[a_high - 1] <= starts_b[b_low]:
                continue
            # Only the columns that both reach: the first runs to end behind the other's begin, found by halving.
            common = 0
            i = first_behind(stops_a, a_low, a_high, starts_b[b_low])
            j = first_behind(stops_b, b_low, b_high, starts_a[a_low])
            while i < a_high and j < b_high:
                low = max(starts_a[i], starts_b[j])
                high = min(stops_a[i], stops_b[j])
                if low < high:
                    common += high - low
                if stops_a[i] < stops_b[j]:
                    i += 1
                else:
                    j += 1
            if common:
                if found == room:
                    room *= 2
                    left = np.concatenate((left, np.empty(found, np.int64)))
                    right = np.concatenate((right, np.empty(found, np.int64)))
                    pixels = np.concatenate((pixels, np.empty(found, np.int64)))
                left[found] = a
                right[found] = b
                pixels[found] = common
                found += 1
    return left[:found].copy(), right[:found].copy(), pixels[:found].copy()
