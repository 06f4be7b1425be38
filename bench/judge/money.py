"""What trainings cost, at what the user says that an hour costs: a price times a time, and nothing else."""

from __future__ import annotations

from bench.judge.statistics import Summary
from bench.records.price import HOUR_SECONDS


def cost_of(seconds: Summary | None, price_per_hour: float | None) -> Summary | None:
    """Return what some time costs, in the price's currency; None where the time or the price is not known."""
    if seconds is None or price_per_hour is None:
        return None
    rate = price_per_hour / HOUR_SECONDS
    low, high = (None if each is None else each * rate for each in (seconds.low, seconds.high))
    return Summary(seconds.count, seconds.median * rate, low, high)
