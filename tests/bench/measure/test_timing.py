from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import msgspec
import pytest

from bench.measure.clock import measure_timer_floor, synchronised, time_block
from bench.measure.messages import (
    BlockDone,
    CallsCounted,
    CountCalls,
    Explore,
    Explored,
    Judge,
    Judged,
    Ready,
    RunBlock,
    SetUp,
)
from bench.measure.pace import Pace
from bench.measure.phases import time_phases, time_queued_phases
from bench.measure.session import Session
from bench.records.case import Case
from productnet.engines.step import Step
from productnet.kinds import Marks
from tests.bench.measure.fakes import FakeDevice, FakeWorkload, ScriptedClock

CASE = Case(device="cpu", engine="good", batching="manual", num_threads=1, num_epochs=10)


def test_a_synchronised_clock_times_work_that_ends_after_the_call_has_returned() -> None:
    clock = ScriptedClock()
    device = FakeDevice(clock.pass_time)

    def hand_over(seconds: int) -> str:
        device.pending_seconds += seconds
        return "handed over"

    assert time_block(synchronised(clock, device.synchronize), hand_over, 3) == (3.0, "handed over")
    device.synchronize()
    assert time_block(clock, hand_over, 3)[0] == 0.0, "without the wait the control must read nothing"


def test_work_handed_over_before_a_block_is_not_charged_to_it() -> None:
    clock = ScriptedClock()
    device = FakeDevice(clock.pass_time)
    device.pending_seconds = 7.0
    assert time_block(synchronised(clock, device.synchronize), clock.pass_time, 1)[0] == 1.0


def test_the_timer_floor_is_what_two_readings_are_apart() -> None:
    clock = ScriptedClock()

    def read() -> float:
        clock.pass_time(0.25)
        return clock()

    assert measure_timer_floor(read) == 0.25


def test_phases_are_timed_apart_and_what_is_left_is_in_the_total_alone() -> None:
    clock = ScriptedClock()
    times = time_phases(FakeWorkload(clock.pass_time), 3, clock)
    assert times.phase_seconds == pytest.approx(
        {"data": 0.006, "forward": 0.012, "backward": 0.018, "optimizer": 0.024}
    )
    assert times.seconds == pytest.approx(sum(times.phase_seconds.values()) + 6 * 0.005 + 3 * 0.006)


def test_time_that_a_loader_takes_after_its_last_batch_is_data() -> None:
    clock = ScriptedClock()

    class SlowToEnd(FakeWorkload):
        def epoch(self):  # type: ignore[no-untyped-def]
            yield from super().epoch()
            clock.pass_time(1.0)

    assert time_phases(SlowToEnd(clock.pass_time), 1, clock).phase_seconds["data"] == pytest.approx(1.002)


def test_a_session_times_set_up_compile_and_pilots_apart_and_goes_back_to_the_start() -> None:
    clock = ScriptedClock()
    workload = FakeWorkload(clock.pass_time, inference_seconds=0.001)

    def make(_case: Case, _seed: int) -> FakeWorkload:
        clock.pass_time(2.0)
        return workload

    session = Session(make, clock)
    ready = session.perform(SetUp(case=CASE, seed=1, timeout_seconds=1.0))
    assert isinstance(ready, Ready)
    assert ready.setup_seconds == 2.0
    assert ready.first_step_seconds == 0.25
    assert ready.compile_seconds == 0.75
    assert ready.pilot_epoch_seconds == pytest.approx(0.036)
    assert workload.num_restarts == 1
    assert workload.num_epochs_trained == 0


def test_what_a_first_prediction_compiles_is_not_taken_for_what_one_costs() -> None:
    clock = ScriptedClock()

    class CompilesFirst(FakeWorkload):
        is_compiled = False

        def infer(self, inputs: Sequence[object]) -> object:
            clock.pass_time(0.0 if self.is_compiled else 5.0)
            self.is_compiled = True
            return super().infer(inputs)

    session = Session(lambda _case, _seed: CompilesFirst(clock.pass_time, inference_seconds=0.001), clock)
    session.perform(SetUp(case=CASE, seed=1, timeout_seconds=1.0))
    explored = session.perform(Explore(timeout_seconds=1.0))
    assert isinstance(explored, Explored)
    assert explored.pilot_inference_seconds == pytest.approx(0.001)


def test_a_prediction_that_was_kept_from_before_is_refused() -> None:
    clock = ScriptedClock()

    class Cached(FakeWorkload):
        kept: object = None

        def infer(self, inputs: Sequence[object]) -> object:
            self.kept = self.kept or inputs[-1]
            return super().infer(inputs) and self.kept

    session = Session(lambda _case, _seed: Cached(clock.pass_time), clock)
    session.perform(SetUp(case=CASE, seed=1, timeout_seconds=1.0))
    session.perform(Explore(timeout_seconds=1.0))
    with pytest.raises(RuntimeError, match="the last prediction of a timed block is not that of its inputs"):
        session.perform(RunBlock(kind="inference", amount=5, timeout_seconds=1.0))


