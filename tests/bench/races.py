"""Races made by hand, so that a test shows only the numbers that it is about.

Four pairs of processes in which the second arm takes 0, 1, 2 and 3 % more, on the logarithm:

    race = make_race([0.00, 0.01, 0.02, 0.03])
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from bench.records.environment import Environment
from bench.records.journal import Trained
from bench.records.race import (
    Arm,
    Fallen,
    Race,
    RaceEnded,
    RaceInfo,
    RacePlan,
    RaceRecord,
    Round,
    Seated,
    assemble_race,
)
from bench.records.store import create_run
from tests.bench.runs import ENVIRONMENT, LEARNED, make_case

WORKLOAD = "bench.workloads.productnet:ProductNet"
ARMS = (
    Arm(label="a", settings="engine=eager", case=make_case("eager"), workload=WORKLOAD),
    Arm(label="b", settings="engine=reference", case=make_case("reference"), workload=WORKLOAD),
)
THIRD = Arm(label="c", settings="engine=eager threads=2", case=make_case("eager", num_threads=2), workload=WORKLOAD)
STEP_SECONDS = 0.001
ENDED = RaceEnded(reason="resolved", seconds=40.0)


def make_plan(*arms: Arm, **changes: object) -> RacePlan:
    """Return a plan; two arms where none are given."""
    plan = RacePlan(
        arms=arms or ARMS,
        budget_seconds=60.0,
        resolution=0.008,
        alpha=0.05,
        dead_zone=0.005,
        margin=0.02,
        num_quality_seeds=3,
        shares_layout=False,
        seed=1,
    )
    return msgspec.structs.replace(plan, **changes)


def make_race_info(
    plan: RacePlan | None = None, environment: Environment | None = ENVIRONMENT, label: str | None = None
) -> RaceInfo:
    """Return what `race.json` holds."""
    return RaceInfo(
        started_at="2026-01-02T03:04:05+00:00",
        label=label,
        command="python -m bench.race",
        environment=environment,
        plan=plan or make_plan(),
    )


def make_round(
    number: int,
    difference: float,
    pair: int = 0,
    disturbance: str | None = None,
    starts_reversed: bool = False,
    arm: int = 1,
) -> Round:
    """Return a round of 25 steps; the first arm takes 1 ms a step, the other exp(difference) times as long."""
    return Round(
        pair=pair,
        arm=arm,
        round=number,
        is_reversed=(number % 2 == 0) == starts_reversed,
        num_steps=25,
        seconds=(25 * STEP_SECONDS, 25 * STEP_SECONDS * math.exp(difference)),
        disturbance=disturbance,
    )


def make_rounds(*seconds: tuple[float, float]) -> list[Round]:
    """Return rounds of one pair, from the seconds of both arms' blocks."""
    return [msgspec.structs.replace(make_round(number, 0.0), seconds=each) for number, each in enumerate(seconds)]


def make_pair(pair: int, *differences: float, num_rounds: int = 6) -> list[Round]:
    """Return the rounds of a pair in which every round shows the same differences, one for each arm but the first."""
    return [
        make_round(number, difference, pair=pair, arm=arm)
        for number in range(num_rounds)
        for arm, difference in enumerate(differences, 1)
    ]


def make_pairs(differences: Iterable[float | Sequence[float]], num_rounds: int = 6) -> list[Round]:
    """Return the rounds of several pairs, each with its difference; of more than two arms, its differences."""
    return [
        each
        for pair, difference in enumerate(differences)
        for each in make_pair(
            pair, *([difference] if isinstance(difference, int | float) else difference), num_rounds=num_rounds
        )
    ]


def make_seated(pair: int, arm: int, torch_version: str = "2.13.0") -> Seated:
    """Return the record of a process that waits for its turn."""
    return Seated(
        pair=pair,
        arm=arm,
        load_seconds=3.5,
        setup_seconds=0.25,
        compile_seconds=0.5,
        pilot_epoch_seconds=0.01,
        torch_version=torch_version,
        cores=(0, 1),
    )


def make_fallen(arm: int = 1, reason: str = "ended by SIGKILL", kind: str = "killed") -> Fallen:
    """Return the record of an arm that could not go on."""
    fallen = Fallen(pair=0, arm=arm, kind="killed", stage="race", reason=reason)
    return msgspec.structs.replace(fallen, kind=kind)


def make_schooled(
    label: str,
    seed: int = 0,
    *,
    losses: Sequence[float | None] = (0.5, 0.25),
    mse: float | None = 0.09,
    r_squared: float | None = 0.9998,
    digest: str = "the same",
) -> Trained:
    """Return the record of a whole training of an arm."""
    return Trained(
        case=label,
        replicate=seed,
        wave=0,
        digest=digest,
        epoch_losses=tuple(losses),
        training_accuracy=LEARNED,
        heldout_accuracy=msgspec.structs.replace(LEARNED, mse=mse, r_squared=r_squared),
    )


def make_race(
    differences: Iterable[float | Sequence[float]] = (),
    *records: RaceRecord,
    plan: RacePlan | None = None,
    ended: RaceEnded | None = ENDED,
) -> Race:
    """Return a race of these pairs with these further records."""
    every = [*make_pairs(differences), *records, *([ended] if ended else [])]
    return assemble_race(make_race_info(plan), every)


def write_race(path: Path, differences: Iterable[float | Sequence[float]] = (0.0, 0.001, 0.002, 0.003)) -> Path:
    """Write a race of these pairs."""
    with create_run(make_race_info(), path, ()) as directory:
        for each in make_pairs(differences):
            directory.append(each)
        directory.append(ENDED)
    return path
