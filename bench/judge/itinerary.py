"""Where a sweep goes next: first to every value that it begins with, then to where curves cross.

It follows from what was measured so far alone, so that a sweep which was stopped goes on where it was.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from bench.judge.crossing import judge_encounter
from bench.judge.money import price_pairs
from bench.judge.refinement import choose_value
from bench.judge.sweep import count_work, list_grid, list_pairs
from bench.records.sweep import Sweep, SweepPlan, Values

Member = tuple[int, Values]
"""A curve and a point of it."""

MAX_MEMBERS = 8
"""Workers that are alive together, of one visit along threads or of several visits. All curves of a point are."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Points of curves that take turns."""

    members: tuple[Member, ...]
    is_refining: bool = False


def choose_visits(sweep: Sweep, may_go: Callable[[Sequence[Visit]], bool]) -> list[Visit]:
    """Choose the next visits, to be prepared together and made one after the other; none where none is left.

    What one of them finds says nothing of where the others should go: it goes to other points.

    Args:
        may_go: whether visits can still be afforded together; one that can't be with those before it is passed over.
    """
    chosen: list[Visit] = []
    members: set[Member] = set()
    for visit in _list_visits(sweep):
        if chosen and visit.is_refining != chosen[0].is_refining:
            break
        together = members.union(visit.members)
        has_place = not chosen or len(together) <= MAX_MEMBERS
        is_apart = len(together) == len(members) + len(visit.members)
        if visit.members and has_place and is_apart and may_go([*chosen, visit]):
            chosen.append(visit)
            members = together
    return chosen


def count_left(sweep: Sweep) -> int:
    """Count the visits that a sweep begins with and has not made."""
    counts = _count_visits(sweep)
    groups = (without_lost(group, sweep) for group in list_groups(sweep.info.plan))
    made = (min(counts[member] for member in group) for group in groups if group)
    return sum(max(0, sweep.info.plan.num_visits - each) for each in made)


def _list_visits(sweep: Sweep) -> Iterator[Visit]:
    plan, counts = sweep.info.plan, _count_visits(sweep)
    groups = [without_lost(group, sweep) for group in list_groups(plan)]
    for number in range(plan.num_visits):
        # The first time the small come before the large, so that what does not fit is known in time.
        order = groups if number == 0 else random.Random(f"{plan.seed} {number}").sample(groups, len(groups))  # noqa: S311
        yield from (Visit(group) for group in order if any(counts[member] <= number for member in group))
    yield from _refine(sweep)


def _count_visits(sweep: Sweep) -> Counter[Member]:
    return Counter((each.curve, each.values) for each in sweep.timed)


def list_groups(plan: SweepPlan) -> list[tuple[Member, ...]]:
    """List what takes turns: at each point all curves; along threads all counts, as far as workers may be alive."""
    curves = range(len(plan.curves))
    grid = sorted(list_grid(plan), key=lambda values: count_work(plan.case_at(0, values)))
    place = next((place for place, axis in enumerate(plan.axes) if axis.name == "threads"), None)
    if place is None:
        return [tuple((curve, values) for curve in curves) for values in grid]
    rows: dict[tuple[int, ...], list[Values]] = {}
    for values in grid:
        rows.setdefault((*values[:place], *values[place + 1 :]), []).append(values)
    groups = []
    for row in rows.values():
        members = [(curve, values) for curve in curves for values in row]
        if len(members) <= MAX_MEMBERS:
            groups.append(tuple(members))
            continue
        # The least count joins every group, so that each is held against it.
        for curve in curves:
            first, *others = row
            size = MAX_MEMBERS - 1
            chunks = [others[start : start + size] for start in range(0, len(others), size)] or [[]]
            groups += [tuple((curve, values) for values in (first, *chunk)) for chunk in chunks]
    return groups


def without_lost(group: tuple[Member, ...], sweep: Sweep) -> tuple[Member, ...]:
    """Leave out what can't be had."""
    return tuple(member for member in group if not any(lost.rules_out(*member) for lost in sweep.lost))


def _refine(sweep: Sweep) -> Iterator[Visit]:
    """Go to where two curves cross, in time or in money, the least known crossing first."""
    plan = sweep.info.plan
    wanted: list[tuple[float, Visit]] = []
    for family in sorted({each.values[1:] for each in sweep.timed}):
        for first, second in combinations(range(len(plan.curves)), 2):
            pairs = list_pairs(sweep.timed, first, second, family)
            in_money = price_pairs(pairs, plan.prices, plan.curves[first], plan.curves[second])
            chosen = (
                choose_value(judge_encounter(each, plan.alpha), plan.resolution) for each in (pairs, in_money) if each
            )
            for urgency, value in filter(None, chosen):
                members = without_lost(tuple((curve, (value, *family)) for curve in (first, second)), sweep)
                if len(members) == 2:
                    wanted.append((urgency, Visit(members, is_refining=True)))
    yield from (visit for _, visit in sorted(wanted, key=lambda each: (-each[0], each[1].members)))
