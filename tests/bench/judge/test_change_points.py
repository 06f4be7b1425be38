"""Changes of level are found where they are, and seldom where there are none."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge.change_points import MIN_LEVEL, MIN_VALUES, Change, find_changes


def draw(*levels: tuple[int, float], seed: int = 1, noise: float = 0.01) -> list[float]:
    """Draw so many values of each level."""
    source = random.Random(seed)
    return [level * source.gauss(1, noise) for count, level in levels for _ in range(count)]


def test_a_change_is_found_with_its_place_and_its_size() -> None:
    values = [1.0, 1.01, 0.99, 1.0, 1.02, 1.5, 1.51, 1.49, 1.5, 1.52]
    assert find_changes(values) == [Change(5, before=1.0, after=1.5, num_before=5, num_after=5)]


def test_there_and_back_are_two_changes() -> None:
    changes = find_changes(draw((20, 1.0), (20, 1.2), (20, 1.0)))
    assert changes is not None
    assert [change.position for change in changes] == pytest.approx([20, 40], abs=1)
    assert [round(change.ratio, 1) for change in changes] == [1.2, 0.8]


def test_of_too_few_values_nothing_is_said() -> None:
    assert find_changes([1.0] * (MIN_VALUES - 1)) is None
    assert find_changes([]) is None


def test_equal_values_have_one_level() -> None:
    assert find_changes([1.0] * MIN_VALUES) == []


def test_outliers_are_no_level() -> None:
    values = draw((40, 1.0))
    values[20:22] = [3.0, 3.0]
    assert find_changes(values) == []


def test_a_change_that_nobody_would_look_for_is_none() -> None:
    assert find_changes(draw((20, 1.0), (20, 1.004), noise=1e-5)) == []
    assert find_changes(draw((20, 1.0), (20, 1.006), noise=1e-5)) != []


@pytest.mark.parametrize("size", [10, 20, 50])
def test_it_is_seldom_found_where_there_is_none(size: int) -> None:
    alarms = sum(bool(find_changes(draw((size, 1.0), seed=seed, noise=0.02))) for seed in range(300))
    assert alarms <= 9


def test_a_change_of_a_twentieth_is_found_among_twenty_runs_of_two_percent_noise() -> None:
    found = [find_changes(draw((10, 1.0), (10, 1.05), seed=seed, noise=0.02)) for seed in range(100)]
    assert sum(bool(changes) for changes in found) >= 88


@given(st.lists(st.floats(1e-12, 1e9), max_size=40))
def test_levels_are_never_shorter_than_they_may_be(values: list[float]) -> None:
    changes = find_changes(values) or []
    assert all(min(change.num_before, change.num_after) >= MIN_LEVEL for change in changes)
    assert [change.position for change in changes] == sorted(change.position for change in changes)
