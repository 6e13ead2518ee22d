import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import stq_by_definition

from mots.metrics.stq import StqCounts, stq

PERSON, CAR, ROAD, VOID = 11 << 16, 13 << 16, 0, 255 << 16
CODES = [ROAD, 1 << 16, VOID, PERSON, PERSON | 1, PERSON | 300, CAR, CAR | 1, CAR | 2]


@given(st.integers(0, 2**32 - 1), st.integers(0, 4))
def test_counting_runs_is_the_definition(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(count):
        truth = np.repeat(rng.choice(CODES, (5, 3)), 2, axis=1)
        result = np.where(rng.random((5, 6)) < 0.6, truth, rng.choice(CODES, (5, 6)))
        frames.append((truth, result))
    found = stq(frames)
    assert (found.aq, found.sq) == pytest.approx(stq_by_definition(frames), abs=1e-12)
    assert found.stq == pytest.approx(np.sqrt(found.aq * found.sq))


def test_one_object_with_two_ids_by_hand() -> None:
    # A person of 4 pixels a frame over two frames, given another id in the second: each id covers half of the tube.
    truth = np.array([[PERSON | 1] * 4 + [ROAD] * 4])
    other = np.array([[PERSON | 2] * 4 + [ROAD] * 4])
    found = stq([(truth, truth), (truth, other)])
    assert found.aq == pytest.approx((4 * (4 / 8) + 4 * (4 / 8)) / 8)
    assert found.sq == 1


def test_void_in_the_results_is_a_class_more_and_void_in_the_truth_is_none() -> None:
    truth = np.array([[ROAD, ROAD, VOID, VOID]])
    assert stq([(truth, np.array([[ROAD, ROAD, PERSON, ROAD]]))]).sq == 1
    assert stq([(truth, np.array([[ROAD, VOID, ROAD, ROAD]]))]).sq == pytest.approx((1 / 2 + 0) / 2)


def test_crowd_is_not_held_against_an_identity() -> None:
    truth = np.array([[CAR | 1, CAR | 1, CAR, CAR]])
    assert stq([(truth, np.array([[CAR | 5] * 4]))]).aq == 1


def test_counts_add_over_sequences() -> None:
    truth = np.array([[PERSON | 1, ROAD]])
    good, bad = stq([(truth, truth)]), stq([(truth, np.array([[ROAD, ROAD]]))])
    both = sum([good, bad], StqCounts())
    assert (both.aq, both.tubes, both.frames) == (0.5, 2, 2)
    assert both.sq == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert StqCounts().numbers() == {"STQ": 0, "AQ": 0, "SQ": 0, "Tubes": 0, "Frames": 0}


def test_counts_stay_exact_beyond_single_precision() -> None:
    big = np.full((4100, 4100), PERSON | 1)
    other = big.copy()
    other[0, 0] = ROAD
    assert stq([(big, other)]).confusion[11, 11] == 4100 * 4100 - 1  # 2 ** 24 and some


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match=r"truth of \(1, 2\)"):
        stq([(np.zeros((1, 2), np.int64), np.zeros((2, 1), np.int64))])
    with pytest.raises(ValueError, match="semantic class 40"):
        stq([(np.full((1, 1), 40 << 16), np.zeros((1, 1), np.int64))])


def test_many_different_codes_grow_the_table() -> None:
    codes = (PERSON | (1 + np.arange(6000))).reshape(60, 100)
    found = stq([(codes, codes)])
    assert (found.tubes, found.sq) == (6000, 1)
    assert found.aq == pytest.approx(1)
