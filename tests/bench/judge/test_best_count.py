"""How many threads are best."""

from __future__ import annotations

import pytest

from bench.judge.best_count import find_best_count

VISITS = [{1: 4.0, 2: 2.5, 4: 2.0 * off, 8: 2.0} for off in (0.99, 1.01, 1.0, 1.0)]


def test_the_count_with_the_least_time_is_best_and_what_is_as_good_is_named() -> None:
    best = find_best_count([visit | {4: visit[4] * 0.999} for visit in VISITS])
    assert best is not None
    assert best.count == 4
    assert best.ties == (8,)
    assert best.time_ratio == pytest.approx(0.5, rel=0.01)


def test_a_drift_between_visits_makes_no_difference() -> None:
    steady = find_best_count(VISITS)
    drifting = find_best_count(
        [
            {count: seconds * drift for count, seconds in visit.items()}
            for visit, drift in zip(VISITS, (1, 2, 3, 4), strict=True)
        ]
    )
    assert steady is not None
    assert drifting is not None
    assert (drifting.count, drifting.ties) == (steady.count, steady.ties)
    assert drifting.time_ratio == pytest.approx(steady.time_ratio)


def test_a_count_that_scatters_wildly_hides_no_other() -> None:
    best = find_best_count(
        [
            {1: 4.0 * off, 2: 2.1 * quiet, 4: 2.0}
            for off, quiet in zip((0.6, 1, 1.7, 1), (1, 1.002, 0.998, 1), strict=True)
        ]
    )
    assert best is not None
    assert (best.count, best.ties) == (4, ()), "two threads take 5 % more in every visit"


def test_counts_that_never_took_turns_are_not_compared() -> None:
    assert find_best_count([{1: 4.0}, {2: 2.5}, {4: 2.0}]) is None


def test_two_visits_of_two_counts_are_too_few() -> None:
    assert find_best_count([{1: 4.0, 2: 2.0}] * 2) is None
    assert find_best_count([{1: 4.0, 2: 2.0}] * 4) is not None
