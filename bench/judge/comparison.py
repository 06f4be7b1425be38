"""What stored times allow one to say: intervals of differences, paired and unpaired, and the verdict.

All differences are logarithms of the ratio of times, so that swapping what is compared changes their sign and nothing
else.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.judge.race import Verdict, decide_interval

ALPHA, DEAD_ZONE, MARGIN = 0.05, 0.005, 0.02
"""Where nothing else is asked for."""
MIN_RUNS = 3
"""A side; fewer say too little of how runs differ."""

MIN_REPLICATES = 4

_MOST_UNITS = 1_000
"""More runs than these nobody measures to settle a difference."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """What makes a difference one; all are shares but the last."""

    alpha: float
    """How often an interval may miss the truth."""
    dead_zone: float
    margin: float
    quality_margin: float
    """How many times the other's held-out MSE, or one in how many of it, is still as good."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How long one of two takes beside the other: ln(head / base), above 0 is slower."""

    mean: float
    half_width: float | None
    """Of the interval; None where there are too few units for one."""
    verdict: Verdict
    num_needed: int | None = None
    """Of units a side that should settle it, by the spread so far; None where that can't be told."""

    @property
    def low(self) -> float | None:
        """Where the interval begins."""
        return None if self.half_width is None else self.mean - self.half_width

    @property
    def high(self) -> float | None:
        """Where the interval ends."""
        return None if self.half_width is None else self.mean + self.half_width


def compare_unpaired(base: Sequence[float], head: Sequence[float], criteria: Criteria) -> Difference | None:
    """Compare the times of two sides by Welch's interval on their logarithms; None where a side has none.

    Args:
        base: one time a unit, in any order.
        head: likewise; not as many, if need be.
    Source: Welch (1947), "The generalization of 'Student's' problem when several different population variances are
        involved"; degrees of freedom by Satterthwaite (1946).
    """
    if not base or not head or not all(0 < each < math.inf for each in (*base, *head)):
        return None
    ours, theirs = ([math.log(each) for each in side] for side in (base, head))
    mean = statistics.fmean(theirs) - statistics.fmean(ours)
    if min(len(ours), len(theirs)) < MIN_RUNS:
        return Difference(mean, None, Verdict.INCONCLUSIVE)
    variances = [statistics.variance(ours), statistics.variance(theirs)]
    errors = [variance / len(side) for variance, side in zip(variances, (ours, theirs), strict=True)]
    half_width = _t_quantile(criteria.alpha, welch_degrees(errors, [len(ours), len(theirs)])) * math.sqrt(sum(errors))

    def degrees(count: int) -> float:
        return welch_degrees([variance / count for variance in variances], [count, count])

    return _judge(mean, half_width, sum(variances), criteria, len(ours), degrees)


def welch_degrees(errors: Sequence[float], counts: Sequence[int]) -> float:
    """Return the degrees of freedom of the difference of two means.

    Args:
        errors: each mean's squared standard error; one of them may be 0, and where both are any degrees will do.
        counts: of the values behind each.
    """
    total = sum(errors)
    if total == 0:
        return float(sum(counts) - len(counts))
    # As shares, whose squares do not vanish for the smallest of variances.
    return 1 / sum((error / total) ** 2 / (count - 1) for error, count in zip(errors, counts, strict=True))


def compare_paired(logarithms: Sequence[float], criteria: Criteria) -> Difference | None:
    """Judge differences of pairs, ln(ours / theirs), by their t interval; None where there are none."""
    count = len(logarithms)
    if not count or not all(math.isfinite(each) for each in logarithms):
        return None
    mean = statistics.fmean(logarithms)
    if count < MIN_REPLICATES:
        return Difference(mean, None, Verdict.INCONCLUSIVE)
    variance = statistics.variance(logarithms)
    half_width = _t_quantile(criteria.alpha, count - 1) * math.sqrt(variance / count)
    return _judge(mean, half_width, variance, criteria, count, lambda number: number - 1)


def t_interval(values: Sequence[float], alpha: float) -> float | None:
    """Return the half-width of the t interval of a mean; None where one value or none says nothing of a spread."""
    if len(values) < 2:
        return None
    return _t_quantile(alpha, len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))


def _judge(
    mean: float,
    half_width: float,
    variance: float,
    criteria: Criteria,
    count: int,
    degrees: Callable[[int], float],
) -> Difference:
    """Decide, and say how many units would settle what can't be decided.

    Args:
        variance: of the mean of one unit a side.
        degrees: count of units a side -> degrees of freedom.
    """
    verdict = decide_interval(mean - half_width, mean + half_width, criteria.dead_zone, criteria.margin)
    if verdict is not Verdict.INCONCLUSIVE:
        return Difference(mean, half_width, verdict)
    # Narrow enough to be a difference or to be none, whichever is nearer.
    target = max(abs(mean) - math.log1p(criteria.dead_zone), math.log1p(criteria.margin) - abs(mean))
    more = range(count + 1, _MOST_UNITS)
    needed = (each for each in more if _t_quantile(criteria.alpha, degrees(each)) * math.sqrt(variance / each) < target)
    return Difference(mean, half_width, verdict, next(needed, None))


def _t_quantile(alpha: float, degrees: float) -> float:
    """Return the t quantile of a two-sided interval."""
    # Imported where it is used: 0.1 to 0.2 s, which who needs no interval need not wait for.
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 1 - alpha / 2))
