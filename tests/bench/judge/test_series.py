"""Statistics of a handful of times: numbers worked by hand, and properties."""

from __future__ import annotations

import random
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge.series import Modes, find_modes, fitted_change, starts_high, trend_p_value


def test_four_rising_values_are_one_order_of_24_and_falling_ones_another() -> None:
    assert trend_p_value([1, 2, 3, 4]) == pytest.approx(2 / 24)
    assert trend_p_value([4, 3, 2, 1]) == pytest.approx(2 / 24)


def test_one_pair_the_wrong_way_round_is_three_orders_more() -> None:
    """Of four values 1 order has no inversion and 3 have one: 2 * 4 / 24."""
    assert trend_p_value([1, 2, 4, 3]) == pytest.approx(8 / 24)


def test_values_without_order_or_all_the_same_are_no_trend() -> None:
    assert trend_p_value([2, 4, 1, 3]) == 1.0
    assert trend_p_value([5, 5, 5, 5, 5]) == 1.0
    assert trend_p_value([5]) == 1.0


def test_p_is_the_share_of_orders_that_are_as_steady_for_every_order_of_five() -> None:
    orders = list(permutations(range(5)))
    scores = [sum((b > a) - (b < a) for i, a in enumerate(order) for b in order[i + 1 :]) for order in orders]
    for order, score in zip(orders, scores, strict=True):
        expected = sum(abs(other) >= abs(score) for other in scores) / len(orders)
        assert trend_p_value(order) == pytest.approx(min(1.0, expected))


def test_the_fitted_change_goes_from_first_to_last_and_outliers_do_not_move_it() -> None:
    assert fitted_change([1.0, 2.0, 3.0, 4.0]) == 3.0
    assert fitted_change([1.0, 2.0, 3.0, 4.0, 5.0, 600.0, 7.0]) == pytest.approx(6.0)
    assert fitted_change([3.0, 3.0, 3.0]) == 0.0


def test_two_groups_with_a_gap_wider_than_either_are_modes() -> None:
    """Groups 0, 1 and 10, 11: ranges of 1, a gap of 9; low, high, low, high are three switches."""
    assert find_modes([0, 10, 1, 11], 2) == Modes(low=0.5, high=10.5, num_low=2, num_high=2, num_switches=3)


def test_a_gap_that_is_hardly_wider_than_a_group_is_none() -> None:
    """Ranges of 4; the gap must be over 1.25 times that, 5."""
    assert find_modes([0, 4, 9, 13], 2) is None
    assert find_modes([0, 4, 9.5, 13.5], 2) is not None


def test_a_few_outliers_are_no_mode() -> None:
    assert find_modes([1.0] * 10 + [9.0, 9.1], 3) is None
    assert find_modes([1, 2], 2) is None


def test_a_first_quarter_above_all_others_starts_high() -> None:
    assert starts_high([5, 4, 3.5, *[3, 2, 1] * 3]) == 3
    assert starts_high([5, 4, 2.5, *[3, 2, 1] * 3]) == 0


def test_a_first_value_alone_must_stand_far_above() -> None:
    """The others range over 2: the first must be over 3 + 2 * 2."""
    assert starts_high([7.1, *[3, 2, 1] * 3]) == 1
    assert starts_high([6.9, *[3, 2, 1] * 3]) == 0
    assert starts_high([-50.0, *[3, 2, 1] * 3]) == 0


@given(st.lists(st.floats(-1e6, 1e6), min_size=12, max_size=24), st.integers(0, 2**32))
def test_a_shift_changes_no_verdict_and_p_is_a_probability(values: list[float], seed: int) -> None:
    random.Random(seed).shuffle(values)
    assert 0 < trend_p_value(values) <= 1
    assert trend_p_value(values) == trend_p_value(values[::-1])
    modes = find_modes(values, 4)
    assert modes is None or (modes.num_low >= 4 and modes.num_high >= 4 and modes.high > modes.low)
