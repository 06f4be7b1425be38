"""How long a run still takes."""

from __future__ import annotations

from collections.abc import Iterable

from bench.measure.clock import Clock


class Pace:
    """Planned against elapsed time of a wave: the pilots plan, and how they have held corrects the plan.

    Args:
        num_waves_left: how many waves like this one follow; None where others follow that are not like it.
    """

    def __init__(self, clock: Clock, num_waves_left: int | None) -> None:
        self._clock = clock
        self._num_waves_left = num_waves_left
        self._started_at = clock()
        self._planned_seconds: float | None = None
        self._done_seconds = 0.0

    def plan(self, seconds: Iterable[float]) -> None:
        """Take in what is planned for each case, once all of them are set up."""
        self._rounds_started_at = self._clock()
        self._planned_seconds = sum(seconds)

    def tick(self, planned_seconds: float) -> None:
        """Take in that a block is done which was planned to take so long."""
        self._done_seconds += planned_seconds

    def drop(self, planned_seconds: float) -> None:
        """Take out what a case that has failed will not do any more."""
        if self._planned_seconds is not None:
            self._planned_seconds -= planned_seconds

    @property
    def share_done(self) -> float:
        """Share of this wave's planned time, 0 to 1."""
        return self._done_seconds / self._planned_seconds if self._planned_seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Of the whole run, if later waves take as long as this one; None before the plan and where they do not."""
        if self._planned_seconds is None or self._num_waves_left is None:
            return None
        elapsed = self._clock() - self._rounds_started_at
        factor = elapsed / self._done_seconds if self._done_seconds else 1.0
        wave_seconds = self._rounds_started_at - self._started_at + factor * self._planned_seconds
        return factor * (self._planned_seconds - self._done_seconds) + self._num_waves_left * wave_seconds
