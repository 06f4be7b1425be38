"""The truth test: whether a synchronised clock times work that a device still does when the call has returned.

The same work is timed twice: by us, with a synchronise at both ends, and by forcing a value of its result out to the
host, which no device can do before it has computed it. Where the two disagree, nothing timed on that device means
anything (pytorch/pytorch#152199, pytorch/pytorch#18012).
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from bench.measure.clock import Clock, synchronised

MIN_WORK_SECONDS = 0.01
"""The work is doubled until forcing its value takes so long: far above the cost of a call or a transfer."""

NUM_REPEATS = 5
LARGEST_RATIO = 2.0
"""Medians of the two ways may differ by this factor: a missing wait shows as ten and more, a noisy machine does not."""

_LARGEST_AMOUNT = 2**24


@dataclass(frozen=True, slots=True)
class TimerTruth:
    """Medians of the two ways to time the same work."""

    timed_seconds: float
    forced_seconds: float

    @property
    def is_true(self) -> bool:
        """Whether they agree."""
        return self.forced_seconds <= LARGEST_RATIO * self.timed_seconds and (
            self.timed_seconds <= LARGEST_RATIO * self.forced_seconds
        )


def measure_truth(
    hand_over: Callable[[int], object],
    force_value: Callable[[], object],
    synchronize: Callable[[], None],
    clock: Clock,
) -> TimerTruth:
    """Time the same work in both ways, in turn.

    Args:
        hand_over: gives the device an amount of work and may return before it is done.
        force_value: reads a value of the last work's result.
        synchronize: what is tested: waits for the device.
    """

    def forced(amount: int) -> float:
        force_value()
        started = clock()
        hand_over(amount)
        force_value()
        return clock() - started

    def timed(amount: int) -> float:
        force_value()
        read = synchronised(clock, synchronize)
        started = read()
        hand_over(amount)
        return read() - started

    hand_over(1)
    amount = 1
    while forced(amount) < MIN_WORK_SECONDS and amount < _LARGEST_AMOUNT:
        amount *= 2
    pairs = [(timed(amount), forced(amount)) for _ in range(NUM_REPEATS)]
    return TimerTruth(*(statistics.median(column) for column in zip(*pairs, strict=True)))
