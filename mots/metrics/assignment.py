"""The heaviest one-to-one choice among few pairs: a sparse assignment, most of which is decided without solving."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["best_pairs", "decided"]

MARGIN = 1e-9  # sums that differ by less count as equal, and are left to a solver


def best_pairs(rows: NDArray[np.int64], columns: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """(K,) which of the (E,) pairs of row and column are chosen for the greatest sum of positive weights.

    Each row and each column is chosen once at most. What is left undecided after `decided` goes to scipy, which is
    loaded only then.
    """
    chosen, left = decided(rows, columns, weights)
    if len(left):
        from scipy.optimize import linear_sum_assignment

        r, row = np.unique(rows[left], return_inverse=True)
        c, column = np.unique(columns[left], return_inverse=True)
        gain, number = np.zeros((len(r), len(c))), np.full((len(r), len(c)), -1, np.int64)
        gain[row, column], number[row, column] = weights[left], left
        found = number[linear_sum_assignment(gain, maximize=True)]
        chosen = np.concatenate([chosen, found[found >= 0]])
    return np.sort(chosen)


def decided(
    rows: NDArray[np.int64], columns: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs that are in every best choice, and those about which that is not known.

    A pair that weighs more than the best other pair of its row and the best other pair of its column together is in
    every best choice: exchanging it for those two can only lose. Then its row and column are done, and others may be
    decided in turn.
    """
    left = np.arange(len(weights))
    chosen: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    if len(left) == 0:
        return left, left
    row_count, column_count = int(rows.max()) + 1, int(columns.max()) + 1
    while len(left):
        r, c, w = rows[left], columns[left], weights[left]
        sure = w > best_other(r, w, row_count) + best_other(c, w, column_count) + MARGIN
        if not sure.any():
            break
        chosen.append(left[sure])
        row_done, column_done = np.zeros(row_count, np.bool_), np.zeros(column_count, np.bool_)
        row_done[r[sure]] = column_done[c[sure]] = True
        left = left[~(row_done[r] | column_done[c])]
    return np.concatenate(chosen), left


def best_other(group: NDArray[np.int64], weights: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """(E,) the greatest weight of another pair of the same group; 0 where there is none."""
    order = np.lexsort((weights, group))
    sorted_groups = group[order]
    last = np.zeros(count, np.int64)
    last[sorted_groups] = np.arange(len(order))  # of equal indices the last one stays: the heaviest of its group
    first_best, second_best = np.zeros(count), np.zeros(count)
    first_best[sorted_groups] = weights[order]
    second = last - 1
    there = np.flatnonzero((second >= 0) & np.isin(np.arange(count), sorted_groups))
    there = there[sorted_groups[second[there]] == there]
    second_best[there] = weights[order[second[there]]]
    heaviest = order[last[group]] == np.arange(len(group))
    other: NDArray[np.float64] = np.where(heaviest, second_best[group], first_best[group])
    return other
