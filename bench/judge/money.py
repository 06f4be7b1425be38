"""What trainings cost, at what the user says that an hour costs: a price times a time, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from bench.judge.crossing import Paired
from bench.judge.statistics import Summary
from bench.records.case import Case
from bench.records.price import HOUR_SECONDS, Prices, find_price


def cost_of(seconds: Summary | None, price_per_hour: float | None) -> Summary | None:
    """Return what some time costs, in the price's currency; None where the time or the price is not known."""
    if seconds is None or price_per_hour is None:
        return None
    return seconds.scaled(price_per_hour / HOUR_SECONDS)


def price_pairs(pairs: Sequence[Paired], prices: Prices, first: Case, second: Case) -> list[Paired]:
    """Return how two curves compare in money, from how they do in time: each times its price.

    Returns:
        Nothing where a price is not known, or both are the same: then they compare as in time.
    """
    ours, theirs = (find_price(prices, case.device) for case in (first, second))
    if ours is None or theirs is None or ours == theirs:
        return []
    shift = math.log(theirs / ours)
    return [replace(pair, differences=tuple(each + shift for each in pair.differences)) for pair in pairs]
