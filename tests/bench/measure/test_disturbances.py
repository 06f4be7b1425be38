"""What happened to the machine during a round, from counters of trees and of a stand-in for NVIDIA's library."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bench.measure import disturbances
from bench.measure.disturbances import Look, find_disturbance, make_looker
from bench.records.conditions import GpuConditions
from tests.bench.measure.trees import write_tree

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's files")
CALM = Look(stolen_seconds=5.0, quota_throttled_seconds=1.0, throttle_count=3, asleep_seconds=7.0, gpu_troubles=())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"stolen_seconds": 5.01}, "the hypervisor gave CPU time of these cores to others"),
        ({"quota_throttled_seconds": 1.0001}, "the container's CPU quota stopped its processes"),
        ({"throttle_count": 4}, "heat slowed a core"),
        ({"asleep_seconds": 7.0005}, None),
        ({"asleep_seconds": 7.002}, "the machine was suspended"),
        ({"gpu_troubles": ("others computed on cuda: x (7)",)}, "others computed on cuda: x (7)"),
        ({"asleep_seconds": 9.0, "stolen_seconds": 9.0}, "the machine was suspended"),
    ],
)
def test_a_counter_that_grew_within_a_round_is_named(changes: dict[str, object], reason: str | None) -> None:
    assert find_disturbance(CALM, replace(CALM, **changes)) == reason  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["stolen_seconds", "quota_throttled_seconds", "throttle_count", "asleep_seconds"])
def test_a_counter_that_is_missing_before_or_after_says_nothing(name: str) -> None:
    unknown, grown = replace(CALM, **{name: None}), replace(CALM, **{name: 1e6})  # type: ignore[arg-type]
    assert find_disturbance(unknown, grown) is None
    assert find_disturbance(grown, unknown) is None
    assert find_disturbance(CALM, grown) is not None


def test_a_counter_that_starts_anew_is_no_disturbance() -> None:
    assert find_disturbance(CALM, Look(0.0, 0.0, 0, 0.0, ())) is None


def stat(**stolen_ticks: int) -> str:
    return "".join(f"{name} 100 0 100 1000 0 0 0 {ticks} 0 0\n" for name, ticks in stolen_ticks.items())


def looker(root: Path, cores: tuple[int, ...] | None = None) -> Callable[[], Look]:
    return partial(make_looker({}, root), cores)


@linux_only
def test_stolen_time_is_that_of_the_cores_raced_on_alone(tmp_path: Path) -> None:
    write_tree(tmp_path, {"proc/stat": stat(cpu=30, cpu0=10, cpu1=20)})
    all_before, one_before = looker(tmp_path)(), looker(tmp_path, (0,))()
    assert all_before.stolen_seconds == pytest.approx(30 / os.sysconf("SC_CLK_TCK"))
    write_tree(tmp_path, {"proc/stat": stat(cpu=31, cpu0=10, cpu1=21)})
    assert find_disturbance(one_before, looker(tmp_path, (0,))()) is None
    assert find_disturbance(all_before, looker(tmp_path)()) == "the hypervisor gave CPU time of these cores to others"
    two = looker(tmp_path, (0, 1))()
    assert two.stolen_seconds == pytest.approx(31 / os.sysconf("SC_CLK_TCK"))


@linux_only
def test_throttling_by_heat_and_by_a_quota_is_read_from_the_system(tmp_path: Path) -> None:
    heat = "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count"
    write_tree(tmp_path, {heat: "4\n", "sys/fs/cgroup/cpu.stat": "throttled_usec 2500000\n"})
    look = looker(tmp_path)()
    assert (look.throttle_count, look.quota_throttled_seconds) == (4, 2.5)
    write_tree(tmp_path, {heat: "5\n"})
    assert find_disturbance(look, looker(tmp_path)()) == "heat slowed a core"


def test_a_system_without_counters_has_no_disturbance(tmp_path: Path) -> None:
    look = looker(tmp_path)
    before = look()
    assert (before.stolen_seconds, before.quota_throttled_seconds, before.throttle_count) == (None, None, None)
    assert before.gpu_troubles == ()
    assert find_disturbance(before, look()) is None


def test_a_suspension_is_what_one_clock_is_ahead_of_the_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    readings = {1: 100.0, 2: 70.0}
    monkeypatch.setattr(time, "CLOCK_BOOTTIME", 1, raising=False)
    monkeypatch.setattr(time, "CLOCK_MONOTONIC", 2, raising=False)
    monkeypatch.setattr(time, "clock_gettime", readings.__getitem__, raising=False)
    before = looker(tmp_path)()
    assert before.asleep_seconds == 30.0
    readings[1] += 3600.0
    assert find_disturbance(before, looker(tmp_path)()) == "the machine was suspended"
    monkeypatch.delattr(time, "CLOCK_BOOTTIME")
    assert looker(tmp_path)().asleep_seconds is None


@pytest.mark.parametrize(
    ("conditions", "troubles"),
    [
        (GpuConditions(name="cuda"), ()),
        (GpuConditions(name="cuda", slowed_by=("GpuIdle", "SwPowerCap"), other_processes=()), ()),
        (GpuConditions(name="cuda", slowed_by=("GpuIdle", "HwSlowdown")), ("cuda was slowed down: HwSlowdown",)),
        (
            GpuConditions(name="cuda:1", slowed_by=("SwThermalSlowdown",), other_processes=("python (7)", "x (8)")),
            ("cuda:1 was slowed down: SwThermalSlowdown", "others computed on cuda:1: python (7), x (8)"),
        ),
    ],
)
def test_a_card_that_is_slowed_down_or_shared_is_a_trouble(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, conditions: GpuConditions, troubles: tuple[str, ...]
) -> None:
    monkeypatch.setattr(disturbances, "collect_gpu_conditions", lambda _nvml, _uuids: (conditions,))
    look = partial(make_looker({"cuda": "uuid"}, tmp_path), None)
    assert look().gpu_troubles == troubles
    assert find_disturbance(look(), look()) == (troubles[0] if troubles else None)


def test_a_race_without_a_card_asks_no_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(disturbances, "open_nvml", lambda: pytest.fail("it was asked"))
    looker(tmp_path)()


def test_a_card_without_its_library_is_in_no_trouble(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(disturbances, "collect_gpu_conditions", lambda _nvml, _uuids: None)
    assert make_looker({"cuda": "uuid"}, tmp_path)(None).gpu_troubles == ()
