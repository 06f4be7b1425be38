from __future__ import annotations

import pytest

from bench.measure.survey import check_timer
from bench.measure.truth import MIN_WORK_SECONDS, TimerTruth, measure_truth
from productnet.device import Device
from productnet.errors import DeviceFaultError
from tests.bench.measure.fakes import ScriptedClock


class AsynchronousDevice:
    """Takes work at once and does it later: waiting for it moves the clock."""

    def __init__(self, seconds_per_unit: float) -> None:
        self.clock = ScriptedClock()
        self.seconds_per_unit = seconds_per_unit
        self.pending_seconds = 0.0

    def hand_over(self, amount: int) -> None:
        self.clock.pass_time(1e-6)
        self.pending_seconds += amount * self.seconds_per_unit

    def wait(self) -> None:
        self.clock.pass_time(self.pending_seconds + 1e-5)
        self.pending_seconds = 0.0


@pytest.mark.parametrize("seconds_per_unit", [1e-6, 1e-3, 0.1])
def test_a_timer_that_waits_for_the_device_is_true(seconds_per_unit: float) -> None:
    device = AsynchronousDevice(seconds_per_unit)
    truth = measure_truth(device.hand_over, device.wait, device.wait, device.clock)
    assert truth.is_true
    assert truth.timed_seconds >= MIN_WORK_SECONDS / 2


@pytest.mark.parametrize("seconds_per_unit", [1e-6, 1e-3, 0.1])
def test_a_timer_that_does_not_wait_is_caught(seconds_per_unit: float) -> None:
    device = AsynchronousDevice(seconds_per_unit)
    truth = measure_truth(device.hand_over, device.wait, lambda: None, device.clock)
    assert not truth.is_true
    assert truth.timed_seconds < truth.forced_seconds / 10


def test_a_timer_that_waits_for_something_else_as_well_is_caught() -> None:
    device = AsynchronousDevice(1e-3)

    def wait_too_long() -> None:
        device.wait()
        device.clock.pass_time(1.0)

    assert not measure_truth(device.hand_over, device.wait, wait_too_long, device.clock).is_true


@pytest.mark.parametrize(("timed", "forced", "is_true"), [(1.0, 1.0, True), (1.0, 2.1, False), (2.1, 1.0, False)])
def test_the_two_ways_agree_within_a_factor_of_two(timed: float, forced: float, is_true: bool) -> None:
    assert TimerTruth(timed, forced).is_true is is_true


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
