"""The heaviest one-to-one choice among few pairs: a sparse assignment, most of which is decided without solving."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mots.trackers.assignment import assign
from mots.trackers.compiled import compiled

__all__ = ["best_pairs", "decided", "tried"]

MARGIN = 1e-9  # sums that differ by less count as equal, and are left to a solver


def best_pairs(rows: NDArray[np.int64], columns: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """(K,) which of the (E,) pairs of row and column are chosen for the greatest sum of positive weights.

    Each row and each column is chosen once at most; of equal sums any may come out. What `decided` leaves open is
    solved by lap, which is loaded faster than scipy.
    """
    chosen, left = decided(rows, columns, weights)
    if len(left):
        r, row = np.unique(rows[left], return_inverse=True)
        c, column = np.unique(columns[left], return_inverse=True)
        gain, number = np.zeros((len(r), len(c))), np.full((len(r), len(c)), -1, np.int64)
        gain[row, column], number[row, column] = weights[left], left
        chosen = np.concatenate([chosen, number[tuple(assign(-gain, 0.0, "lap").T)]])
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


TRIALS = 2_000  # ways that `tried` tries before it gives up


def tried(
    rows: NDArray[np.int64], columns: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.int64] | None:
    """(K,) the best choice among a few pairs by trying them all; None where they are many, or two are as good.

    Spares loading scipy, which takes longer than most scorings.
    """
    by_row = [np.flatnonzero(rows == row).tolist() for row in np.unique(rows)]
    if float(np.prod([len(pairs) + 1.0 for pairs in by_row])) > TRIALS:
        return None
    column, weight = columns.tolist(), weights.tolist()
    best: list[tuple[float, list[int]]] = [(-1.0, []), (-1.0, [])]  # and the second best

    def go_on(depth: int, total: float, chosen: list[int], taken: set[int]) -> None:
        if depth == len(by_row):
            if total > best[0][0]:
                best[:] = [(total, list(chosen)), best[0]]
            elif total > best[1][0]:
                best[1] = (total, list(chosen))
            return
        go_on(depth + 1, total, chosen, taken)
        for pair in by_row[depth]:
            if column[pair] not in taken:
                go_on(depth + 1, total + weight[pair], [*chosen, pair], {*taken, column[pair]})

    go_on(0, 0.0, [], set())
    if best[0][0] - best[1][0] <= MARGIN:
        return None
    return np.array(best[0][1], np.int64)


@compiled
def best_other(group: NDArray[np.int64], weights: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """(E,) the greatest weight of another pair of the same group; 0 where there is none."""
    first, second = np.zeros(count), np.zeros(count)
    heaviest = np.full(count, -1, np.int64)
    for pair in range(len(group)):
        own, weight = group[pair], weights[pair]
        if weight > first[own]:
            second[own], first[own], heaviest[own] = first[own], weight, pair
        elif weight > second[own]:
            second[own] = weight
    other = np.empty(len(group))
    for pair in range(len(group)):
        own = group[pair]
        other[pair] = second[own] if heaviest[own] == pair else first[own]
    return other
