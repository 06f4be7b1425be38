from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge.statistics import Summary, geometric_mean, summarise


@pytest.mark.parametrize(
    ("values", "median", "low", "high"),
    [
        # Definition 7: the quartile p lies at place 1 + (n - 1) p among the sorted values.
        ([1, 3], 2, 1.5, 2.5),  # places 1.25 and 1.75
        ([8, 1, 4, 2], 3, 1.75, 5),  # places 1.75 and 3.25
        ([4, 16, 1, 8, 2], 4, 2, 8),  # places 2 and 4
        ([7, 7, 7], 7, 7, 7),
    ],
)
def test_quartiles_are_those_worked_by_hand(values: list[float], median: float, low: float, high: float) -> None:
    assert summarise(values) == Summary(len(values), median, low, high)


def test_a_single_value_has_no_spread() -> None:
    assert summarise([2.5]) == Summary(1, 2.5, None, None)


def test_nothing_has_no_summary() -> None:
    assert summarise([]) is None


def test_the_geometric_mean_is_that_worked_by_hand() -> None:
    assert geometric_mean([4.0, 9.0]) == pytest.approx(6.0)
    assert geometric_mean([2.0, 4.0, 8.0]) == pytest.approx(4.0)
    assert geometric_mean([0.25]) == pytest.approx(0.25)


def test_nothing_has_no_geometric_mean() -> None:
    assert geometric_mean([]) is None


ratios = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20)


@given(ratios)
def test_swapping_numerators_and_denominators_inverts_the_geometric_mean(values: list[float]) -> None:
    forwards, backwards = geometric_mean(values), geometric_mean([1 / value for value in values])
    assert forwards is not None
    assert backwards is not None
    assert forwards * backwards == pytest.approx(1.0)


@given(ratios)
def test_a_summary_lies_within_its_values_whatever_their_order(values: list[float]) -> None:
    summary = summarise(values)
    assert summary is not None
    assert summary == summarise(sorted(values, reverse=True))
    assert summary.median == pytest.approx(statistics.median(values))
    low, high = (summary.median if each is None else each for each in (summary.low, summary.high))
    slack = 1 + 1e-12
    assert min(values) <= low * slack
    assert low <= summary.median * slack
    assert summary.median <= high * slack
    assert high <= max(values) * slack
    assert math.isfinite(high)
