"""Summaries of raw samples."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """Median and quartiles; of a single value there is no spread, and the quartiles are None."""

    count: int
    median: float
    low: float | None
    high: float | None

    def scaled(self, factor: float) -> Summary:
        """Return the same in another unit; the factor is above 0."""
        low, high = (None if each is None else factor * each for each in (self.low, self.high))
        return Summary(self.count, factor * self.median, low, high)


def summarise(values: Sequence[float]) -> Summary | None:
    """Summarise values; None where there are none.

    The quartiles are those of the values themselves (linear interpolation between order statistics), not of a
    population: Hyndman and Fan (1996), "Sample Quantiles in Statistical Packages", definition 7.
    """
    if not values:
        return None
    if len(values) == 1:
        return Summary(1, values[0], None, None)
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Summary(len(values), median, low, high)


def geometric_mean(ratios: Sequence[float]) -> float | None:
    """Mean of ratios on the logarithm, so that swapping numerator and denominator inverts it; None where empty."""
    if not ratios:
        return None
    return math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))
