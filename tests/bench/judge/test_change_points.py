"""Changes of level are found where they are, and seldom where there are none."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge.change_points import MIN_LEVEL, MIN_VALUES, Change, find_changes


def draw(*levels: tuple[int, float], seed: int = 1, noise: float = 0.01, mood: float = 0.0) -> list[float]:
    """Draw so many values of each level; with a mood, each hangs together with the one before it by that much."""
    source = random.Random(seed)
    values, error = [], 0.0
    for count, level in levels:
        for _ in range(count):
            error = mood * error + source.gauss(0, noise * math.sqrt(1 - mood**2))
            values.append(level * (1 + error))
    return values


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


def test_an_outlier_hides_no_change() -> None:
    values = draw((20, 1.0), (20, 1.2))
    values[7] = 100.0
    changes = find_changes(values)
    assert changes is not None
    assert [change.position for change in changes] == [20]


def test_a_change_that_nobody_would_look_for_is_none() -> None:
    assert find_changes(draw((20, 1.0), (20, 1.004), noise=1e-5)) == []
    assert find_changes(draw((20, 1.0), (20, 1.006), noise=1e-5)) != []


def count_found(*levels: tuple[int, float], mood: float = 0.0) -> int:
    """Count in how many of 300 simulated courses with 2 % noise a change is found: the figures of docs/method.md."""
    return sum(bool(find_changes(draw(*levels, seed=seed, noise=0.02, mood=mood))) for seed in range(300))


@pytest.mark.parametrize(("size", "count"), [(10, 4), (20, 5), (50, 1), (200, 0)])
def test_it_is_seldom_found_where_there_is_none(size: int, count: int) -> None:
    assert count_found((size, 1.0)) == pytest.approx(count, abs=2)


@pytest.mark.parametrize(("size", "count"), [(10, 20), (20, 59), (50, 71)])
def test_moods_of_a_machine_look_like_changes(size: int, count: int) -> None:
    assert count_found((size, 1.0), mood=0.5) == pytest.approx(count, abs=2)


@pytest.mark.parametrize(("size", "ratio", "count"), [(20, 1.02, 68), (20, 1.05, 287), (20, 1.1, 300), (50, 1.02, 151)])
def test_larger_changes_of_longer_courses_are_found_more_often(size: int, ratio: float, count: int) -> None:
    assert count_found((size // 2, 1.0), (size // 2, ratio)) == pytest.approx(count, abs=2)


@given(st.lists(st.floats(1e-12, 1e9), max_size=40))
def test_levels_are_never_shorter_than_they_may_be(values: list[float]) -> None:
    changes = find_changes(values) or []
    assert all(min(change.num_before, change.num_after) >= MIN_LEVEL for change in changes)
    assert [change.position for change in changes] == sorted(change.position for change in changes)
