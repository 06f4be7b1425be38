"""What a check of the tool by itself has found, as lines."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bench.judge.race import Estimate
from bench.judge.visibility import Noise, half_width_within, seconds_for, smallest_difference
from bench.records.race import RacePlan
from bench.records.selfcheck import KnownRace, SelfCheck
from bench.render.race import ratio_of
from bench.render.summary import describe_machine
from bench.render.units import duration, number

BUDGETS = (10.0, 60.0, 300.0)


def describe_selfcheck(check: SelfCheck) -> Iterator[str]:
    """Say what was found; text from elsewhere is left as it is."""
    timer = check.timer
    yield f"Checked on {describe_machine(check.environment)}"
    yield (
        f"Timer of {check.device}: resolution {number(timer.resolution_seconds * 1e9)} ns, a reading "
        f"{number(timer.cost_seconds * 1e9)} ns, a block of nothing {number(timer.floor_seconds * 1e9)} ns; the truth "
        "test has passed"
    )
    for race in check.races:
        yield _describe_race(race)
    for layout, race in (("one layout", find_race(check, True)), ("any layout", find_race(check, False))):
        noise = noise_of(race)
        seen = (
            f"{duration(seconds)}: {_show(smallest_difference(noise, seconds, check.alpha, check.dead_zone))}"
            for seconds in BUDGETS
            if seconds >= 60 or layout == "one layout"
        )
        yield f"Smallest slowdown that four races of five see here, {layout}: {', '.join(seen)}"


def warn_of_resolution(check: SelfCheck, plan: RacePlan) -> str | None:
    """Say that this machine can't narrow an interval so far within the budget, by its own check; None where it can."""
    noise = noise_of(find_race(check, plan.shares_layout))
    reached = half_width_within(noise, plan.budget_seconds, plan.alpha)
    if reached is not None and reached <= math.log1p(plan.resolution):
        return None
    shown = "too few pairs fit" if reached is None else f"+-{math.expm1(reached):.2%} is what it reaches"
    seconds = seconds_for(noise, math.log1p(plan.resolution), plan.alpha)
    longer = "no budget is enough" if seconds is None else f"it would take about {duration(seconds)}"
    return (
        f"+-{plan.resolution:.2%} within {duration(plan.budget_seconds)} is more than this machine could do when it "
        f"was checked ({check.started_at[:10]}): {shown}; {longer}"
    )


def find_race(check: SelfCheck, shares_layout: bool) -> KnownRace:
    """Return the race of one thing with itself."""
    name = "a against a, one layout" if shares_layout else "a against a"
    return next(race for race in check.races if race.name == name)


def noise_of(race: KnownRace) -> Noise:
    """Return what a race of one thing with itself says of the machine."""
    return Noise(race.spread, race.seconds / race.num_pairs)


def _describe_race(race: KnownRace) -> str:
    found = Estimate(race.num_pairs, race.mean, race.half_width, race.spread)
    truth = (
        "" if race.truth is None else f"; truth {math.exp(race.truth):.4f}, {'held' if race.holds_truth else 'MISSED'}"
    )
    took = f"{race.num_pairs} pairs in {duration(race.seconds)}, spread between pairs {race.spread:.2%}"
    return f"{race.name}: {race.verdict}, time ratio {ratio_of(found)}{truth}; {took}"


def _show(share: float | None) -> str:
    return "none" if share is None else f"{share:.1%}"
