"""The law of a curve: seconds a step are a fixed cost and a cost for each unit of work, a + b * n."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_POINTS = 4
"""Two are the law itself, and of three a single one is left to say how well it fits."""

LEVEL = 0.95
CLOSE = 0.15
"""A law describes a curve where it foretells each point that it was not fitted to within this share."""

_NUM_FITS = 20
_FEWEST_FOR_LEAVING_OUT = 3


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate, and where it may lie with a probability of 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What the other points foretell of one that lies between them."""

    work: float
    error: float
    """Foretold over measured, less 1."""


@dataclass(frozen=True, slots=True)
class Law:
    """What a curve follows."""

    fixed: Interval
    """Seconds a step that the work does not change; as neither is below 0, the interval ends there."""
    each: Interval
    """Seconds for a unit of work, likewise."""
    log_odds: Interval | None
    """ln(fixed / each), the logarithm of the knee; None where one of the two is not shown to be above 0."""
    smallest: float
    largest: float
    """The range of work that it was fitted to."""
    left_out: tuple[LeftOut, ...]

    @property
    def knee(self) -> Interval | None:
        """The work of which half a step's time is fixed: below it a step costs about the same whatever it does."""
        return self.log_odds and Interval(*(math.exp(each) for each in _parts(self.log_odds)))

    def fixed_share(self, work: float) -> Interval | None:
        """Return which share of a step is fixed cost at so much work; None where that is not known."""
        if self.log_odds is None:
            return None
        return Interval(*(1 / (1 + math.exp(math.log(work) - each)) for each in _parts(self.log_odds)))

    def foretell(self, work: float) -> float:
        """Return the seconds of a step with so much work."""
        return self.fixed.value + self.each.value * work

    @property
    def largest_error(self) -> float:
        """By how much it misses, at most, a point that it was not fitted to."""
        return max(abs(each.error) for each in self.left_out)

    @property
    def is_close(self) -> bool:
        """Whether it describes the curve."""
        return self.largest_error <= CLOSE


def fit_law(seconds: Mapping[float, Sequence[float]]) -> Law | None:
    """Fit the law to a curve; None where there are too few points.

    Each point is the geometric mean of its visits, and misses are shares of it: a large step counts as much as a small
    one. How far the points lie from the law says how sure it is, so where the curve bends otherwise, intervals widen.

    Args:
        seconds: work of a step -> seconds of a step, one of each visit.
    """
    from scipy.special import stdtrit

    points = {work: statistics.geometric_mean(each) for work, each in sorted(seconds.items())}
    if len(points) < MIN_POINTS:
        return None
    works = list(points)
    design, (fixed, each), misses = _fit(points)
    freedom = len(points) - 2
    covariance = np.linalg.inv(design.T @ design) * (misses @ misses) / freedom
    quantile = float(stdtrit(freedom, (1 + LEVEL) / 2))
    intervals = [
        Interval(value, max(0.0, value - reach), value + reach)
        for value, reach in zip((fixed, each), (quantile * np.sqrt(np.diag(covariance))).tolist(), strict=True)
    ]
    log_odds = None
    if min(interval.low for interval in intervals) > 0:
        slopes = np.array([1 / fixed, -1 / each])
        reach = quantile * math.sqrt(float(slopes @ covariance @ slopes))
        middle = math.log(fixed / each)
        log_odds = Interval(middle, middle - reach, middle + reach)
    return Law(intervals[0], intervals[1], log_odds, works[0], works[-1], tuple(_leave_out(points)))


def _fit(points: Mapping[float, float]) -> tuple[NDArray[np.float64], tuple[float, float], NDArray[np.float64]]:
    """Fit a + b * n with misses relative to what is fitted; returns the weighted design, a and b, and the misses.

    What is fitted is not known before: begun with what was measured, done again until it does not change.
    """
    works, measured = (np.array(list(each), dtype=np.float64) for each in (points, points.values()))
    expected = measured
    for _ in range(_NUM_FITS):
        design = np.stack((1 / expected, works / expected), axis=1)
        fixed, each = _solve(design, measured / expected)
        fitted = fixed + each * works
        if np.allclose(fitted, expected, rtol=1e-9):
            break
        expected = fitted
    return design, (fixed, each), (measured - fitted) / expected


def _solve(design: NDArray[np.float64], target: NDArray[np.float64]) -> tuple[float, float]:
    """Solve by least squares with neither below 0; both columns are scaled, since their units lie far apart."""
    scales = np.linalg.norm(design, axis=0)
    fixed, each = np.linalg.lstsq(design / scales, target, rcond=None)[0] / scales
    if fixed < 0:
        return 0.0, float(design[:, 1] @ target / scales[1] ** 2)
    if each < 0:
        return float(design[:, 0] @ target / scales[0] ** 2), 0.0
    return float(fixed), float(each)


def _leave_out(points: Mapping[float, float]) -> list[LeftOut]:
    """Foretell each point but the first and the last from all others."""
    found = []
    for work in list(points)[1:-1]:
        others = {other: seconds for other, seconds in points.items() if other != work}
        if len(others) >= _FEWEST_FOR_LEAVING_OUT:
            _, (fixed, each), _ = _fit(others)
            found.append(LeftOut(work, (fixed + each * work) / points[work] - 1))
    return found


def _parts(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high
