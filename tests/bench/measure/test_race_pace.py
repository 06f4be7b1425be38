"""How the rounds of a race are cut, and which CPUs its pairs take."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.race_pace import (
    MIN_BLOCK_SECONDS,
    MIN_BLOCK_STEPS,
    MIN_WARM_UP_STEPS,
    Pace,
    choose_pace,
    choose_pair_seconds,
    list_core_sets,
)


@pytest.mark.parametrize(
    ("epoch_seconds", "num_steps", "pace"),
    [
        ([0.0016, 0.0032], 10, Pace(2, 1, True, 2.0)),  # 20 steps are 2 epochs
        ([0.0001, 0.0001], 10, Pace(20, 1, True, 2.0)),  # 2 ms are 20 epochs
        ([0.01, 0.01], 100, Pace(1, 1, True, 2.0)),  # one epoch is enough of both
        ([0.001, 0.001], 1, Pace(20, 5, True, 2.0)),  # epochs of one step
        ([0.0001, 0.1], 25, Pace(20, 1, False, 2.0)),  # the fastest arm sets the length
    ],
)
def test_a_block_has_20_steps_and_2_ms(epoch_seconds: list[float], num_steps: int, pace: Pace) -> None:
    assert choose_pace(epoch_seconds, [num_steps] * 2, can_take_laps=True) == pace


@pytest.mark.parametrize(
    ("nums_steps", "can_take_laps", "takes_laps"),
    [
        ((10, 10), True, True),
        ((10, 10), False, False),
        ((10, 20), True, False),  # steps of unequal size
        ((100, 100), True, True),
        ((201, 201), True, False),  # more than the disk should hold
    ],
)
def test_laps_are_few_and_of_steps_of_one_size(
    nums_steps: tuple[int, int], can_take_laps: bool, takes_laps: bool
) -> None:
    assert choose_pace([0.0016, 0.0016], nums_steps, can_take_laps).takes_laps is takes_laps


def test_the_arm_with_the_fewest_steps_an_epoch_sets_how_many_epochs_there_are() -> None:
    assert choose_pace([1.0, 1.0], [10, 1]) == choose_pace([1.0, 1.0], [1, 10]) == Pace(20, 5, False, 2.0)


@pytest.mark.parametrize(
    ("num_rounds", "seconds", "is_enough"),
    [
        (40, 1.99, False),
        (40, 2.0, True),
        (41, 9.0, False),  # half a couple
        (10, 9.0, False),  # too few, however long they take
        (12, 9.0, True),
        (118, 0.1, False),
        (120, 0.1, True),  # enough, however quick they are
    ],
)
def test_a_pair_is_done_after_its_time_with_whole_couples_neither_too_few_nor_too_many(
    num_rounds: int, seconds: float, is_enough: bool
) -> None:
    assert Pace(2, 1, False, 2.0).is_enough(num_rounds, seconds) is is_enough


@pytest.mark.parametrize(
    ("seconds_left", "start_seconds", "seconds"),
    [(60.0, 1.0, 2.0), (30.0, 1.0, 1.5), (10.0, 0.1, 10 / 12 - 0.1), (5.0, 2.0, 0.4), (-1.0, 0.0, 0.4)],
)
def test_in_a_small_budget_pairs_are_shorter_so_that_twelve_fit(
    seconds_left: float, start_seconds: float, seconds: float
) -> None:
    assert choose_pair_seconds(seconds_left, start_seconds) == pytest.approx(seconds)


@given(
    epoch_seconds=st.lists(st.floats(1e-6, 100.0), min_size=2, max_size=8),
    num_steps=st.integers(1, 10_000),
)
def test_whatever_the_arms_a_pace_is_long_enough_and_warm(epoch_seconds: list[float], num_steps: int) -> None:
    pace = choose_pace(epoch_seconds, [num_steps])
    assert pace.num_epochs * num_steps >= MIN_BLOCK_STEPS
    assert pace.num_epochs * min(epoch_seconds) >= MIN_BLOCK_SECONDS * (1 - 1e-9)
    assert pace.num_warm_up_epochs * num_steps >= MIN_WARM_UP_STEPS
    assert pace == choose_pace(epoch_seconds[::-1], [num_steps]), "it must not matter which arm is the first"


@pytest.mark.parametrize(
    ("granted", "num_cores", "sets"),
    [
        ({3, 0, 1, 2}, 1, [(0,), (1,), (2,), (3,)]),
        ({0, 1, 2, 3, 4}, 2, [(0, 1), (2, 3)]),
        ({4, 6, 9}, 3, [(4, 6, 9)]),
        ({4, 6}, 8, [(4, 6)]),
    ],
)
def test_the_cpus_granted_are_cut_into_sets_of_what_the_hungriest_arm_needs(
    monkeypatch: pytest.MonkeyPatch, granted: set[int], num_cores: int, sets: list[tuple[int, ...]]
) -> None:
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: granted, raising=False)
    assert list_core_sets(num_cores) == sets


def test_where_a_process_can_not_be_bound_there_are_no_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    assert list_core_sets(1) == []
