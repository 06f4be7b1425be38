"""Counters that a test moves, and a clock that it moves: no waiting, and every joule known."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bench.measure import energy
from bench.measure.counters import Counter
from bench.measure.energy import LEAD_SECONDS, MAX_SECONDS, meter
from bench.measure.messages import BlockDone
from bench.measure.rounds import Probes, measure
from bench.records.energy import Metered
from bench.records.journal import Block, Energy, Failed, Record
from tests.bench.measure.fakes import ScriptedClock, launcher
from tests.bench.measure.test_isolation import QUICK, make_plan

REFRESH = 0.1
"""Seconds between two steps of NVML's counter, the slowest that is known."""


class FakeMachine:
    """Draws so many watts while it waits, others while it trains; what its counter shows is as old as its last step."""

    def __init__(self, idle_watts: float = 50.0, training_watts: float = 250.0, refresh: float = REFRESH) -> None:
        self.clock = ScriptedClock()
        self.watts, self.idle_watts, self.training_watts = idle_watts, idle_watts, training_watts
        self.refresh = refresh
        self.joules = self.shown = 1_000.0
        self._steps = 0

    def pass_time(self, seconds: float) -> None:
        self.clock.pass_time(seconds)
        self.joules += seconds * self.watts
        if math.floor(self.clock.now / self.refresh) != self._steps:
            self._steps = math.floor(self.clock.now / self.refresh)
            self.shown = self.joules

    def train(self, look: Callable[[], None]) -> BlockDone:
        """Train for half a second, a hundred steps of ten samples."""
        for _ in range(100):
            self.watts = self.training_watts
            self.pass_time(0.005)
            look()
        return BlockDone(num_steps=100, num_samples=1_000, seconds=0.5)

    def meter(self, *counters: Counter) -> tuple[tuple[Metered, ...], list[BlockDone]]:
        return meter(counters, self.train, self.clock, self.pass_time)


def make_counter(read: Callable[[], float | None], range_joules: float | None = None) -> Counter:
    return Counter("cpu", "a counter", read, range_joules)


def test_power_is_what_the_counter_went_on_by_idle_and_in_training_however_coarse_its_steps() -> None:
    machine = FakeMachine()
    (found,), blocks = machine.meter(make_counter(lambda: machine.shown))
    assert found.idle is not None
    assert found.training is not None
    assert found.idle.watts == pytest.approx(50.0, rel=0.002)
    assert found.training.watts == pytest.approx(250.0, rel=0.002)
    assert found.idle.num_refreshes == 100
    assert 100 <= found.training.num_refreshes <= 105, "the block in which the hundredth comes is trained to its end"
    assert found.training.seconds == pytest.approx(10.2, rel=0.03)
    assert sum(block.seconds for block in blocks) == pytest.approx(LEAD_SECONDS + 10.0, abs=1.0)


def test_a_counter_that_moves_at_every_look_is_watched_for_two_seconds_and_no_less() -> None:
    machine = FakeMachine(refresh=0.001)
    (found,), _ = machine.meter(make_counter(lambda: machine.shown))
    assert found.training is not None
    assert 2.0 <= found.training.seconds < 2.6
    assert found.training.watts == pytest.approx(250.0, rel=0.005)


def test_one_that_is_to_be_watched_for_longer_is() -> None:
    machine = FakeMachine(refresh=0.001)
    (found,), _ = machine.meter(replace(make_counter(lambda: machine.shown), min_seconds=10.0))
    assert found.training is not None
    assert 10.0 <= found.training.seconds < 10.6


def test_what_is_drawn_before_the_power_is_steady_does_not_count() -> None:
    machine = FakeMachine(refresh=0.001)
    burst = machine.joules
    machine.watts = 10_000.0  # left over from the training before
    waited: list[float] = []

    def wait(seconds: float) -> None:
        machine.pass_time(seconds)
        waited.append(seconds)
        if sum(waited) > LEAD_SECONDS / 2:
            machine.watts = 50.0

    (found,), _ = meter((make_counter(lambda: machine.shown),), machine.train, machine.clock, wait)
    assert machine.joules - burst > 5_000
    assert found.idle is not None
    assert found.idle.watts == pytest.approx(50.0, rel=0.005)


def test_a_counter_that_does_not_move_is_not_resolved_and_costs_no_training() -> None:
    machine = FakeMachine()
    (found,), blocks = machine.meter(make_counter(lambda: 4_711.0))
    assert (found.idle, found.training) == (None, None)
    assert "did not move for 2 s" in (found.reason or "")
    assert blocks == []
    assert machine.clock.now < 2.1


