"""A rate is chosen from many tries; one that can't be true is refused."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from itertools import count, repeat

import pytest

from bench.measure.rate import UnmeasurableError, measure_rate
from tests.bench.measure.fakes import ScriptedClock

RATE = 1e6


def make_work(clock: ScriptedClock, slowed: Iterator[float]) -> Callable[[int], None]:
    """A millionth of a second a unit, times what a neighbour adds."""

    def work(amount: int) -> None:
        clock.pass_time(amount / RATE * next(slowed))

    return work


def test_a_rate_is_the_best_of_many_tries() -> None:
    clock = ScriptedClock()
    busy = (1.0 if number % 7 == 3 else 3.0 for number in count())
    assert measure_rate(make_work(clock, busy), clock, 1e9) == pytest.approx(RATE)


def test_a_rate_as_a_rule_is_the_median_of_the_tries() -> None:
    clock = ScriptedClock()
    busy = ((1.0, 2.0, 4.0)[number % 3] for number in count())
    assert measure_rate(make_work(clock, busy), clock, 1e9, statistics.median) == pytest.approx(RATE / 2)


def test_work_that_a_compiler_has_removed_is_refused_however_long_its_call_takes() -> None:
    clock = ScriptedClock()
    with pytest.raises(UnmeasurableError, match=r"twice the work took 1\.00 times as long: it was not done"):
        measure_rate(lambda _amount: clock.pass_time(0.01), clock, 1e9)


def test_work_of_which_no_amount_takes_any_time_is_refused() -> None:
    clock = ScriptedClock()
    with pytest.raises(UnmeasurableError, match=r"8388608 units of work took .* s: it was not done"):
        measure_rate(lambda _amount: clock.pass_time(1e-7), clock, 1e9)


def test_a_rate_above_what_any_machine_does_is_refused() -> None:
    clock = ScriptedClock()
    with pytest.raises(UnmeasurableError, match=r"1e\+06 a second is more than any machine does"):
        measure_rate(make_work(clock, repeat(1.0)), clock, 0.9e6)
    assert measure_rate(make_work(clock, repeat(1.0)), clock, 1.1e6) == pytest.approx(RATE)


def test_a_neighbour_who_was_busy_for_all_tries_of_the_smaller_amount_costs_another_attempt_alone() -> None:
    clock = ScriptedClock()

    def slowed() -> Iterator[float]:
        yield from repeat(1.0, 14)  # to warm up and find an amount that takes long enough
        while clock.now < 0.4:
            yield 2.0
        yield from repeat(1.0)

    assert measure_rate(make_work(clock, slowed()), clock, 1e9) == pytest.approx(RATE)
