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
    "common_pixels",
    "decode",
    "encode",
    "scan_lines",
]

Integers = NDArray[np.int64]
Places = NDArray[np.int32]  # pixel numbers in a frame

# What `decode` found wrong with a mask.
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
    """Starts, stops and bounds of the runs, and the areas, of N encodings text[begins[i]:ends[i]] of `pixels` in all.

    Then the fault (0 for none), the first faulty mask, and a detail: the character, or the pixels found.
    """
    n = len(begins)
    room = 0
    for i in range(n):
        room += (ends[i] - begins[i] + 1) // 2
    room += 1  # a count of zeros is written there as well, and then overwritten
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
        ones = 0  # counts of zeros and of ones take turns
        before = 0  # the count one before, and the one before that
        before2 = 0
        place = 0
        while position < stop:
            # Nearly all numbers have one character; whatever else there is, faults too, goes the long way.
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
    """The encodings of N masks of `pixels` in all, one after the other, and the (N + 1,) places where each begins.

    Runs that touch (over a column's end) become one: the encoding has no empty gap but the first.
    """
    n = len(bounds) - 1
    places = np.zeros(n + 1, np.int64)
    text = np.empty(8 * len(starts) + 16 * n + 16, np.uint8)
    size = 0
    for i in range(n):
        before = two_before = three_before = np.int64(0)  # the lengths of the last counts
        count = 0
        reached = np.int64(0)  # the pixels that are encoded
        run = bounds[i]
        while reached < pixels or count == 0:
            if count % 2 == 0:  # a gap, up to the next run or to the frame's end
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

    `line_ends`: where the line feeds are. Fewer lines than those say that one is not exactly of the form
    `0 1 2 3 4 rle`: digits, single spaces, an RLE right up to the line feed. Then someone slower has to say what is
    wrong. (Blanks within the RLE are not looked for.)
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
    """The first of the ascending stops[low:high] that lies behind a pixel; `high` where none does."""
    while low < high:
        middle = (low + high) // 2
        if stops[middle] > pixel:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def shared(
    starts_a: Places, stops_a: Places, i: int, a_high: int, starts_b: Places, stops_b: Places, j: int, b_high: int
) -> int:
    """How many pixels the runs i to a_high of a share with the runs j to b_high of b."""
    common = 0
    if i >= a_high or j >= b_high:
        return 0
    # Both runs at hand stay in registers; only the one that ends first is read anew.
    start_a, stop_a, start_b, stop_b = starts_a[i], stops_a[i], starts_b[j], stops_b[j]
    while True:
        low = max(start_a, start_b)
        high = min(stop_a, stop_b)
        if low < high:
            common += high - low
        if stop_a < stop_b:
            i += 1
            if i == a_high:
                return common
            start_a, stop_a = starts_a[i], stops_a[i]
        else:
            j += 1
            if j == b_high:
                return common
            start_b, stop_b = starts_b[j], stops_b[j]


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

    `rows`: masks with pixels, in the order of their frames; `frames`: the ascending frame of each row. With `same`, a
    is b and each pair is given once, the earlier row first.
    """
    room = 1024
    left = np.empty(room, np.int64)
    right = np.empty(room, np.int64)
    pixels = np.empty(room, np.int64)
    found = 0
    # The first pixel of each mask of b, and the one behind its last, one after another as the loop wants them.
    begins_b, ends_b = starts_b[bounds_b[rows_b]], stops_b[bounds_b[rows_b + 1] - 1]
    b_first = 0
    for place_a in range(len(rows_a)):
        frame = frames_a[place_a]
        while b_first < len(rows_b) and frames_b[b_first] < frame:
            b_first += 1
        a = rows_a[place_a]
        a_low, a_high = bounds_a[a], bounds_a[a + 1]
        begin, end = starts_a[a_low], stops_a[a_high - 1]
        place_b = place_a if same else b_first - 1
        while place_b + 1 < len(rows_b) and frames_b[place_b + 1] == frame:
            place_b += 1
            if ends_b[place_b] <= begin or end <= begins_b[place_b]:
                continue
            b = rows_b[place_b]
            # Only the columns that both reach: the first runs to end behind the other's begin, found by halving.
            common = shared(
                starts_a, stops_a, first_behind(stops_a, a_low, a_high, begins_b[place_b]), a_high,
                starts_b, stops_b, first_behind(stops_b, bounds_b[b], bounds_b[b + 1], begin), bounds_b[b + 1],
            )  # fmt: skip
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
