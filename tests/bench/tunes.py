"""Tunes made by hand, so that a test shows only the numbers that it is about.

Three settings that take 1.0, 1.1 and 0.9 of an epoch's time at first sight:

    tune = make_tune([1.0, 1.1, 0.9])
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench.records.case import Case
from bench.records.race import Arm, Race, RaceRecord
from bench.records.tune import Heat, Tried, Tune, TuneEnded, TuneInfo, TunePlan
from tests.bench.races import WORKLOAD, make_plan, make_race, make_schooled
from tests.bench.runs import ENVIRONMENT, make_case

ENDED = TuneEnded(reason="done", seconds=100.0)


def make_candidates(count: int) -> tuple[Case, ...]:
    """Return so many settings, on 1, 2, 3 and so on threads."""
    return tuple(make_case(num_threads=number + 1) for number in range(count))


def make_tune_info(candidates: Sequence[Case], **changes: object) -> TuneInfo:
    """Return what `tune.json` holds."""
    plan = TunePlan(
        candidates=tuple(candidates),
        workload=WORKLOAD,
        budget_seconds=120.0,
        alpha=0.05,
        dead_zone=0.005,
        margin=0.02,
        quality_margin=1.25,
        num_quality_seeds=3,
        seed=1,
    )
    return TuneInfo(
        started_at="2026-01-02T03:04:05+00:00",
        command="python -m bench.tune",
        environment=ENVIRONMENT,
        plan=msgspec.structs.replace(plan, **changes),
    )


def race_candidates(
    candidates: Sequence[Case],
    members: Sequence[int],
    differences: Sequence[float] | Sequence[Sequence[float]] = (),
    *records: RaceRecord,
    num_quality_seeds: int = 0,
) -> Race:
    """Return a race of candidates; of each pair, the differences of all but the first."""
    arms = [
        Arm(label=label, settings="", case=candidates[member], workload=WORKLOAD)
        for label, member in zip("abcdefgh", members, strict=False)
    ]
    plan = make_plan(*arms, num_quality_seeds=num_quality_seeds)
    return make_race(differences, *records, plan=plan)


def make_trainings(errors: Sequence[float], seeds: int = 3) -> list[RaceRecord]:
    """Return whole trainings of arms with their held-out errors."""
    return [
        make_schooled(label, seed, losses=(0.5, error + seed), mse=error * (1 + 0.001 * seed * number))
        for number, (label, error) in enumerate(zip("abcdefgh", errors, strict=False))
        for seed in range(seeds)
    ]


def make_tune(
    epochs: Sequence[float | None],
    heats: Sequence[tuple[Heat, Race]] = (),
    quality: Race | None = None,
    confirmation: Race | None = None,
    candidates: Sequence[Case] | None = None,
    ended: TuneEnded | None = ENDED,
) -> Tune:
    """Return a tune of settings that took so long at first sight; None can't be had."""
    tried = tuple(
        Tried(candidate=number, epoch_seconds=seconds)
        if seconds is not None
        else Tried(candidate=number, kind="unavailable", reason="there is none here")
        for number, seconds in enumerate(epochs)
    )
    info = make_tune_info(candidates or make_candidates(len(epochs)))
    return Tune(info, tried, tuple(heats), quality, confirmation, ended)


def make_whole_tune(
    confirmed: Sequence[Sequence[float]],
    errors: Sequence[float] = (0.09, 0.09, 0.09),
    candidates: Sequence[Case] | None = None,
) -> Tune:
    """Return a tune of four settings: of number 1, ahead in its heat, and 2 behind it; 3 can't be had.

    Args:
        confirmed: of each pair of the confirmation, the default's and the runner-up's difference to number 1.
        errors: held-out, of the default, number 1 and number 2.
    """
    candidates = candidates or make_candidates(4)
    heat = Heat(number=0, stage=0, candidates=(1, 0, 2))
    return make_tune(
        [1.2, 1.0, 1.1, None],
        [(heat, race_candidates(candidates, heat.candidates, [(0.2, 0.05)] * 4))],
        race_candidates(candidates, (0, 1, 2), (), *make_trainings(errors), num_quality_seeds=3),
        race_candidates(candidates, (1, 0, 2), confirmed) if confirmed else None,
        candidates,
    )
