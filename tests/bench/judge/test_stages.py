from __future__ import annotations

import math

import msgspec
import pytest

from bench.judge.results import judge_run
from bench.judge.stages import count_payoff_epochs, judge_stages
from bench.judge.statistics import Summary
from bench.records.journal import Memory, Record, Started, Trained
from tests.bench.runs import make_case, make_run, make_started, make_training

BASE, OTHER = make_case(num_epochs=64), make_case("compiled-model", num_epochs=64)


def started(compile_seconds: float, *, is_cold: bool, replicate: int = 0) -> Record:
    record = make_started(OTHER, replicate, 0, 0.1, compile_seconds)
    return msgspec.structs.replace(record, is_cold=is_cold, first_step_seconds=compile_seconds / 2)


def test_a_cold_compile_is_told_from_the_warm_ones() -> None:
    run = make_run([OTHER], [started(8.0, is_cold=True)], [started(2.0, is_cold=False, replicate=1)])
    stages = judge_stages(run.measurements)
    assert stages.cold_warmup_seconds == Summary(1, 8.0, None, None)
    assert stages.cached_warmup_seconds == Summary(1, 2.0, None, None)
    assert stages.first_step_seconds == Summary(1, 4.0, None, None)


def test_memory_is_what_a_training_took_above_what_its_process_had() -> None:
    records = [
        msgspec.structs.replace(record, memory=Memory(baseline_bytes=300, peak_bytes=420, peak_device_bytes=7))
        if isinstance(record, Trained)
        else record
        for record in make_training(BASE, [1.0])
    ]
    stages = judge_stages(make_run([BASE], records).measurements)
    assert stages.memory_bytes == Summary(1, 120, None, None)
    assert stages.device_memory_bytes == Summary(1, 7, None, None)


@pytest.mark.parametrize(
    ("ours", "theirs", "epochs"),
    [
        # 6 s more to compile, 1/4 s less an epoch
        ((8.0, 0.5), (2.0, 0.75), 24),
        ((8.1, 0.5), (2.0, 0.75), 25),
        ((8.0, 0.75), (2.0, 0.75), None),
        ((8.0, 1.0), (2.0, 0.75), None),
        ((1.0, 0.5), (2.0, 0.75), 0),
    ],
)
def test_compiling_pays_off_when_what_is_saved_an_epoch_has_made_up_for_it(
    ours: tuple[float, float], theirs: tuple[float, float], epochs: int | None
) -> None:
    assert count_payoff_epochs(*ours, *theirs) == epochs


@pytest.mark.parametrize(("seconds", "epochs"), [(1.0, 384), (4.0, math.inf)])
def test_a_case_pays_off_against_the_baseline_of_its_run(seconds: float, epochs: float) -> None:
    # 64 epochs in 2 s here and in 1 s there, after compiling for 6 s more: 1/64 s is saved an epoch.
    base = [
        msgspec.structs.replace(each, is_cold=True, compile_seconds=2.0) if isinstance(each, Started) else each
        for each in make_training(BASE, [2.0])
    ]
    other = [started(8.0, is_cold=True), *make_training(OTHER, [seconds])[1:]]
    assert [each.payoff_epochs for each in judge_run(make_run([BASE, OTHER], base, other))] == [None, epochs]
