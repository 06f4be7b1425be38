"""A rate, chosen from many tries, and refused where it can't be true."""

from __future__ import annotations

from collections.abc import Callable

from bench.measure.clock import Clock, time_block

MIN_SECONDS = 0.005
"""An amount of work is enlarged until it takes so long."""

TRY_SECONDS = 0.4
"""How long an amount is tried again and again: a neighbour that is busy for a while costs tries and not the rate."""

_MIN_TRIES = 3
_SMALLEST_GROWTH = 1.5
"""How much longer twice the work takes at least. Work that a compiler has removed takes as long as before."""

_NUM_ATTEMPTS = 3


class UnmeasurableError(Exception):
    """A rate can't be had, and why. Never leaves this package."""


def measure_rate(
    work: Callable[[int], object],
    clock: Clock,
    largest: float,
    choose: Callable[[list[float]], float] = min,
) -> float:
    """Measure how many units of work a second sees.

    Args:
        work: does an amount of it; what it does first, at an amount of 1, is not timed.
        clock: synchronised with the device.
        largest: more than any machine does.
        choose: which time of all tries counts: the shortest tells what a device can do, the median what it does.
    Raises:
        UnmeasurableError: when the rate is above that, or twice the work takes hardly longer: it was not done.
    Synchronizes: yes
    """
    work(1)
    amount = 1
    while (seconds := time_block(clock, work, amount)[0]) < MIN_SECONDS:
        if amount > MIN_SECONDS * largest:
            raise UnmeasurableError(f"{amount} units of work took {seconds:.3g} s: it was not done")
        amount *= 2
    for _ in range(_NUM_ATTEMPTS):
        once, twice = (choose(_try(work, clock, each)) for each in (amount, 2 * amount))
        rate = max(amount / once, 2 * amount / twice)
        if rate > largest:
            raise UnmeasurableError(f"{rate:.3g} a second is more than any machine does: the work was not done")
        if twice >= _SMALLEST_GROWTH * once:
            return rate
    raise UnmeasurableError(f"twice the work took {twice / once:.2f} times as long: it was not done")


def _try(work: Callable[[int], object], clock: Clock, amount: int) -> list[float]:
    times: list[float] = []
    while sum(times) < TRY_SECONDS or len(times) < _MIN_TRIES:
        times.append(time_block(clock, work, amount)[0])
    return times
