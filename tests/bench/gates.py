"""Gates made by hand: each race from the differences of its pairs, so that a test shows only those."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from bench.records.gate import Gate, GatedCase, GateInfo
from bench.records.journal import Trained
from bench.records.race import Arm, Fallen, Race, RaceEnded, RaceInfo, RacePlan, Round, Source, StopReason
from tests.bench.runs import ENVIRONMENT, LEARNED, make_case, make_trained

BASE = "b" * 40
HEAD = "a" * 40
COUPLES = 3


def make_gated(engine: str = "eager", allowed: float = 0.02, device: str = "cpu") -> GatedCase:
    """Return a case and its budget."""
    return GatedCase(
        case=make_case(engine, device=device), allowed=allowed, resolution=allowed / 2, budget_seconds=60.0
    )


def make_plan(gated: GatedCase, alpha: float = 0.05) -> RacePlan:
    """Return what a gate's race sets out to do."""
    base = Arm(
        label="a",
        settings=f"rev={BASE}",
        case=gated.case,
        workload="none:None",
        source=Source(revision=BASE, tree="/base"),
    )
    head = Arm(label="b", settings="tree=.", case=gated.case, workload="none:None", source=Source(tree="/head"))
    return RacePlan(
        arms=(base, head),
        budget_seconds=gated.budget_seconds,
        resolution=gated.resolution,
        alpha=alpha,
        dead_zone=gated.allowed,
        margin=gated.allowed,
        num_quality_seeds=3,
        shares_layout=False,
        seed=1,
    )


def make_rounds(differences: Sequence[float], disturbance: str | None = None) -> tuple[Round, ...]:
    """Return the rounds of a pair for each difference, ln(head / base)."""
    return tuple(
        Round(
            pair=pair,
            arm=1,
            round=number,
            is_reversed=number % 2 == 1,
            num_steps=10,
            seconds=(0.001, 0.001 * math.exp(difference)),
            # Of each pair's last couple: enough are left to tell, and a quarter of the rounds is gone.
            disturbance=disturbance if number >= 2 * COUPLES else None,
        )
        for pair, difference in enumerate(differences)
        for number in range(2 * COUPLES + 2 * (disturbance is not None))
    )


def make_race(
    gated: GatedCase,
    differences: Sequence[float],
    *,
    alpha: float = 0.05,
    reason: StopReason | None = "resolved",
    disturbance: str | None = None,
    fallen: Sequence[Fallen] = (),
    trained: Sequence[Trained] = (),
    command: str = "python -m bench.race",
) -> Race:
    """Return a race whose pairs differ by so much."""
    info = RaceInfo(
        started_at="2026-01-02T03:04:05+00:00",
        command=command,
        environment=ENVIRONMENT,
        plan=make_plan(gated, alpha),
    )
    return Race(
        info=info,
        seated=(),
        rounds=make_rounds(differences, disturbance),
        trained=tuple(trained),
        fallen=tuple(fallen),
        ended=None if reason is None else RaceEnded(reason=reason, seconds=30.0),
    )


def make_fallen(arm: int = 1, kind: str = "crashed", reason: str = "RuntimeError: out of luck") -> Fallen:
    """Return an arm that could not go on."""
    return Fallen(pair=1, arm=arm, kind=kind, stage="race", reason=reason)  # type: ignore[arg-type]


def make_trainings(head_errors: Sequence[float], base_errors: Sequence[float]) -> list[Trained]:
    """Return whole trainings of both arms with these held-out errors, one for each seed."""
    return [
        msgspec.structs.replace(
            make_trained(make_case(), replicate=seed, losses=(0.5, error)),
            case=label,
            heldout_accuracy=msgspec.structs.replace(LEARNED, mse=error),
        )
        for label, errors in (("a", base_errors), ("b", head_errors))
        for seed, error in enumerate(errors)
    ]


def make_gate_info(*cases: GatedCase, alpha: float = 0.05, base: str = "origin/main", command: str = "") -> GateInfo:
    """Return what `gate.json` holds."""
    return GateInfo(
        started_at="2026-01-02T03:04:05+00:00",
        command=command or f"python -m bench.gate --base {base}",
        environment=ENVIRONMENT,
        base=base,
        base_commit=BASE,
        head_commit=HEAD,
        is_unchanged=False,
        alpha=alpha,
        cases=cases,
    )


def make_gate(*races: Sequence[Race], alpha: float = 0.05, cases: Sequence[GatedCase] = ()) -> Gate:
    """Return a gate from the races of each case; without `cases` they are named in order."""
    gated = cases or [make_gated(f"engine-{number}") for number in range(len(races))]
    return Gate(make_gate_info(*gated, alpha=alpha), tuple(tuple(each) for each in races))
