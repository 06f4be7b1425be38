"""What a check of the tool by itself finds out beforehand, on clocks that a test moves."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bench.measure.selfcheck import find_resolution, inspect_timer, time_injection
from bench.workloads.productnet import WatchedBatching
from tests.bench.measure.fakes import ScriptedClock


def test_the_resolution_is_the_least_step_of_the_clock_and_no_reading_of_the_same_moment() -> None:
    readings = iter([0.0, 0.0, 3e-8, 3e-8, 1e-7, 1.4e-7])
    assert find_resolution(lambda: next(readings), 6) == pytest.approx(3e-8)


def test_a_clock_that_never_moves_has_none() -> None:
    assert find_resolution(ScriptedClock(), 10) == 0.0


def test_the_timer_of_the_cpu_is_looked_at_in_a_process_of_its_own() -> None:
    timer = inspect_timer("cpu")
    assert 0 < timer.resolution_seconds < 0.1
    assert 0 < timer.cost_seconds <= timer.floor_seconds < 0.1


def test_the_size_of_an_injection_is_the_logarithm_of_with_over_without(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ScriptedClock()

    def train(self: object, num_epochs: int) -> list[float]:
        batching = self.batching  # type: ignore[attr-defined]
        slowed: Any = batching.inner if isinstance(batching, WatchedBatching) else batching
        for _ in range(num_epochs):
            for _ in batching.epoch():
                clock.pass_time(1.0 + slowed.num_spins / 1_000)
        return [0.0] * num_epochs

    monkeypatch.setattr("productnet.train.Training.train", train)
    monkeypatch.setattr("productnet.train.Training.prepare", lambda _self: None)
    assert time_injection(50, clock, num_couples=3) == pytest.approx(math.log(1.05))
