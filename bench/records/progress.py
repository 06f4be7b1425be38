"""Where a run stands."""

from __future__ import annotations

from dataclasses import dataclass

from bench.records.case import Case


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands, for whoever shows it."""

    wave: int
    num_waves: int
    stage: str
    round: int
    num_rounds: int
    case: Case
    share_done: float
    """Of this wave, by planned time."""
    seconds_left: float | None
    """Of the whole run; None until the cases of the wave have been timed once."""
