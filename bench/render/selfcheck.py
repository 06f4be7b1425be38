"""What a check of the tool by itself has found, as lines."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bench.judge.race import Estimate
from bench.judge.visibility import Noise, half_width_within, seconds_for, smallest_difference
from bench.records.case import Case
from bench.records.race import RacePlan, Source
from bench.records.selfcheck import KnownRace, SelfCheck
from bench.render.escape import for_markdown
from bench.render.race import ratio_of
from bench.render.summary import describe_machine
from bench.render.units import duration, number

ANY_LAYOUT, ONE_LAYOUT, ONE_LAYOUT_IN_10_S = "a against a", "a against a, one layout", "a against a, one layout, 10 s"
_CHECKED = Case(device="cpu", engine="eager", batching="manual", num_threads=1, num_epochs=1_000)
"""What a check races."""


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
    for name, budgets in ((ONE_LAYOUT_IN_10_S, (10.0,)), (ONE_LAYOUT, (60.0, 300.0)), (ANY_LAYOUT, (60.0, 300.0))):
        race = find_race(check, name)
        for seconds in budgets:
            yield _describe_seen(check, race, seconds)


def to_section(check: SelfCheck) -> str:
    """Write what was found as a list for a document."""
    lines = "\n".join(f"- {for_markdown(line)}" for line in describe_selfcheck(check))
    return f"`python -m bench.selfcheck --publish`, {for_markdown(check.started_at[:10])}:\n\n{lines}"


def _describe_seen(check: SelfCheck, race: KnownRace, seconds: float) -> str:
    """Say what a race of this kind sees in so much time, and with which flags."""
    noise = noise_of(race)
    where = "in any layout" if race.name == ANY_LAYOUT else "in one layout"
    seen = smallest_difference(noise, seconds, check.alpha, check.dead_zone)
    half_width = half_width_within(noise, seconds, check.alpha)
    if seen is None or half_width is None:
        return f"In {duration(seconds)}, {where}, no slowdown can be told: too few pairs fit"
    flags = f"--budget {seconds:.0f}s --resolution {math.expm1(half_width):.2%}"
    flags += "" if race.name == ANY_LAYOUT else " --shared-layout"
    return f"In {duration(seconds)}, {where}, four races of five see a slowdown of {seen:.1%} ({flags})"


def warn_of_resolution(check: SelfCheck, plan: RacePlan) -> str | None:
    """Say that this machine can't narrow an interval so far within the budget, by its own check; None where it can."""
    if any(arm.case != _CHECKED or arm.source != Source() for arm in plan.arms):
        return None  # of others it says nothing
    noise = noise_of(find_race(check, ONE_LAYOUT if plan.shares_layout else ANY_LAYOUT))
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


def warn_of_margin(check: SelfCheck, margin: float, dead_zone: float) -> str | None:
    """Say that a margin is finer than what five minutes of racing told on this machine; None where it is not."""
    seconds = 300.0
    seen = smallest_difference(noise_of(find_race(check, ANY_LAYOUT)), seconds, check.alpha, dead_zone)
    if seen is not None and seen <= margin:
        return None
    told = "no slowdown" if seen is None else f"slowdowns from {seen:.1%} on"
    return (
        f"A margin of {margin:.2%} is finer than what this machine could tell when it was checked "
        f"({check.started_at[:10]}): {told}, in a race of {duration(seconds)}"
    )


def find_race(check: SelfCheck, name: str) -> KnownRace:
    """Return one of the races of one thing with itself."""
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
