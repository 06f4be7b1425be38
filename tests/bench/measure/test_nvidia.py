"""NVIDIA's library as a stand-in: cards that answer, refuse, or answer nonsense."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from bench.measure.conditions import collect_conditions, watch
from bench.measure.nvidia import Nvml, collect_driver, collect_gpu_conditions, collect_gpus, open_nvml
from bench.records.conditions import Conditions, GpuConditions, Moment
from bench.records.environment import Gpu
from bench.records.progress import Progress
from tests.bench.measure.trees import write_tree
from tests.bench.runs import make_case

UUID = "11111111-2222-3333-4444-555555555555"


class FakeError(Exception):
    """What the library raises."""


class FakeLibrary:
    """One card, found by its UUID; `answers` replaces what single functions return or raise."""

    NVMLError = FakeError

    def __init__(self, **answers: Any) -> None:
        self.is_open = False
        self.answers: dict[str, Any] = {
            "nvmlSystemGetDriverVersion": "570.86",
            "nvmlDeviceGetMaxClockInfo": 1980,
            "nvmlDeviceGetEnforcedPowerLimit": 700_000,
            "nvmlDeviceGetPersistenceMode": 1,
            "nvmlDeviceGetClockInfo": 1410,
            "nvmlDeviceGetTemperature": 41,
            "nvmlDeviceGetPowerUsage": 250_500,
            "nvmlDeviceGetCurrentClocksEventReasons": 0x4 | 0x40,
            "nvmlDeviceGetViolationStatus": SimpleNamespace(violationTime=2_500_000_000),
            "nvmlDeviceGetComputeRunningProcesses": [],
        } | answers

    def __getattr__(self, name: str) -> Any:
        if name not in self.answers:
            raise AttributeError(name)
        answer = self.answers[name]

        def call(*_arguments: object) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def nvmlInit(self) -> None:  # noqa: N802
        self.is_open = True

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.is_open = False

    def nvmlDeviceGetHandleByUUID(self, uuid: bytes) -> str:  # noqa: N802
        if uuid != f"GPU-{UUID}".encode():
            raise FakeError("not found")
        return "card"


def look(**answers: Any) -> GpuConditions:
    (conditions,) = collect_gpu_conditions(Nvml(FakeLibrary(**answers)), {"cuda": UUID}) or ()
    return conditions


def test_what_a_card_is_and_what_it_does_come_in_base_units() -> None:
    nvml = Nvml(FakeLibrary())
    assert collect_driver(nvml) == "570.86"
    assert collect_gpus(nvml, {"cuda": UUID}) == (
        Gpu(name="cuda", uuid=UUID, max_clock_hertz=1.98e9, power_limit_watts=700.0, is_persistent=True),
    )
    assert look() == GpuConditions(
        name="cuda",
        clock_hertz=1.41e9,
        memory_clock_hertz=1.41e9,
        temperature_celsius=41.0,
        power_watts=250.5,
        slowed_by=("SwPowerCap", "HwThermalSlowdown"),
        power_slowed_seconds=2.5,
        heat_slowed_seconds=2.5,
        other_processes=(),
    )


def test_each_question_that_is_refused_is_none_and_the_others_are_answered() -> None:
    found = look(
        nvmlDeviceGetTemperature=FakeError("not supported"),
        nvmlDeviceGetComputeRunningProcesses=FakeError("no permission"),
        nvmlDeviceGetViolationStatus=FakeError("not supported"),
    )
    assert found.temperature_celsius is None
    assert found.other_processes is None
    assert found.heat_slowed_seconds is None
    assert found.clock_hertz == 1.41e9


@pytest.mark.parametrize("value", [-1, 2**32 - 1, 2**64 - 1, 10**400, "hot", None, 1.5, b"\xff"])
def test_a_number_that_can_not_be_is_none(value: object) -> None:
    assert look(nvmlDeviceGetTemperature=value).temperature_celsius is None


def test_a_card_that_is_not_found_has_its_name_alone() -> None:
    nvml = Nvml(FakeLibrary())
    assert collect_gpu_conditions(nvml, {"cuda:1": "another"}) == (GpuConditions(name="cuda:1"),)
    assert collect_gpus(nvml, {"cuda:1": "another"}) == (Gpu(name="cuda:1", uuid="another"),)


def test_a_driver_that_knows_only_the_older_name_of_the_reasons_is_asked_by_it() -> None:
    library = FakeLibrary(nvmlDeviceGetCurrentClocksThrottleReasons=1)
    del library.answers["nvmlDeviceGetCurrentClocksEventReasons"]
    (found,) = collect_gpu_conditions(Nvml(library), {"cuda": UUID}) or ()
    assert found.slowed_by == ("GpuIdle",)


def test_processes_of_others_are_named_and_ours_and_those_of_another_container_are_not() -> None:
    other = psutil.Process(os.getppid())
    numbers = [os.getpid(), other.pid, 2**31 - 2, 2**40, -1]
    processes = [SimpleNamespace(pid=number) for number in numbers]
    assert look(nvmlDeviceGetComputeRunningProcesses=processes).other_processes == (f"{other.name()} ({other.pid})",)


def test_the_library_is_closed_again_also_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    library = FakeLibrary()
    monkeypatch.setitem(sys.modules, "fake_nvml", library)
    opened = open_nvml("fake_nvml")
    assert opened.__enter__() is not None
    assert library.is_open
    opened.__exit__(KeyError, KeyError(), None)
    assert not library.is_open


def test_without_library_or_driver_every_fact_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_nvml("no_such_module") as nvml:
        assert nvml is None
    broken = FakeLibrary()
    monkeypatch.setattr(broken, "nvmlInit", lambda: 1 / 0)
    monkeypatch.setitem(sys.modules, "fake_nvml", broken)
    with open_nvml("fake_nvml") as nvml:
        assert nvml is None
    assert collect_driver(None, tmp_path) is None
    assert collect_gpus(None, {"cuda": UUID}) is None
    assert collect_gpu_conditions(None, {"cuda": UUID}) is None


def test_without_the_library_the_driver_is_read_from_its_module(tmp_path: Path) -> None:
    line = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build  (dvs-builder)"
    write_tree(tmp_path, {"proc/driver/nvidia/version": line})
    assert collect_driver(None, tmp_path) == "570.86.15"


def test_an_empty_machine_has_conditions_of_which_nothing_is_known(tmp_path: Path) -> None:
    found = collect_conditions("before", 2, {}, tmp_path)
    assert (found.moment, found.wave) == ("before", 2)
    assert found.cpu_seconds is None
    assert found.stolen_seconds is None
    assert found.quota_throttled_seconds is None


def test_a_run_looks_at_the_machine_once_at_each_end_of_the_trainings_of_each_wave() -> None:
    shown: list[str] = []
    kept: list[Conditions] = []

    def collect(moment: Moment, wave: int) -> Conditions:
        return Conditions(moment=moment, wave=wave)

    on_progress = watch(lambda progress: shown.append(progress.stage), kept.append, collect)
    for wave in range(2):
        for stage in ("starting", "setting up", "training", "training", "phases and inference", "phases and inference"):
            on_progress(Progress(wave, 2, stage, 0, 1, make_case(), 0.0, None))
    assert [(each.wave, each.moment) for each in kept] == [
        (wave, moment) for wave in range(2) for moment in ("before", "after")
    ]
    assert len(shown) == 12
