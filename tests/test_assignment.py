import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import best_gain

from mots.trackers.assignment import Solver, assign, margins


@given(st.integers(0, 2**32 - 1), st.integers(0, 5), st.integers(0, 5), st.sampled_from(["scipy", "lap"]))
def test_pairs_reach_the_best_gain_there_is(seed: int, rows: int, columns: int, solver: Solver) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.random((rows, columns)).round(1)
    cost[rng.random((rows, columns)) < 0.2] = np.inf
    pairs = assign(cost, 0.7, solver)
    assert len(set(pairs[:, 0].tolist())) == len(set(pairs[:, 1].tolist())) == len(pairs)
    assert (cost[pairs[:, 0], pairs[:, 1]] < 0.7).all()
    assert pairs[:, 0].tolist() == sorted(pairs[:, 0].tolist())
    assert (0.7 - cost[pairs[:, 0], pairs[:, 1]]).sum() == pytest.approx(best_gain(cost, 0.7))


def test_a_limit_before_solving_is_not_dropping_dear_pairs_afterwards() -> None:
    # Without a limit the cheapest whole assignment is the diagonal, 0.4 + 0.4 < 0.1 + 0.9; with it, one cheap pair.
    cost = np.array([[0.4, 0.1], [0.9, 0.45]])
    assert assign(cost, 0.42).tolist() == [[0, 1]]


def test_a_cost_at_the_limit_makes_no_pair() -> None:
    assert assign(np.array([[0.5]]), 0.5).shape == (0, 2)


def test_large_costs_are_solved_alike_by_both_solvers(rng: np.random.Generator) -> None:
    cost = rng.random((80, 60))
    gains = [(0.3 - cost[tuple(assign(cost, 0.3, solver).T)]).sum() for solver in ("scipy", "lap")]
    assert gains[0] == pytest.approx(gains[1])


def test_a_cost_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match=r"cost\[1, 0\]"):
        assign(np.array([[0.0], [np.nan]]), 0.5)


def test_a_margin_is_the_lead_over_the_next_best_pair_or_over_none() -> None:
    cost = np.array([[0.1, 0.3, np.inf], [0.6, 0.2, np.inf], [np.inf, np.inf, 0.4], [0.05, np.inf, 0.7]])
    found = margins(cost, np.array([[0, 0], [1, 1], [2, 2]]), 0.5)
    # A cheaper rival that another pair took; the next best in the column; the limit alone.
    assert found == pytest.approx([0.0, (0.3 - 0.2) / 0.5, (0.5 - 0.4) / 0.5])
    assert margins(np.zeros((1, 1)), np.array([[0, 0]]), 0.5).tolist() == [1.0]
    assert margins(cost, np.zeros((0, 2), np.int64), 0.5).shape == (0,)
