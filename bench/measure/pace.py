"""How long a run still takes."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from bench.measure.clock import Clock
from bench.records.case import Case


class Pace:
    """Planned against elapsed time: the pilots plan, and how they have held corrects the plan.

    Args:
        waves: the cases of every wave, in the order in which they will run.
    """

    def __init__(self, clock: Clock, waves: Sequence[Sequence[Case]]) -> None:
        self._clock = clock
        self._later = list(waves)
        self._seconds_of: dict[Case, float] = {}
        self._starts: list[float] = []
        self._factor = 1.0
        self._planned_seconds: float | None = None
        self._done_seconds = 0.0

    def start_wave(self) -> None:
        """Take in that the next wave starts its workers."""
        del self._later[0]
        self._planned_seconds = None
        self._done_seconds = 0.0

    def start_seat(self, seconds: float) -> None:
        """Take in what setting up a case has taken."""
        self._starts.append(seconds)

    def plan(self, seconds: Iterable[tuple[Case, float]]) -> None:
        """Take in what the rounds of each seat should take, once all of them are set up."""
        self._rounds_started_at = self._clock()
        planned = list(seconds)
        self._seconds_of |= dict(planned)
        self._planned_seconds = sum(each for _, each in planned)

    def tick(self, planned_seconds: float) -> None:
        """Take in that a block is done which was planned to take so long."""
        self._done_seconds += planned_seconds
        self._factor = (self._clock() - self._rounds_started_at) / self._done_seconds

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
        """Of the whole run; None before the plan of a wave, and where most of what comes later was never timed.

        A case that was not timed yet is taken for one of the others, and every start for the median of those before it:
        what the first replicate compiles the later ones find.
        """
        later = [case for wave in self._later for case in wave]
        known = [self._seconds_of[case] for case in later if case in self._seconds_of]
        if self._planned_seconds is None or 2 * len(known) < len(later):
            return None
        usual = statistics.fmean(known) if known else 0.0
        planned = self._planned_seconds - self._done_seconds + sum(self._seconds_of.get(case, usual) for case in later)
        return self._factor * planned + (statistics.median(self._starts) if later else 0.0) * len(later)
