"""What a handful of times, in the order in which they were taken, shows of the process behind them.

All that compare values do it by rank or by range, so that no shape of the noise is assumed.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise
from math import comb, factorial

GAP = 1.25
"""How many times as wide as the wider group the gap between two modes is. See `find_modes` in use: sample_checks."""

APART = 2.0
"""How many ranges of the others the first value alone must stand above them."""


@dataclass(frozen=True, slots=True)
class Modes:
    """Two groups of values with nothing between them."""

    low: float
    """Median of the lower group."""
    high: float
    num_low: int
    num_high: int
    num_switches: int
    """How often neighbours in time lie in different groups; a single step has one."""


def trend_p_value(values: Sequence[float]) -> float:
    """Return the two-sided p of "no trend": how often values in random order would rise or fall as steadily.

    Exact, from the number of orders with so many pairs the wrong way round; ties count for neither side, which makes p
    larger. Source: Kendall (1938), "A New Measure of Rank Correlation"; Mann (1945), "Nonparametric Tests Against
    Trend".
    """
    score = sum((later > earlier) - (later < earlier) for earlier, later in combinations(values, 2))
    num_pairs = comb(len(values), 2)
    counts = _count_orders(len(values))
    # A score of S or more is (pairs - S) / 2 inversions or fewer.
    at_least = sum(counts[: (num_pairs - abs(score)) // 2 + 1])
    return min(1.0, 2 * at_least / factorial(len(values)))


def fitted_change(values: Sequence[float]) -> float:
    """Return how much a straight line through the values rises from the first to the last.

    Its slope is the median over all pairs, which a few outliers do not move. Source: Sen (1968), "Estimates of the
    Regression Coefficient Based on Kendall's Tau".
    """
    slopes = [(values[b] - values[a]) / (b - a) for a, b in combinations(range(len(values)), 2)]
    return statistics.median(slopes) * (len(values) - 1)


def find_modes(values: Sequence[float], smallest_group: int) -> Modes | None:
    """Split values at their widest gap if that is clearly wider than each of the two groups is; None otherwise.

    Args:
        smallest_group: a group of fewer is a few outliers and no mode.
    """
    ordered = sorted(values)
    borders = range(smallest_group, len(ordered) - smallest_group + 1)
    if not borders:
        return None
    border = max(borders, key=lambda index: ordered[index] - ordered[index - 1])
    low, high = ordered[:border], ordered[border:]
    if high[0] - low[-1] <= GAP * max(low[-1] - low[0], high[-1] - high[0]):
        return None
    are_high = [value >= high[0] for value in values]
    return Modes(
        low=statistics.median(low),
        high=statistics.median(high),
        num_low=len(low),
        num_high=len(high),
        num_switches=sum(before != after for before, after in pairwise(are_high)),
    )


def starts_high(values: Sequence[float]) -> int:
    """Return how many values at the start lie apart from and above all that follow; 0 where none do.

    The first quarter of the values, where its smallest is above the largest of the others; or the first value alone,
    where it is above them by more than `APART` times the range of the others.
    """
    quarter = len(values) // 4
    if quarter and min(values[:quarter]) > max(values[quarter:]):
        return quarter
    rest = values[1:]
    if values[0] - max(rest) > APART * (max(rest) - min(rest)):
        return 1
    return 0


@lru_cache(maxsize=64)
def _count_orders(num_values: int) -> tuple[int, ...]:
    """Count the orders of so many values that have 0, 1, 2, ... pairs the wrong way round."""
    counts = [1]
    for size in range(2, num_values + 1):
        # A further value, put at each of its places, adds 0 to size - 1 such pairs.
        counts = [sum(counts[max(0, total - size + 1) : total + 1]) for total in range(len(counts) + size - 1)]
    return tuple(counts)
