"""A (T, N) cost becomes pairs: the linear assignment with a limit."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled

__all__ = ["Solver", "assign"]

Solver = Literal["scipy", "lap"]


def assign(cost: NDArray[np.floating], limit: float, solver: Solver = "scipy") -> NDArray[np.int64]:
    """(K, 2) pairs of row and column, by row, that together maximise the sum of `limit` - cost.

    A pair whose cost is `limit` or more is never made: leaving both free is as good. Forbidden pairs cost infinity.
    Solving first and dropping dear pairs afterwards is not the same: a dear pair can push two cheap ones apart.

    `solver`: scipy's `linear_sum_assignment`, or `lap.lapjv`; the sums are equal, pairs can differ between ties.
    Raises ValueError when a cost is not a number.
    """
    costs = np.ascontiguousarray(cost, np.float64)
    column_of_row, rows, columns, bad = undisputed(costs, limit)
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
def undisputed(
    cost: NDArray[np.float64], limit: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]:
    """(R,) the column of each row in a pair that nobody else wants, -1 elsewhere; then the rows and the columns that
    are wanted by several; then the flat place of a cost that is not a number, -1 without one."""
    rows, columns = cost.shape
    by_row, by_column = np.zeros(rows, np.int64), np.zeros(columns, np.int64)
    wanted = np.full(rows, -1, np.int64)
    for i in range(rows):
        for j in range(columns):
            if cost[i, j] < limit:
                by_row[i] += 1
                by_column[j] += 1
                wanted[i] = j
            elif np.isnan(cost[i, j]):
                return wanted, by_row[:0], by_column[:0], i * columns + j
    disputed_rows, disputed_columns = np.zeros(rows, np.bool_), by_column > 0
    for i in range(rows):
        if by_row[i] == 1 and by_column[wanted[i]] == 1:
            disputed_columns[wanted[i]] = False
        elif by_row[i]:
            disputed_rows[i] = True
            wanted[i] = -1
    return wanted, np.flatnonzero(disputed_rows), np.flatnonzero(disputed_columns), -1
