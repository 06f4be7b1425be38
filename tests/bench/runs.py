"""Runs made by hand, so that a test shows only the numbers that it is about.

A training of two blocks, and what comes of it:

    base, other = make_case(), make_case("eager")
    run = make_run([base, other], make_training(base, [4.0, 4.0]), make_training(other, [1.0, 1.0]))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from bench.records.case import Case
from bench.records.energy import Drawn, Metered, Scope
from bench.records.environment import Accelerator, Environment, Identity, Recorded
from bench.records.journal import (
    PHASES,
    AccuracyRecord,
    Block,
    BlockKind,
    Counted,
    Ended,
    Energy,
    Failed,
    Record,
    Started,
    Trained,
)
from bench.records.plan import Plan
from bench.records.rates import RATES, Rates, StepWork
from bench.records.run import Run, RunInfo, assemble_run

LEARNED = AccuracyRecord(
    mse=0.09,
    rmse=0.3,
    mean_absolute_error=0.2,
    largest_error=2.5,
    mean_relative_error=0.0125,
    r_squared=0.9998,
    share_within_1_percent=0.625,
    share_within_5_percent=0.9375,
)

ENVIRONMENT = Environment(
    identity=Identity(
        cpu_model="Example CPU",
        num_cpus_granted=2.0,
        accelerators=(Accelerator(name="cuda:0", model_name="Example GPU"),),
        python_version="3.12.1",
        torch_version="2.13.0",
    ),
    recorded=Recorded(os_release="Linux-6.1"),
)


def make_case(
    engine: str = "reference",
    batching: str = "manual",
    device: str = "cpu",
    num_threads: int = 1,
    num_epochs: int = 1_000,
    precision: str = "fp32",
) -> Case:
    """Return a case."""
    return Case(
        device=device,
        engine=engine,
        batching=batching,
        precision=precision,
        num_threads=num_threads,
        num_epochs=num_epochs,
    )


def make_info(
    cases: Sequence[Case],
    num_replicates: int = 1,
    environment: Environment | None = ENVIRONMENT,
    label: str | None = None,
    reference: Case | None = None,
    rungs: Sequence[Case] = (),
    prices: Mapping[str, float] | None = None,
) -> RunInfo:
    """Return what `run.json` holds; the first case is the baseline, and the reference where none is named."""
    return RunInfo(
        started_at="2026-01-02T03:04:05+00:00",
        label=label,
        command="python -m bench.run",
        plan=Plan(
            suite="quick",
            cases=tuple(cases),
            num_replicates=num_replicates,
            seed=1,
            reference=reference or cases[0],
            rungs=tuple(case.name for case in rungs),
        ),
        environment=environment,
        prices=dict(prices or {}),
    )


def make_run(
    cases: Sequence[Case],
    *records: Iterable[Record],
    num_replicates: int = 1,
    environment: Environment | None = ENVIRONMENT,
    label: str | None = None,
    is_complete: bool = True,
    reference: Case | None = None,
    rungs: Sequence[Case] = (),
    prices: Mapping[str, float] | None = None,
) -> Run:
    """Return a run of these cases with all these records."""
    info = make_info(cases, num_replicates, environment, label, reference, rungs, prices)
    ended = Ended(is_complete=is_complete, seconds=75.0)
    return assemble_run(info, [*(record for group in records for record in group), ended])


def make_counted(
    case: Case, operators: float | None, kernels: float | None = None, replicate: int = 0, reason: str | None = None
) -> Counted:
    """Return the record of what a step calls."""
    return Counted(
        case=case.name,
        replicate=replicate,
        wave=0,
        operators_per_step=operators,
        kernels_per_step=kernels,
        reason=reason,
    )


def make_energy(
    case: Case,
    *meters: Metered,
    num_steps: int = 2_000,
    seconds: float = 10.0,
    replicate: int = 0,
    wave: int = 0,
) -> Energy:
    """Return the record of what a case draws; a step takes 100 samples."""
    return Energy(
        case=case.name,
        replicate=replicate,
        wave=wave,
        meters=meters,
        num_steps=num_steps,
        num_samples=100 * num_steps,
        seconds=seconds,
    )


def make_meter(scope: Scope, idle_watts: float, watts: float, name: str = "a counter") -> Metered:
    """Return what a counter said within ten seconds."""
    idle, training = (Drawn(joules=10 * each, seconds=10.0, num_refreshes=100) for each in (idle_watts, watts))
    return Metered(scope=scope, name=name, idle=idle, training=training)


def make_rates(
    registers: float | None,
    matrix: float | None = 4e10,
    stream: float | None = 1e10,
    operators: float | None = 5e5,
    *,
    device: str = "cpu",
    precision: str = "fp32",
    num_threads: int = 1,
    wave: int = 0,
    reason: str = "it needs Numba",
) -> Rates:
    """Return the record of what a device did at most; a rate that is None has the reason."""
    rates = dict(zip(RATES, (registers, matrix, stream, operators), strict=True))
    return Rates(
        device=device,
        precision=precision,
        num_threads=num_threads,
        wave=wave,
        **{name: rate for name, rate in rates.items() if rate is not None},
        reasons={name: reason for name, rate in rates.items() if rate is None},
    )


def make_started(
    case: Case,
    replicate: int = 0,
    wave: int = 0,
    setup_seconds: float = 0.25,
    compile_seconds: float = 0.5,
    timer_floor_seconds: float = 1e-6,
    work: StepWork | None = None,
) -> Started:
    """Return the record of a worker that is ready."""
    return Started(
        case=case.name,
        replicate=replicate,
        wave=wave,
        setup_seconds=setup_seconds,
        compile_seconds=compile_seconds,
        pilot_epoch_seconds=0.01,
        timer_floor_seconds=timer_floor_seconds,
        work=work,
    )


def make_block(
    case: Case,
    seconds: float,
    kind: BlockKind = "train",
    round: int = 0,  # noqa: A002 - the field's name
    *,
    replicate: int = 0,
    wave: int = 0,
    num_steps: int = 100,
    repetition: int = 0,
    phase_seconds: Sequence[float] | None = None,
) -> Block:
    """Return a timed block; a step takes 100 samples, and phases come in the order of `PHASES`."""
    return Block(
        case=case.name,
        replicate=replicate,
        wave=wave,
        round=round,
        kind=kind,
        num_steps=num_steps,
        num_samples=100 * num_steps,
        seconds=seconds,
        repetition=repetition,
        phase_seconds=None if phase_seconds is None else dict(zip(PHASES, phase_seconds, strict=True)),
    )


def make_trained(
    case: Case,
    replicate: int = 0,
    wave: int = 0,
    losses: Sequence[float | None] = (0.5, 0.25),
    digest: str = "the same",
    heldout: AccuracyRecord = LEARNED,
) -> Trained:
    """Return the record of a training that came to its end."""
    return Trained(
        case=case.name,
        replicate=replicate,
        wave=wave,
        digest=digest,
        epoch_losses=tuple(losses),
        training_accuracy=LEARNED,
        heldout_accuracy=heldout,
    )


def make_failed(
    case: Case, replicate: int = 0, wave: int = 0, reason: str = "ended by SIGKILL", stage: str = "train"
) -> Failed:
    """Return the record of a case that was lost."""
    return Failed(
        case=case.name,
        replicate=replicate,
        wave=wave,
        kind="killed",
        stage=stage,
        reason=reason,
        repeat_command=f"python -m bench.run --device {case.device} --engine {case.engine}",
    )


def make_prefix(case: Case, prefix: str, seconds: float, replicate: int = 0, number: int = 0) -> Block:
    """Return a block of a hundred steps that ran their first parts alone."""
    block = make_block(case, seconds, "plain", round=number, replicate=replicate)
    return msgspec.structs.replace(block, kind="prefix", prefix=prefix)


def make_training(
    case: Case,
    seconds: Sequence[float],
    *,
    replicate: int = 0,
    wave: int = 0,
    num_steps: int = 100,
    losses: Sequence[float | None] = (0.5, 0.25),
    digest: str = "the same",
    r_squared: float | None = 0.9998,
    mse: float | None = 0.09,
    work: StepWork | None = None,
) -> list[Record]:
    """Return one whole training: a block for each round with its seconds, between set-up and judgement."""
    blocks = [
        make_block(case, each, round=number, replicate=replicate, wave=wave, num_steps=num_steps)
        for number, each in enumerate(seconds)
    ]
    heldout = msgspec.structs.replace(LEARNED, r_squared=r_squared, mse=mse)
    return [
        make_started(case, replicate, wave, work=work),
        *blocks,
        make_trained(case, replicate, wave, losses, digest, heldout),
    ]


def make_details(
    case: Case,
    *,
    plain: Sequence[float],
    timed: Sequence[float],
    phases: Sequence[Sequence[float]],
    inference: Sequence[float] = (),
    replicate: int = 0,
    wave: int = 0,
) -> list[Record]:
    """Return the blocks after a training, one of each kind for each round.

    Args:
        plain: seconds of the blocks without inner timers.
        timed: seconds of the blocks with them.
        phases: for each timed block, its seconds in the order of `PHASES`.
        inference: seconds of the blocks of inference.
    """
    untimed: list[tuple[BlockKind, Sequence[float]]] = [("plain", plain), ("inference", inference)]
    blocks = [
        make_block(case, each, kind, number, replicate=replicate, wave=wave)
        for kind, seconds in untimed
        for number, each in enumerate(seconds)
    ]
    blocks += [
        make_block(case, each, "phases", number, replicate=replicate, wave=wave, phase_seconds=parts)
        for number, (each, parts) in enumerate(zip(timed, phases, strict=True))
    ]
    return [*blocks]
