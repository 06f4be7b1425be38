"""The law of a curve: seconds a step are a fixed cost and a cost for each unit of work, a + b * n.

Where caches run out a unit costs more from there on. So a law may have one bend, where that is shown: beyond it each
further unit costs c more.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bench.judge.law import Interval, Law, LeftOut

MIN_POINTS = 4
"""Two are the law itself, and of three a single one is left to say how well it fits."""
MIN_POINTS_TO_BEND = 7
"""Four are a law with a bend."""

LEVEL = 0.95
BEND_LEVEL = 0.99
"""Of the F test that a bend has to pass. Its place is searched for, which makes it pass more often by chance."""

_NUM_FITS = 20
_STEPS_OF_A_GAP = 6
"""Places of a bend that are tried between two points."""
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Fit:
    costs: Array
    """a and b, and where there is a bend c."""
    bend: float | None
    slopes: Array
    """By how much of itself what is fitted at each point grows with each of a, b, c and the place of the bend."""
    misses: Array
    """Shares of what is fitted."""

    @property
    def squares(self) -> float:
        return float(self.misses @ self.misses)

    def at(self, work: float) -> float:
        """Return the seconds of a step with so much work."""
        return float(self.columns(work) @ self.costs)

    def columns(self, work: float) -> Array:
        """Return what a, b and c are multiplied with at so much work."""
        return np.array([1.0, work, *([] if self.bend is None else [max(0.0, work - self.bend)])])


def fit_law(seconds: Mapping[float, Sequence[float]], default_work: float) -> Law | None:
    """Fit the law to a curve; None where there are too few points.

    Each point is the geometric mean of its visits, and misses are shares of it: a large step counts as much as a small
    one. How far the points lie from the law says how sure it is, so where the curve bends otherwise, intervals widen.

    Args:
        seconds: work of a step -> seconds of a step, one of each visit.
        default_work: of the recipe's step.
    """
    points = {work: statistics.geometric_mean(each) for work, each in sorted(seconds.items())}
    if len(points) < MIN_POINTS:
        return None
    found = _fit(points, None)
    bent = _fit_bent(points)
    if bent is not None and _is_shown(found, bent, len(points)):
        found = bent
    return _make_law(points, found, default_work)


def _make_law(points: Mapping[float, float], found: _Fit, default_work: float) -> Law:
    from scipy.special import stdtrit

    works = list(points)
    freedom = len(points) - found.slopes.shape[1]
    num_costs = len(found.costs)
    # A bend may be anywhere near where it was found: its own row and column widen those of the costs.
    covariance = _invert(found.slopes)[:num_costs, :num_costs] * found.squares / freedom
    quantile = float(stdtrit(freedom, (1 + LEVEL) / 2))

    def along(slopes: Array) -> float:
        return quantile * math.sqrt(max(0.0, float(slopes @ covariance @ slopes)))

    def interval(slopes: Array) -> Interval:
        value = float(slopes @ found.costs)
        return Interval(value, max(0.0, value - along(slopes)), value + along(slopes))

    axes = np.eye(len(found.costs))
    fixed, each = interval(axes[0]), interval(axes[1])
    knee = share = None
    if min(fixed.low, each.low) > 0:
        knee = _find_knee(found, along)
        columns = found.columns(default_work)
        varying = columns * (axes[0] == 0)
        odds = fixed.value / float(varying @ found.costs)
        reach = along(axes[0] / fixed.value - varying / float(varying @ found.costs))
        share = Interval(*(1 / (1 + 1 / (odds * math.exp(off))) for off in (0.0, -reach, reach)))
    return Law(
        fixed=fixed,
        each=each,
        bend=found.bend,
        each_beyond=None if found.bend is None else interval(axes[1] + axes[2]),
        knee=knee,
        default_share=share,
        smallest=works[0],
        largest=works[-1],
        left_out=tuple(_leave_out(points, found.bend is not None)),
    )


def _find_knee(found: _Fit, along: Callable[[Array], float]) -> Interval:
    """Find where the work costs as much as a step's fixed part.

    That is a = b * n; beyond a bend at m it is a + c * m = (b + c) * n.
    """
    above = np.array([1.0, 0.0])
    below = np.array([0.0, 1.0])
    if found.bend is not None:
        is_beyond = found.costs[0] / found.costs[1] > found.bend
        above, below = np.array([1.0, 0.0, found.bend * is_beyond]), np.array([0.0, 1.0, float(is_beyond)])
    top, bottom = float(above @ found.costs), float(below @ found.costs)
    reach = along(above / top - below / bottom)
    return Interval(*(top / bottom * math.exp(off) for off in (0.0, -reach, reach)))


def _fit_bent(points: Mapping[float, float]) -> _Fit | None:
    """Fit a law with a bend wherever it fits best; None where no unit costs more beyond any.

    Three points lie on one side of it at least, and two on the other.
    """
    if len(points) < MIN_POINTS_TO_BEND - 1:  # a point may have been left out
        return None
    fits = (_fit(points, bend) for bend in _list_bends(list(points)))
    rising = [fit for fit in fits if (fit.costs > 0).all()]
    return min(rising, key=lambda fit: fit.squares, default=None)


def _list_bends(works: Sequence[float]) -> Iterator[float]:
    for before, after in pairwise(works[2:-1]):
        yield from (before * (after / before) ** (step / _STEPS_OF_A_GAP) for step in range(_STEPS_OF_A_GAP))


def _is_shown(straight: _Fit, bent: _Fit, num_points: int) -> bool:
    """Say whether a bend is more than chance: two numbers more, the bend and its cost, have to earn it."""
    from scipy.special import fdtri

    freedom = num_points - 4
    if num_points < MIN_POINTS_TO_BEND:
        return False
    gain = (straight.squares - bent.squares) / 2
    return gain > float(fdtri(2, freedom, BEND_LEVEL)) * bent.squares / freedom


def _fit(points: Mapping[float, float], bend: float | None) -> _Fit:
    """Fit with misses relative to what is fitted.

    What is fitted is not known before: begun with what was measured, done again until it does not change.
    """
    works, measured = (np.array(list(each), dtype=np.float64) for each in (points, points.values()))
    plain = np.stack((np.ones_like(works), works, *([] if bend is None else [np.maximum(0, works - bend)])), axis=1)
    expected = measured
    for _ in range(_NUM_FITS):
        design = plain / expected[:, None]
        costs = _solve(design, measured / expected)
        fitted = plain @ costs
        if np.allclose(fitted, expected, rtol=1e-9, atol=0):
            break
        expected = fitted
    slopes = plain if bend is None else np.column_stack((plain, -costs[2] * (works > bend)))
    return _Fit(costs, bend, slopes / fitted[:, None], measured / fitted - 1)


def _solve(design: Array, target: Array) -> Array:
    """Solve by least squares with no cost below 0; columns are scaled, since their units lie far apart."""
    from scipy.optimize import nnls

    scales = np.linalg.norm(design, axis=0)
    costs: Array = nnls(design / scales, target)[0] / scales
    return costs


def _invert(slopes: Array) -> Array:
    """Return the inverse of the normal equations; columns are scaled, as above."""
    scales = np.linalg.norm(slopes, axis=0)
    scales[scales == 0] = 1.0
    scaled = slopes / scales
    return np.asarray(np.linalg.pinv(scaled.T @ scaled)) / np.outer(scales, scales)


def _leave_out(points: Mapping[float, float], is_bent: bool) -> Iterator[LeftOut]:
    """Foretell each point but the first and the last from all others, by a law of the same form.

    A curve that follows no law all the way may follow one from point to point. So the law without a bend is scaled,
    too, by what it is off at the two points beside, interpolated on logarithms: caches run out over a range of sizes.
    At a sharp bend that misses more than a law that knows of it.
    """
    for work in list(points)[1:-1]:
        others = {other: seconds for other, seconds in points.items() if other != work}
        straight = _fit(others, None)
        found = (_fit_bent(others) if is_bent else None) or straight
        off = math.exp(np.interp(math.log(work), np.log(list(others)), np.log1p(straight.misses)))
        yield LeftOut(work, found.at(work) / points[work] - 1, straight.at(work) * off / points[work] - 1)
