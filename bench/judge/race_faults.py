"""What is wrong with a stored race: its records held against its plan, and against each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from bench.judge.faults import Fault, check_numbers, check_start, check_trained, fault_at, fault_of, total
from bench.judge.pairs import MIN_COUPLES
from bench.judge.race import LOOKS, judge_race
from bench.records.journal import Trained
from bench.records.race import Race, RaceEnded, RaceInfo, RaceRecord, Round, Seated, assemble_race
from bench.records.store import RACE_FILE

LARGEST_ROUNDING_SECONDS = 1e-5
"""Of a block's laps together, each of which is rounded to a nanosecond."""


def find_race_faults(info: RaceInfo, records: Sequence[RaceRecord]) -> Iterator[Fault]:
    """Find what is missing, doubled, out of order, or does not follow from the rounds.

    Raises:
        ValueError: when a record is of an arm that the plan lacks.
    """
    race = assemble_race(info, records)
    numbered = list(enumerate(records, 1))
    yield from check_start(RACE_FILE, info.started_at)
    yield from _check_end(race, numbered)
    yield from _check_seats(race, numbered)
    yield from _check_rounds(race, numbered)
    yield from _check_trainings(race, numbered)


def _check_end(race: Race, numbered: list[tuple[int, RaceRecord]]) -> Iterator[Fault]:
    ends = [(line, each) for line, each in numbered if isinstance(each, RaceEnded)]
    if not ends:
        yield fault_of("race ended", "a record that the race is over", "none: it was killed")
        return
    line, ended = ends[0]
    for later, each in numbered[line:]:
        if isinstance(each, Round | RaceEnded):
            yield fault_at(later, "type", "no round after the race is over", type(each).__name__.lower())
    took = [second for each in race.rounds for second in each.seconds]
    if ended.seconds < total(took):
        yield fault_at(line, "seconds", f"at least what its rounds took, {sum(took):.6g}", repr(ended.seconds))
    if ended.reason == "interrupted":
        yield fault_at(line, "reason", "a race that came to its end", "interrupted")
    if ended.reason == "failed" and not race.fallen:
        yield fault_at(line, "reason", "an arm that could not go on", "none")
    if ended.reason == "trained" and race.rounds:
        yield fault_at(line, "reason", "a race, since there are rounds", "trained")
    if ended.reason == "resolved":
        yield from _check_resolution(race, line)


def _check_resolution(race: Race, line: int) -> Iterator[Fault]:
    """It says that its interval was as narrow as asked: it has to be so, at one of the looks."""
    num_pairs = len({each.pair for each in race.rounds})
    if num_pairs not in LOOKS:
        yield fault_at(line, "reason", f"resolved at one of {LOOKS} pairs", f"{num_pairs} pairs")
    for each in judge_race(race):
        half_width = each.estimate.half_width if each.estimate else math.inf
        if half_width > math.log1p(race.info.plan.resolution) * (1 + 1e-9):
            expected = f"resolved: a half-width up to {race.info.plan.resolution:g}"
            yield fault_at(line, "reason", expected, f"arm {race.info.plan.arms[each.arm].label}: {half_width:.6g}")


def _check_seats(race: Race, numbered: list[tuple[int, RaceRecord]]) -> Iterator[Fault]:
    """Before an arm's rounds of a pair its process is set up."""
    seated: set[tuple[int, int]] = set()
    missed: set[tuple[int, int]] = set()
    for line, each in numbered:
        if isinstance(each, Seated):
            seated.add((each.pair, each.arm))
        elif isinstance(each, Round):
            for arm in (0, each.arm):
                if (each.pair, arm) not in seated | missed:
                    missed.add((each.pair, arm))
                    label = race.info.plan.arms[arm].label
                    yield fault_at(line, f"pair {each.pair}, arm {label}", "'seated' before its rounds", "none")


def _check_rounds(race: Race, numbered: list[tuple[int, RaceRecord]]) -> Iterator[Fault]:
    """Pairs follow each other, each with the same rounds of the same steps, in turn from the front and in reverse."""
    rounds: dict[tuple[int, int], list[tuple[int, Round]]] = {}
    for line, each in numbered:
        if isinstance(each, Round):
            rounds.setdefault((each.pair, each.arm), []).append((line, each))
    if not rounds:
        return
    first = next(iter(rounds.values()))
    pairs = list(dict.fromkeys(pair for pair, _ in rounds))
    yield from check_numbers("pairs", pairs, None, first[0][0])
    is_cut = race.ended is None or race.ended.reason in ("failed", "interrupted")
    arms = range(1, len(race.info.plan.arms))
    for pair in pairs:
        for arm in arms:
            found = rounds.get((pair, arm), [])
            line = found[0][0] if found else first[0][0]
            name = f"pair {pair}, arm {race.info.plan.arms[arm].label}, rounds"
            may_be_short = is_cut and pair == pairs[-1]
            # Whole couples, as many for every arm; how many of them went into a pair's time is its own affair.
            longest = max(len(rounds.get((pair, each), [])) for each in arms)
            num_rounds = max(2 * MIN_COUPLES, 2 * math.ceil(longest / 2))
            yield from check_numbers(
                name, [each.round for _, each in found], None if may_be_short else num_rounds, line
            )
            yield from _check_turns(found, first[0][1].num_steps)


def _check_turns(rounds: list[tuple[int, Round]], num_steps: int) -> Iterator[Fault]:
    for (_, before), (line, each) in pairwise(rounds):
        if each.is_reversed == before.is_reversed:
            yield fault_at(line, "is_reversed", "the other order than in the round before", each.is_reversed)
    for line, each in rounds:
        if each.num_steps != num_steps:
            yield fault_at(line, "num_steps", f"{num_steps}, as in the first round", each.num_steps)
        for seconds, laps in zip(each.seconds, each.laps or (), strict=False):
            num_laps = sum(map(len, laps))
            if num_laps != each.num_steps:
                yield fault_at(line, "laps", f"{each.num_steps}, as many as steps", num_laps)
            took = sum(map(sum, laps)) / 1e9
            if abs(took - seconds) > LARGEST_ROUNDING_SECONDS:
                yield fault_at(line, "laps", f"laps that together take {seconds:.9g} s", f"{took:.9g} s")


def _check_trainings(race: Race, numbered: list[tuple[int, RaceRecord]]) -> Iterator[Fault]:
    """Every arm trains every seed to its end; the first alone where all of them then have the same bits."""
    plan = race.info.plan
    losses = {arm.label: arm.case.count_losses(1) for arm in plan.arms}
    for line, each in numbered:
        if isinstance(each, Trained):
            yield from check_trained(each, line, losses[each.case])
    is_cut = race.ended is None or race.ended.reason in ("failed", "interrupted") or bool(race.fallen)
    firsts = [(each.digest, each.epoch_losses) for each in race.trained if each.replicate == 0]
    agree = len(firsts) == len(plan.arms) and firsts == firsts[:1] * len(firsts)
    num_seeds = min(plan.num_quality_seeds, 1) if agree else plan.num_quality_seeds
    for label in losses:
        seeds = [each.replicate for each in race.trained if each.case == label]
        wanted = list(range(len(seeds) if is_cut else num_seeds))
        if seeds != wanted:
            yield fault_of(f"trainings of arm {label}", f"seeds {wanted}", seeds)