def test_what_warms_a_block_up_is_trained_before_the_clock_starts() -> None:
    clock = ScriptedClock()
    workload = FakeWorkload(clock.pass_time)
    session = Session(lambda _case, _seed: workload, clock)
    session.perform(SetUp(case=CASE, seed=1, timeout_seconds=1.0))
    done = session.perform(RunBlock(kind="train", amount=2, warm_up=3, timeout_seconds=1.0))
    assert isinstance(done, BlockDone)
    assert done.seconds == pytest.approx(0.072)
    assert (done.num_steps, len(done.epoch_losses), workload.num_epochs_trained) == (4, 2, 5)


@pytest.mark.parametrize(("has_queue", "kernels"), [(False, None), (True, 12.5)])
def test_what_further_steps_call_is_counted_and_kernels_only_where_there_is_a_queue(
    monkeypatch: pytest.MonkeyPatch, has_queue: bool, kernels: float | None
) -> None:
    clock = ScriptedClock()
    workload = FakeWorkload(clock.pass_time)
    session = Session(lambda _case, _seed: workload, clock)
    session.perform(SetUp(case=CASE, seed=1, timeout_seconds=1.0))
    session.marks = cast("Marks", object()) if has_queue else None

    def count(work: Callable[[], object]) -> tuple[int, int]:
        before = workload.num_epochs_trained
        work()
        num_epochs = workload.num_epochs_trained - before
        return 7 + 100 * num_epochs, 3 + 25 * num_epochs

    monkeypatch.setattr("bench.measure.session.count_calls", count)
    counted = session.perform(CountCalls(timeout_seconds=1.0))
    assert counted == CallsCounted(operators_per_step=50.0, kernels_per_step=kernels)


def test_a_session_answers_each_kind_of_block_with_its_steps_samples_and_seconds() -> None:
    clock = ScriptedClock()
    session = Session(lambda _case, _seed: FakeWorkload(clock.pass_time), clock)
    session.perform(SetUp(case=CASE, seed=1, timeout_seconds=1.0))
    train = session.perform(RunBlock(kind="train", amount=2, timeout_seconds=1.0))
    assert isinstance(train, BlockDone)
    assert (train.num_steps, train.num_samples, train.epoch_losses) == (4, 40, (1.0, 0.5))
    assert train.seconds == pytest.approx(0.072)
    phases = session.perform(RunBlock(kind="phases", amount=2, timeout_seconds=1.0))
    assert isinstance(phases, BlockDone)
    assert phases.seconds == pytest.approx(0.072)
    assert phases.phase_seconds == pytest.approx(
        {"data": 0.004, "forward": 0.008, "backward": 0.012, "optimizer": 0.016}
    )
    inference = session.perform(RunBlock(kind="inference", amount=5, timeout_seconds=1.0))
    assert isinstance(inference, BlockDone)
    assert (inference.num_steps, inference.num_samples) == (5, 50)
    assert inference.seconds == pytest.approx(0.005)
    judged = session.perform(Judge(timeout_seconds=1.0))
    assert isinstance(judged, Judged)
    assert judged.heldout_accuracy is not None
    assert judged.heldout_accuracy.r_squared == 0.9998


def test_a_block_that_starts_a_training_again_restarts_before_the_clock() -> None:
    clock = ScriptedClock()

    class SlowToRestart(FakeWorkload):
        def restart(self) -> None:
            super().restart()
            clock.pass_time(100.0)

    session = Session(lambda _case, _seed: SlowToRestart(clock.pass_time), clock)
    session.perform(SetUp(case=CASE, seed=1, timeout_seconds=1.0))
    done = session.perform(RunBlock(kind="train", amount=1, restart=True, timeout_seconds=1.0))
    assert isinstance(done, BlockDone)
    assert done.seconds == pytest.approx(0.036)