def test_a_counter_that_stops_in_training_is_not_resolved() -> None:
    machine = FakeMachine()
    stopped = 1_700.0
    (found,), _ = machine.meter(make_counter(lambda: min(machine.shown, stopped)))
    assert found.training is None
    assert "did not move for 2 s" in (found.reason or "")


def test_a_counter_that_moves_too_seldom_has_no_figure() -> None:
    machine = FakeMachine(refresh=1.0)
    (found,), _ = machine.meter(make_counter(lambda: machine.shown))
    assert found.reason is not None
    assert "100 are needed" in found.reason
    assert machine.clock.now < MAX_SECONDS + 1


def test_a_counter_that_runs_backwards_is_not_resolved() -> None:
    machine = FakeMachine()
    (found,), _ = machine.meter(make_counter(lambda: 10_000.0 - machine.shown))
    assert "ran backwards" in (found.reason or "")


def test_a_counter_that_begins_anew_is_added_up() -> None:
    machine = FakeMachine()
    span = 300.0  # joules: over within six seconds idle, and again and again
    (found,), _ = machine.meter(make_counter(lambda: machine.shown % span, range_joules=span))
    assert found.idle is not None
    assert found.training is not None
    assert found.idle.watts == pytest.approx(50.0, rel=0.002)
    assert found.training.watts == pytest.approx(250.0, rel=0.002)


def test_a_counter_that_begins_anew_with_a_range_that_is_not_known_runs_backwards() -> None:
    machine = FakeMachine()
    (found,), _ = machine.meter(make_counter(lambda: machine.shown % 300.0))
    assert "ran backwards" in (found.reason or "")


def test_a_counter_that_can_not_be_read_any_more_says_so_and_the_other_one_counts() -> None:
    machine = FakeMachine()
    lost = make_counter(lambda: machine.shown if machine.clock.now < 5 else None)
    refused = Counter("card", "another", reason="the card is split")
    (first, second, third), _ = machine.meter(lost, refused, make_counter(lambda: machine.shown))
    assert first.reason == "it could not be read any more"
    assert second.reason == "the card is split"
    assert third.training is not None
    assert third.training.watts == pytest.approx(250.0, rel=0.002)


def run(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *counters: Counter,
    measures_energy: bool = True,
    block_seconds: float = 0.02,
) -> list[Record]:
    """Run a case with windows so short that nobody waits for them."""
    settings = {"LEAD_SECONDS": 0.01, "MIN_REFRESHES": 5, "_BLOCK_SECONDS": block_seconds}
    for name, value in settings.items():
        monkeypatch.setattr(energy, name, value)
    plan = msgspec.structs.replace(make_plan("good"), measures_energy=measures_energy)
    records: list[Record] = []
    probes = Probes(open_counters=lambda _device: nullcontext(counters))
    measure(plan, launcher(tmp_path), records.append, lambda _: None, timeouts=QUICK, probes=probes)
    return records


def make_moving() -> Counter:
    joules = iter(range(10**6))
    return replace(make_counter(lambda: float(next(joules))), min_seconds=0.05)


def test_a_run_that_is_asked_for_energy_meters_every_case_after_all_that_is_timed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    records = run(monkeypatch, tmp_path, make_moving())
    (found,) = [record for record in records if isinstance(record, Energy)]
    assert found.case == "cpu/good/manual"
    assert found.meters[0].training is not None
    assert found.num_steps
    assert found.num_samples == 10 * found.num_steps
    assert not any(isinstance(record, Block) for record in records[records.index(found) :])


def test_a_run_that_is_not_asked_meters_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def read() -> float:
        raise AssertionError("nobody asked")

    records = run(monkeypatch, tmp_path, make_counter(read), measures_energy=False)
    assert not any(isinstance(record, Energy) for record in records)


def test_where_nothing_can_be_read_the_reason_is_kept_and_nothing_is_trained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    records = run(monkeypatch, tmp_path, Counter("cpu", "RAPL", reason="needs read access"))
    (found,) = [record for record in records if isinstance(record, Energy)]
    assert found.meters == (Metered(scope="cpu", name="RAPL", reason="needs read access"),)
    assert found.num_steps is None


def test_a_worker_that_is_lost_while_it_is_metered_loses_nothing_but_that(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refused = Counter("card", "another", reason="the card is split")
    records = run(monkeypatch, tmp_path, make_moving(), refused, block_seconds=3600.0)
    (found,) = [record for record in records if isinstance(record, Energy)]
    assert "hung" in (found.meters[0].reason or "")
    assert found.meters[1].reason == "the card is split"
    assert not any(isinstance(record, Failed) for record in records)
    assert sum(isinstance(record, Block) and record.kind == "train" for record in records) == 2
