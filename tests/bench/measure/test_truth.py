from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from bench.measure.survey import check_timer
from bench.measure.truth import MIN_WORK_SECONDS, TimerTruth, measure_truth
from productnet.device import Device, open_device
from productnet.errors import DeviceFaultError, DeviceUnavailableError
from tests.bench.measure.fakes import ScriptedClock


class AsynchronousDevice:
    """Takes work at once and does it later, a square of a size in its cube; waiting for it moves the clock."""

    def __init__(self, operations_per_second: float) -> None:
        self.clock = ScriptedClock()
        self.operations_per_second = operations_per_second
        self.pending_seconds = 0.0
        self.num_launches = 0

    def hand_over(self, size: int) -> None:
        self.clock.pass_time(LAUNCH_SECONDS)
        self.num_launches += 1
        # The device works while the next piece is handed over.
        still_pending = max(0.0, self.pending_seconds - LAUNCH_SECONDS)
        self.pending_seconds = still_pending + 2 * size**3 / self.operations_per_second

    def wait(self) -> None:
        self.clock.pass_time(self.pending_seconds + 1e-5)
        self.pending_seconds = 0.0


LAUNCH_SECONDS = 5e-6
every_speed = pytest.mark.parametrize("operations_per_second", [1e9, 1e12, 6e13])


@every_speed
def test_a_timer_that_waits_for_the_device_is_true(operations_per_second: float) -> None:
    device = AsynchronousDevice(operations_per_second)
    truth = measure_truth(device.hand_over, device.wait, device.wait, device.clock)
    assert truth.is_true
    assert truth.timed_seconds >= MIN_WORK_SECONDS / 2


@every_speed
def test_a_timer_that_does_not_wait_is_caught(operations_per_second: float) -> None:
    device = AsynchronousDevice(operations_per_second)
    truth = measure_truth(device.hand_over, device.wait, lambda: None, device.clock)
    assert not truth.is_true
    assert truth.timed_seconds < truth.forced_seconds / 10


@pytest.mark.parametrize(("timed", "forced", "is_true"), [(1.0, 1.0, True), (1.0, 2.1, False), (2.1, 1.0, True)])
def test_forcing_a_value_may_take_twice_as_long_as_our_timer_says(timed: float, forced: float, is_true: bool) -> None:
    assert TimerTruth(timed, forced).is_true is is_true


def test_a_device_that_fails_at_the_work_is_unavailable_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("CUDA error: out of memory\nand more")

    monkeypatch.setattr("bench.measure.survey.measure_truth", fail)
    with pytest.raises(DeviceUnavailableError, match=r"device cpu fails at the test of its timer: CUDA error: out of"):
        check_timer(Device("cpu", "CPU", None))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
def test_a_card_that_is_not_waited_for_is_caught() -> None:
    card = open_device("cuda")
    check_timer(card)
    with pytest.raises(DeviceFaultError, match="the timer can't be trusted"):
        check_timer(SimpleNamespace(name="cuda", torch_device=card.torch_device, synchronize=lambda: None))  # type: ignore[arg-type]


def test_the_timer_of_this_cpu_is_true() -> None:
    check_timer(Device("cpu", "CPU", None))


def test_one_try_that_a_busy_neighbour_spoilt_is_forgiven(monkeypatch: pytest.MonkeyPatch) -> None:
    truths = iter([TimerTruth(0.001, 0.1), TimerTruth(0.1, 0.1)])
    monkeypatch.setattr("bench.measure.survey.measure_truth", lambda *_arguments: next(truths))
    check_timer(Device("cpu", "CPU", None))


def test_a_device_whose_timer_lies_is_a_fault_with_both_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.measure.survey.measure_truth", lambda *_arguments: TimerTruth(0.001, 0.1))
    with pytest.raises(DeviceFaultError, match=r"timed at 0\.001 s took 0\.1 s") as caught:
        check_timer(Device("cpu", "CPU", None))
    assert caught.value.exit_code == 5
