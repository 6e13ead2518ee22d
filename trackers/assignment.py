"""A (T, N) cost becomes pairs: the linear assignment with a limit."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Solver", "assign"]

Solver = Literal["scipy", "lap"]


def assign(cost: NDArray[np.floating], limit: float, solver: Solver = "scipy") -> NDArray[np.int64]:
    """(K, 2) pairs of row and column, by row, that together maximise the sum of `limit` - cost.

    A pair whose cost is `limit` or more is never made: leaving both free is as good. Forbidden pairs cost infinity.
    Solving first and dropping dear pairs afterwards is not the same: a dear pair can push two cheap ones apart.

    `solver`: scipy's `linear_sum_assignment`, or `lap.lapjv`; the sums are equal, pairs can differ between ties.
    Raises ValueError when a cost is not a number.
    """
    cost = np.asarray(cost, np.float64)
    if np.isnan(cost).any():
        row, column = np.argwhere(np.isnan(cost))[0]
        raise ValueError(f"cost[{row}, {column}] is not a number")
    gain = np.maximum(limit - cost, 0.0)
    useful = gain > 0
    by_row, by_column = useful.sum(axis=1), useful.sum(axis=0)
    if by_row.max(initial=0) <= 1 and by_column.max(initial=0) <= 1:  # nobody competes
        return np.argwhere(useful).astype(np.int64)
    rows, columns = np.flatnonzero(by_row), np.flatnonzero(by_column)
    small = gain[np.ix_(rows, columns)]
    if solver == "lap":
        import lap

        _, column_of, _ = lap.lapjv(-small, extend_cost=True)
        chosen = np.array([(row, column) for row, column in enumerate(column_of) if column >= 0], np.int64)
        chosen = chosen.reshape(-1, 2)
    else:
        from scipy.optimize import linear_sum_assignment

        chosen = np.stack(linear_sum_assignment(small, maximize=True), axis=1)
    chosen = chosen[small[chosen[:, 0], chosen[:, 1]] > 0]
    return np.stack([rows[chosen[:, 0]], columns[chosen[:, 1]]], axis=1).astype(np.int64)
