"""The clock: the host's monotonic one, read when the device has done all its work."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

Outcome = TypeVar("Outcome")

Clock = Callable[[], float]
"""Seconds from some fixed moment."""

HOST_CLOCK: Clock = perf_counter


def synchronised(clock: Clock, synchronize: Callable[[], None]) -> Clock:
    """Make a clock that waits for the device before it is read.

    Without the wait the time of work that was only handed over would be read (pytorch/pytorch#152199).
    """

    def read() -> float:
        synchronize()  # sync point
        return clock()

    return read


def time_block(clock: Clock, work: Callable[[int], Outcome], amount: int) -> tuple[float, Outcome]:
    """Time an amount of work with a synchronised clock; returns seconds, and what the work returned."""
    started = clock()
    outcome = work(amount)
    return clock() - started, outcome


def measure_timer_floor(clock: Clock, num_readings: int = 200) -> float:
    """Return the seconds that a synchronised clock measures of nothing: the median over pairs of readings."""
    return statistics.median(-clock() + clock() for _ in range(num_readings))