def test_the_pace_corrects_the_plan_by_what_was_measured_and_counts_the_cases_of_later_waves() -> None:
    """Cases of 6 s and 4 s; later comes the first again, and one that was never timed. One start of three compiles."""
    first, second, third = (msgspec.structs.replace(CASE, engine=name) for name in ("first", "second", "third"))
    clock = ScriptedClock()
    pace = Pace(clock, [[first, second], [first, third]])
    pace.start_wave()
    for seconds in (2.0, 90.0, 2.0):
        pace.start_seat(seconds)
    assert pace.seconds_left is None
    pace.plan([(first, 6.0), (second, 4.0)])
    # the usual case: the mean of those of later waves that are known
    assert pace.seconds_left == pytest.approx(10 + (6 + 6) + 2 * 2)
    clock.pass_time(4.0)
    pace.tick(2.0)
    assert pace.share_done == pytest.approx(0.2)
    assert pace.seconds_left == pytest.approx(2 * (8 + 12) + 2 * 2)
    pace.drop(3.0)
    assert pace.seconds_left == pytest.approx(2 * (5 + 12) + 2 * 2)
    pace.start_wave()
    assert pace.seconds_left is None
    pace.plan([(first, 6.0), (third, 1.0)])
    assert pace.seconds_left == pytest.approx(2 * 7)


def test_a_wave_of_other_cases_than_the_later_ones_says_nothing_of_them() -> None:
    other = msgspec.structs.replace(CASE, engine="other")
    pace = Pace(ScriptedClock(), [[other], [CASE], [CASE]])
    pace.start_wave()
    pace.plan([(other, 1.0), (other, 2.0)])
    pace.tick(0.75)
    assert pace.share_done == 0.25
    assert pace.seconds_left is None


# A device with a queue of its own


class Queue:
    """A device that works off what it is given while the host goes on; its marks are read from its own timeline."""

    def __init__(self, host: ScriptedClock) -> None:
        self.host = host
        self.busy_until = 0.0

    def give(self, seconds: float, host_seconds: float) -> None:
        self.host.pass_time(host_seconds)
        self.busy_until = max(self.busy_until, self.host.now) + seconds

    def mark(self) -> float:
        return max(self.busy_until, self.host.now)

    def seconds_between(self, first: float, second: float) -> float:
        return second - first

    def hold(self, seconds: float) -> None:
        self.give(seconds, 0.0)

    def synchronize(self) -> None:
        self.host.now = max(self.host.now, self.busy_until)


class QueuedWorkload(FakeWorkload):
    """Handing a phase over takes the host 4 ms; the device does it in 1, 2, 3 ms."""

    def __init__(self, queue: Queue) -> None:
        super().__init__(queue.host.pass_time)
        self.queue = queue

    def epoch(self) -> Iterator[object]:
        return iter([object()] * self.num_steps_per_epoch)

    def step(self) -> Step:
        def give(seconds: float) -> Callable[..., None]:
            return lambda *_batch: self.queue.give(seconds, 0.004)

        return Step(give(0.001), give(0.002), give(0.003), keep=lambda _loss: None, end_epoch=lambda _kept: 0.0)


def test_a_device_that_waits_for_its_host_shows_that_in_its_queue_and_not_in_its_own_time() -> None:
    queue = Queue(ScriptedClock())
    workload = QueuedWorkload(queue)
    natural = time_queued_phases(workload, 1, queue.host, queue.synchronize, queue)
    assert natural.host_phase_seconds == pytest.approx(
        {"data": 0, "forward": 0.008, "backward": 0.008, "optimizer": 0.008}
    )
    assert sum(natural.phase_seconds.values()) == pytest.approx(natural.seconds, abs=0.004)
    filled = time_queued_phases(workload, 1, queue.host, queue.synchronize, queue, hold_seconds=0.1)
    assert filled.phase_seconds == pytest.approx({"data": 0, "forward": 0.002, "backward": 0.004, "optimizer": 0.006})


def test_a_block_in_which_something_is_compiled_is_no_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ScriptedClock()
    session = Session(lambda _case, _seed: FakeWorkload(clock.pass_time), clock)
    session.perform(SetUp(case=CASE, seed=1, timeout_seconds=1.0))
    counts = iter([3, 4])
    monkeypatch.setattr("bench.measure.session.count_compiled_graphs", lambda: next(counts))
    with pytest.raises(RuntimeError, match="something was compiled within a timed block of kind train"):
        session.perform(RunBlock(kind="train", amount=1, timeout_seconds=1.0))


def test_the_first_replicate_finds_an_empty_cache_and_the_next_what_it_has_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "NUMBA_CACHE_DIR")
    for name in names:
        monkeypatch.setenv(name, "elsewhere")
    clock = ScriptedClock()
    session = Session(lambda _case, _seed: FakeWorkload(clock.pass_time), clock)
    command = SetUp(case=CASE, seed=1, timeout_seconds=1.0, cache_directory=str(tmp_path / "7"))
    are_cold = []
    for _ in range(2):
        ready = session.perform(command)
        assert isinstance(ready, Ready)
        are_cold.append(ready.is_cold)
        (tmp_path / "7").mkdir(exist_ok=True)
        (tmp_path / "7" / "compiled").touch()
    assert are_cold == [True, False]
    assert {os.environ[name] for name in names} == {str(tmp_path / "7")}
