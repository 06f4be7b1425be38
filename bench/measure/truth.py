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
"""The one piece of work is doubled until forcing its value takes so long: far above a call's or a transfer's cost."""

NUM_REPEATS = 5
LARGEST_RATIO = 2.0
"""Forcing may take so much longer than our timer says: a missing wait shows as ten and more, noise does not."""

_LARGEST_SIZE = 2**14


@dataclass(frozen=True, slots=True)
class TimerTruth:
    """Medians of the two ways to time the same work."""

    timed_seconds: float
    forced_seconds: float

    @property
    def is_true(self) -> bool:
        """Whether our timer has waited for what the forced value had to wait for."""
        return self.forced_seconds <= LARGEST_RATIO * self.timed_seconds


def measure_truth(
    hand_over: Callable[[int], object],
    force_value: Callable[[], object],
    synchronize: Callable[[], None],
    clock: Clock,
) -> TimerTruth:
    """Time the same work in both ways, in turn.

    The work is one call, as large as it must be, and not many small ones: handing those over can take longer than doing
    them, and would then hide that nobody waited.

    Args:
        hand_over: gives the device one piece of work of a size and may return before it is done.
        force_value: reads a value of the last work's result.
        synchronize: what is tested: waits for the device.
    """

    def forced(size: int) -> float:
        force_value()
        started = clock()
        hand_over(size)
        force_value()
        return clock() - started

    def timed(size: int) -> float:
        force_value()
        read = synchronised(clock, synchronize)
        started = read()
        hand_over(size)
        return read() - started

    size = 64
    hand_over(size)
    while _shortest(forced, size) < MIN_WORK_SECONDS and size < _LARGEST_SIZE:
        size *= 2
    pairs = [(timed(size), forced(size)) for _ in range(NUM_REPEATS)]
    return TimerTruth(*(statistics.median(column) for column in zip(*pairs, strict=True)))


def _shortest(work: Callable[[int], float], size: int) -> float:
    """Return the best of two: the first at a size may load or choose a kernel."""
    return min(work(size) for _ in range(2))
