"""What a sweep says: curves with their laws, where they cross, how many threads are best."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from bench.judge.best_count import BestCount, find_best_count
from bench.judge.crossing import Encounter, Paired, judge_encounter
from bench.judge.law import Law
from bench.judge.money import price_pairs
from bench.judge.pairs import average_fastest
from bench.judge.scaling import fit_law
from bench.records.case import Case, Shape
from bench.records.sweep import Sweep, SweepPlan, Timed, Values

Family = tuple[int, ...]
"""The values of the axes after the first: curves cross within one."""


@dataclass(frozen=True, slots=True)
class Point:
    """A curve at one value of the first axis."""

    value: int
    case: Case
    num_visits: int
    step_seconds: float
    """Geometric mean over visits, each by the median of its rounds."""
    low: float | None
    """The quickest and the slowest visit; None of a single one."""
    high: float | None
    samples_per_step: float | None


@dataclass(frozen=True, slots=True)
class CurveResult:
    """A curve of one family."""

    curve: int
    family: Family
    points: tuple[Point, ...]
    law: Law | None
    """None where the axis has none, or the points are too few."""
    best: BestCount | None
    """Along threads alone."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two curves of one family."""

    first: int
    second: int
    family: Family
    encounter: Encounter


@dataclass(frozen=True, slots=True)
class SweepResult:
    """All that a sweep says."""

    curves: tuple[CurveResult, ...]
    pairings: tuple[Pairing, ...]
    not_reached: tuple[tuple[int, Values], ...]
    """Points of curves that it begins with and that were neither measured nor lost."""
    priced: tuple[Pairing, ...]
    """In money, of curves whose prices are known and differ: what is faster in them costs less."""


def judge_sweep(sweep: Sweep) -> SweepResult:
    """Judge a sweep, whole or not."""
    plan = sweep.info.plan
    families = sorted({timed.values[1:] for timed in sweep.timed})
    curves = tuple(
        _judge_curve(plan, curve, family, chosen)
        for family in families
        for curve in range(len(plan.curves))
        if (chosen := [each for each in sweep.timed if (each.curve, each.values[1:]) == (curve, family)])
    )
    compared = [
        (first, second, family, pairs)
        for family in families
        for first, second in combinations(range(len(plan.curves)), 2)
        if (pairs := list_pairs(sweep.timed, first, second, family))
    ]
    pairings = tuple(
        Pairing(first, second, family, judge_encounter(pairs, plan.alpha)) for first, second, family, pairs in compared
    )
    priced = tuple(
        Pairing(first, second, family, judge_encounter(in_money, plan.alpha))
        for first, second, family, pairs in compared
        if (in_money := price_pairs(pairs, plan.prices, plan.curves[first], plan.curves[second]))
    )
    return SweepResult(curves, pairings, tuple(list_not_reached(sweep)), priced)


def list_pairs(timed: Sequence[Timed], first: int, second: int, family: Family) -> list[Paired]:
    """List how two curves compare, in the order of the first axis: by the rounds of visits that both were part of."""
    visits: dict[tuple[int, Values], dict[int, Timed]] = {}
    for each in timed:
        if each.values[1:] == family and each.curve in (first, second):
            visits.setdefault((each.visit, each.values), {})[each.curve] = each
    differences: dict[int, list[float]] = {}
    for (_, values), both in visits.items():
        if len(both) == 2:
            differences.setdefault(values[0], []).append(compare(both[first], both[second]))
    return [Paired(value, tuple(differences[value])) for value in sorted(differences)]


def compare(first: Timed, second: Timed) -> float:
    """Return ln(second / first) of two that took turns, their blocks compared as a race's are."""
    return math.log(seconds_per_step(second) / seconds_per_step(first))


def seconds_per_step(timed: Timed) -> float:
    """Return what a step took, of the fastest quarter of the blocks."""
    return average_fastest(timed.seconds) / timed.num_steps


def work_of(plan: SweepPlan) -> Callable[[Case], float] | None:
    """Return what of a step grows along the first axis, and its cost is proportional to; None where nothing does."""
    name = plan.axes[0].name
    if plan.curves[0].workload is not None:
        return None if name == "threads" else lambda case: float(_arguments_of(case)[name])
    match name:
        case "batch_size":
            return lambda case: float((case.shape or Shape()).batch_size)
        case "depth":
            return lambda case: float(len((case.shape or Shape()).hidden_sizes))
        case "hidden":
            return lambda case: float(count_work(case))
        case _:
            return None


def _arguments_of(case: Case) -> dict[str, int]:
    return {} if case.workload is None else dict(case.workload.arguments)


def count_work(case: Case) -> int:
    """Count the multiply-adds of a step of all replicas.

    Of a user's own workload, as if each argument made it larger in proportion.
    """
    if case.workload is not None:
        return math.prod(_arguments_of(case).values())
    shape = case.shape or Shape()
    return case.num_replicas * shape.multiply_adds_per_sample * shape.batch_size


def list_not_reached(sweep: Sweep) -> list[tuple[int, Values]]:
    """List what a sweep begins with and has neither measured nor lost."""
    known = {(timed.curve, timed.values) for timed in sweep.timed}
    return [
        (curve, values)
        for values in list_grid(sweep.info.plan)
        for curve in range(len(sweep.info.plan.curves))
        if (curve, values) not in known and not any(lost.rules_out(curve, values) for lost in sweep.lost)
    ]


def list_grid(plan: SweepPlan) -> list[Values]:
    """List the points to begin with, the first axis running fastest."""
    first, *others = (axis.values for axis in plan.axes)
    return [(value, *rest) for rest in ([(each,) for each in others[0]] if others else [()]) for value in first]


def _judge_curve(plan: SweepPlan, curve: int, family: Family, timed: Sequence[Timed]) -> CurveResult:
    by_value: dict[int, list[float]] = {}
    samples: dict[int, float | None] = {}
    for each in timed:
        by_value.setdefault(each.values[0], []).append(seconds_per_step(each))
        samples[each.values[0]] = _samples_per_step(plan, each)
    points = tuple(
        Point(
            value=value,
            case=plan.case_at(curve, (value, *family)),
            num_visits=len(seconds),
            step_seconds=statistics.geometric_mean(seconds),
            low=min(seconds) if len(seconds) > 1 else None,
            high=max(seconds) if len(seconds) > 1 else None,
            samples_per_step=samples[value],
        )
        for value, seconds in sorted(by_value.items())
    )
    work = work_of(plan)
    law = None
    if work is not None:
        default = plan.case_at(curve, (plan.axes[0].usual, *family))
        law = fit_law({work(point.case): by_value[point.value] for point in points}, work(default))
    best = find_best_count(_list_visits(timed), plan.alpha) if plan.axes[0].name == "threads" else None
    return CurveResult(curve, family, points, law, best)


def _samples_per_step(plan: SweepPlan, timed: Timed) -> float | None:
    if timed.num_samples is not None:
        return timed.num_samples / timed.num_steps
    case = plan.case_at(timed.curve, timed.values)
    return float((case.shape or Shape()).batch_size) if case.workload is None else None


def _list_visits(timed: Sequence[Timed]) -> list[Mapping[int, float]]:
    visits: dict[int, dict[int, float]] = {}
    for each in timed:
        visits.setdefault(each.visit, {})[each.values[0]] = seconds_per_step(each)
    return list(visits.values())
