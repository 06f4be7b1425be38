"""Counters of energy as stand-ins: a card's of NVML, and packages of processors in a tree of files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.measure.counters import NVML_NAME, Counter, find_card, find_packages, open_counters
from bench.measure.nvidia import Nvml, open_nvml
from productnet.device import open_device
from tests.bench.measure.test_nvidia import UUID, FakeError, FakeLibrary
from tests.bench.measure.trees import write_tree

PACKAGES = "sys/class/powercap/intel-rapl:"


def open_card(uuid: str = UUID, **answers: Any) -> Counter:
    return find_card(Nvml(FakeLibrary(**{"nvmlDeviceGetTotalEnergyConsumption": 12_500} | answers)), uuid)


def write_package(root: Path, number: str, name: str, microjoules: str = "2500000", span: str = "262143328850") -> None:
    zone = f"{PACKAGES}{number}"
    write_tree(root, {f"{zone}/name": name, f"{zone}/energy_uj": microjoules, f"{zone}/max_energy_range_uj": span})


def test_a_card_counts_joules_and_never_begins_anew() -> None:
    counter = open_card()
    assert (counter.scope, counter.name, counter.reason, counter.range_joules) == ("card", NVML_NAME, None, None)
    assert counter.read() == 12.5


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"nvmlDeviceGetTotalEnergyConsumption": FakeError("not supported")}, "Volta and newer"),
        ({"nvmlDeviceGetTotalEnergyConsumption": "N/A"}, "Volta and newer"),
        ({"nvmlDeviceGetTotalEnergyConsumption": 2**64 - 1}, "Volta and newer"),
        ({"nvmlDeviceGetMigMode": [1, 1]}, "split (MIG)"),
        ({"nvmlDeviceIsMigDeviceHandle": 1}, "split (MIG)"),
        ({"uuid": "another"}, "does not find the card another"),
        ({"uuid": "MIG-11111111-2222-3333-4444-555555555555"}, "does not find the card MIG-"),
    ],
)
def test_a_card_without_a_counter_of_its_own_says_why(answers: dict[str, Any], reason: str) -> None:
    counter = open_card(**answers)
    assert reason in (counter.reason or "")
    assert counter.read() is None


def test_a_card_that_is_not_split_is_counted() -> None:
    assert open_card(nvmlDeviceGetMigMode=[0, 0], nvmlDeviceIsMigDeviceHandle=0).reason is None


def test_a_machine_without_a_driver_says_so() -> None:
    assert "there is no NVIDIA driver" in (find_card(None, UUID).reason or "")


def test_every_package_is_a_counter_and_parts_of_one_and_the_platform_are_not(tmp_path: Path) -> None:
    write_package(tmp_path, "0", "package-0")
    write_package(tmp_path, "1", "package-1", "7000000")
    write_package(tmp_path, "0:0", "core")
    write_package(tmp_path, "2", "psys")
    counters = find_packages(tmp_path)
    assert [(each.scope, each.name) for each in counters] == [("cpu", "RAPL package-0"), ("cpu", "RAPL package-1")]
    assert [each.read() for each in counters] == [2.5, 7.0]
    assert counters[0].range_joules == pytest.approx(262143.328850)


def test_a_range_that_is_missing_is_not_guessed(tmp_path: Path) -> None:
    write_package(tmp_path, "0", "package-0")
    (tmp_path / f"{PACKAGES}0" / "max_energy_range_uj").unlink()
    assert find_packages(tmp_path)[0].range_joules is None


def test_a_counter_that_may_not_be_read_names_its_file_and_what_mends_that(tmp_path: Path) -> None:
    write_package(tmp_path, "0", "package-0")
    energy = tmp_path / f"{PACKAGES}0" / "energy_uj"
    energy.unlink()
    energy.mkdir()  # fails to be read for everybody, also for root
    (counter,) = find_packages(tmp_path)
    assert counter.reason == (
        "needs read access to /sys/class/powercap/intel-rapl:0/energy_uj: "
        "sudo chmod a+r /sys/class/powercap/intel-rapl:0/energy_uj"
    )


def test_a_machine_without_rapl_says_so(tmp_path: Path) -> None:
    (counter,) = find_packages(tmp_path)
    assert "none in /sys/class/powercap" in (counter.reason or "")


def test_a_case_on_a_card_has_the_card_and_the_packages_and_one_on_a_cpu_the_packages_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = FakeLibrary(nvmlDeviceGetTotalEnergyConsumption=1)
    monkeypatch.setitem(sys.modules, "pynvml", library)
    write_package(tmp_path, "0", "package-0")
    with open_counters("cuda:1", {"cuda": "another", "cuda:1": UUID}, tmp_path) as counters:
        assert [(each.scope, each.reason) for each in counters] == [("card", None), ("cpu", None)]
        assert library.is_open
    assert not library.is_open
    with open_counters("cpu", {"cuda": UUID}, tmp_path) as counters:
        assert [each.scope for each in counters] == ["cpu"]
    with open_counters("mps", {}, tmp_path) as counters:
        assert [(each.scope, each.reason) for each in counters] == [
            ("card", "nothing here reads a counter of energy of mps"),
            ("cpu", None),
        ]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
def test_the_counter_of_the_card_that_torch_uses_goes_on() -> None:
    from time import sleep

    uuid = open_device("cuda").uuid()
    assert uuid is not None
    with open_nvml() as nvml:
        counter = find_card(nvml, uuid)
        assert counter.reason is None
        before = counter.read()
        sleep(1.0)
        after = counter.read()
    assert before is not None
    assert after is not None
    assert 1.0 < after - before < 2_000.0  # a card that waits draws more than 1 W, and none 2 kW
