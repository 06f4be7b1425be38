"""A block cut at its steps, on a clock that a test moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice

import pytest

from bench.measure.laps import cut_laps, train_in_laps
from bench.measure.messages import BlockDone, Ready, RunBlock, SetUp
from bench.measure.session import Session
from bench.records.case import Case
from productnet.kinds import PhaseTiming
from tests.bench.measure.fakes import FakeDevice, FakeWorkload, ScriptedClock

CASE = Case(device="cpu", engine="good", batching="manual", num_threads=1, num_epochs=10)
STEP, BATCH, END = 14_000_000, 1_000_000, 6_000_000
"""Of the fake workload: a step without its batch, its batch, and what ends an epoch, in nanoseconds."""


class WatchedWorkload(FakeWorkload):
    """Announces its steps."""

    on_step: Callable[[], object] = staticmethod(lambda: None)

    def can_watch_steps(self) -> bool:
        return True

    def watch_steps(self, on_step: Callable[[], object]) -> None:
        self.on_step = on_step

    def epoch(self) -> Iterator[object]:
        for batch in super().epoch():
            self.on_step()
            yield batch


def test_each_epoch_has_its_steps_the_last_with_all_that_lies_between_two_epochs() -> None:
    clock = ScriptedClock()
    seconds, laps, losses = train_in_laps(WatchedWorkload(clock.pass_time), 3, clock, clock)
    assert laps == ((STEP + BATCH, STEP + END + BATCH),) * 3
    assert sum(map(sum, laps)) == pytest.approx(1e9 * seconds)
    assert len(losses) == 3


def test_what_comes_before_the_first_step_goes_to_the_last_lap() -> None:
    assert cut_laps(10.0, [10.5, 11.0, 12.5, 13.0], 14.0, 2) == ((5 * 10**8, 15 * 10**8), (5 * 10**8, 15 * 10**8))
    assert cut_laps(0.0, [1.0, 2.0], 3.0, 1) == ((10**9,), (2 * 10**9,))


@pytest.mark.parametrize("num_announced", [1, 3])
def test_steps_that_are_announced_too_often_or_not_at_all_are_refused(num_announced: int) -> None:
    class Miscounting(WatchedWorkload):
        def epoch(self) -> Iterator[object]:
            return islice(chain(super().epoch(), super().epoch()), num_announced)

    clock = ScriptedClock()
    with pytest.raises(RuntimeError, match=f"2 epochs of 2 steps announced {2 * num_announced}"):
        train_in_laps(Miscounting(clock.pass_time), 2, clock, clock)


def test_a_worker_takes_laps_where_it_is_asked_to_and_none_of_its_warm_up() -> None:
    clock = ScriptedClock()
    session = Session(lambda _case, _seed: WatchedWorkload(clock.pass_time), clock)
    ready = session.perform(SetUp(case=CASE, seed=1, timeout_seconds=1.0))
    assert isinstance(ready, Ready)
    assert ready.can_take_laps
    for _ in range(2):
        done = session.perform(RunBlock(kind="train", amount=2, warm_up=3, takes_laps=True, timeout_seconds=1.0))
        assert isinstance(done, BlockDone)
        assert done.laps == ((STEP + BATCH, STEP + END + BATCH),) * 2
        assert done.num_steps == 4
    plain = session.perform(RunBlock(kind="train", amount=2, timeout_seconds=1.0))
    assert isinstance(plain, BlockDone)
    assert plain.laps == ()


@pytest.mark.parametrize("phase_timing", ["events", "prefixes"])
def test_on_a_device_that_works_on_while_the_next_step_begins_there_are_no_laps(phase_timing: PhaseTiming) -> None:
    clock = ScriptedClock()
    workload = WatchedWorkload(clock.pass_time)
    workload.device = FakeDevice(clock.pass_time, phase_timing)  # type: ignore[assignment]
    ready = Session(lambda _case, _seed: workload, clock).perform(SetUp(case=CASE, seed=1, timeout_seconds=1.0))
    assert isinstance(ready, Ready)
    assert not ready.can_take_laps
