"""A (T, N) cost becomes pairs: the linear assignment with a limit."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled

__all__ = ["Solver", "assign", "margins"]

Solver = Literal["scipy", "lap"]


def assign(cost: NDArray[np.floating], limit: float, solver: Solver = "scipy") -> NDArray[np.int64]:
    """(K, 2) pairs of row and column, by row, that together maximise the sum of `limit` - cost.

    A pair whose cost is `limit` or more is never made. Forbidden pairs cost infinity. Solving without the limit and
    dropping expensive pairs afterwards is not the same: an expensive pair can take the place of two cheap ones.

    `solver`: scipy's `linear_sum_assignment`, or `lap.lapjv`; the sums are equal, the pairs can differ between ties.
    Raises ValueError when a cost is not a number.
    """
    costs = np.ascontiguousarray(cost, np.float64)
    column_of_row, rows, columns, bad = unique_pairs(costs, limit)
    if bad >= 0:
        row, column = divmod(bad, costs.shape[1])
        raise ValueError(f"cost[{row}, {column}] is not a number")
    if len(rows):
        small = np.maximum(limit - costs[rows][:, columns], 0.0)
        if solver == "lap":
            import lap

            _, column_of, _ = lap.lapjv(-small, extend_cost=True)
            chosen = np.array([(row, column) for row, column in enumerate(column_of) if column >= 0], np.int64)
            chosen = chosen.reshape(-1, 2)
        else:
            from scipy.optimize import linear_sum_assignment

            chosen = np.stack(linear_sum_assignment(small, maximize=True), axis=1)
        chosen = chosen[small[chosen[:, 0], chosen[:, 1]] > 0]
        column_of_row[rows[chosen[:, 0]]] = columns[chosen[:, 1]]
    made = np.flatnonzero(column_of_row >= 0)
    return np.stack([made, column_of_row[made]], axis=1)


@compiled
def unique_pairs(
    cost: NDArray[np.float64], limit: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]:
    """(R,) the column of each row in a pair whose row and column have no other pair below the limit, -1 elsewhere.

    Then the rows and the columns that have several such pairs, for the solver; then the flat index of a cost that is
    not a number, or -1.
    """
    rows, columns = cost.shape
    by_row, by_column = np.zeros(rows, np.int64), np.zeros(columns, np.int64)
    partner = np.full(rows, -1, np.int64)
    for i in range(rows):
        for j in range(columns):
            if cost[i, j] < limit:
                by_row[i] += 1
                by_column[j] += 1
                partner[i] = j
            elif np.isnan(cost[i, j]):
                return partner, by_row[:0], by_column[:0], i * columns + j
    open_rows, open_columns = np.zeros(rows, np.bool_), by_column > 0
    for i in range(rows):
        if by_row[i] == 1 and by_column[partner[i]] == 1:
            open_columns[partner[i]] = False
        elif by_row[i]:
            open_rows[i] = True
            partner[i] = -1
    return partner, np.flatnonzero(open_rows), np.flatnonzero(open_columns), -1


@compiled
def margins(cost: NDArray[np.float64], pairs: NDArray[np.int64], limit: float) -> NDArray[np.float64]:
    """(K,) how clear each pair of row and column (K, 2) is, from 0 to 1.

    The margin to the next best cost in the pair's row and column, or to the limit where that is nearer, as a share of
    the limit: 1 where the pair costs nothing and has no rival. 0 where a rival that another pair took is cheaper.
    """
    shares = np.zeros(len(pairs))
    for k in range(len(pairs)):
        row, column = pairs[k]
        rival = limit
        for j in range(cost.shape[1]):
            if j != column:
                rival = min(rival, cost[row, j])
        for i in range(cost.shape[0]):
            if i != row:
                rival = min(rival, cost[i, column])
        shares[k] = max(rival - cost[row, column], 0.0) / limit
    return shares
