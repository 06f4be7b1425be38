"""Facts of the CPU and of its power, from trees and from what systems print."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from bench.measure import cpu, power
from bench.measure.sysfs import as_count, read_text
from tests.bench.measure.trees import write_tree
from tests.systems import linux_only

CPUS = "sys/devices/system/cpu"


def grant(monkeypatch: pytest.MonkeyPatch, *numbers: int) -> None:
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda _self: list(numbers), raising=False)


def test_the_model_and_whether_a_hypervisor_runs_it_come_from_cpuinfo(tmp_path: Path) -> None:
    write_tree(tmp_path, {"proc/cpuinfo": "vendor_id : X\nmodel name\t: My CPU @ 3 GHz\nflags : fpu hypervisor avx"})
    assert cpu.collect_cpu_model(tmp_path) == "My CPU @ 3 GHz"
    assert cpu.collect_is_virtual(tmp_path) is True
    write_tree(tmp_path, {"proc/cpuinfo": "flags : fpu avx"})
    assert cpu.collect_is_virtual(tmp_path) is False


def test_a_mac_is_asked_for_its_chip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr(
        cpu, "ask_system", lambda *command: "Apple M4" if command[-1].endswith("brand_string") else None
    )
    assert cpu.collect_cpu_model(tmp_path) == "Apple M4"


@pytest.mark.parametrize(("quota", "granted"), [("150000 100000", 1.5), ("800000 100000", 4.0), ("max 100000", 4.0)])
def test_the_cpus_granted_are_those_of_affinity_or_quota_whichever_is_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, granted: float
) -> None:
    grant(monkeypatch, 0, 1, 2, 3)
    write_tree(tmp_path, {"sys/fs/cgroup/cpu.max": quota})
    assert cpu.collect_num_cpus_granted(tmp_path) == granted


def test_the_governor_is_that_of_the_cpus_granted_and_all_where_they_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, governor in enumerate(("performance", "powersave", "schedutil")):
        write_tree(tmp_path, {f"{CPUS}/cpu{number}/cpufreq/scaling_governor": governor + "\n"})
    grant(monkeypatch, 0)
    assert cpu.collect_governor(tmp_path) == "performance"
    grant(monkeypatch, 0, 1, 9)
    assert cpu.collect_governor(tmp_path) == "performance, powersave"
    grant(monkeypatch, 9)
    assert cpu.collect_governor(tmp_path) is None


@pytest.mark.parametrize(
    ("name", "text", "boosts"),
    [
        ("intel_pstate/no_turbo", "0", True),
        ("intel_pstate/no_turbo", "1", False),
        ("cpufreq/boost", "1", True),
        ("cpufreq/boost", "0", False),
        ("cpufreq/boost", "-1", None),
        ("cpufreq/other", "1", None),
    ],
)
def test_whether_the_cpu_boosts_is_read_for_either_driver(
    tmp_path: Path, name: str, text: str, boosts: bool | None
) -> None:
    write_tree(tmp_path, {f"{CPUS}/{name}": text})
    assert cpu.collect_boosts(tmp_path) is boosts


def test_throttle_counts_are_summed_over_cores_and_hostile_ones_left_out(tmp_path: Path) -> None:
    assert cpu.collect_throttle_count(tmp_path) is None
    for number, text in enumerate(("3", "4", "-7", "many", "9" * 100)):
        write_tree(tmp_path, {f"{CPUS}/cpu{number}/thermal_throttle/core_throttle_count": text})
    assert cpu.collect_throttle_count(tmp_path) == 7


@linux_only
def test_stolen_time_is_the_eighth_field_and_guests_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sysconf", lambda _name: 100)
    write_tree(tmp_path, {"proc/stat": "cpu  100 100 100 100 100 100 100 300 5000 5000\ncpu0 1 1"})
    assert cpu.collect_cpu_seconds(tmp_path) == (10.0, 3.0)


@pytest.mark.parametrize("line", ["", "cpu", "cpu 1 2 3", "cpu 1 2 3 4 5 6 7 -8", "intr 1 2 3 4 5 6 7 8", "\udcfe\x00"])
def test_a_stat_that_is_none_of_linux_says_nothing(tmp_path: Path, line: str) -> None:
    write_tree(tmp_path, {"proc/stat": line})
    assert cpu.collect_cpu_seconds(tmp_path) is None


@pytest.mark.parametrize("text", [None, "", "-1", "1.5", "1e3", "²", "٣", "9" * 19, "1" * 5_000])
def test_what_is_no_count_is_none(text: str | None) -> None:
    assert as_count(text) is None


def test_a_count_is_read() -> None:
    assert as_count("9223372036854775807") == 2**63 - 1


def test_a_file_that_is_a_directory_or_binary_is_no_error(tmp_path: Path) -> None:
    assert read_text(tmp_path) is None
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert read_text(tmp_path / "binary") == "\ufffd\ufffd"


def test_a_frequency_that_psutil_can_not_read_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise NotImplementedError("can't find current frequency file")

    monkeypatch.setattr(psutil, "cpu_freq", refuse)
    assert cpu.collect_frequency_hertz() is None


def test_a_program_that_fails_hangs_or_is_not_there_answers_none() -> None:
    assert cpu.ask_system(sys.executable, "-c", "print(' yes ')") == "yes"
    assert cpu.ask_system(sys.executable, "-c", "raise SystemExit(1)") is None
    assert cpu.ask_system("/no/such/program") is None


def test_the_power_profile_is_read_on_every_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert power.collect_power_profile(tmp_path) is None
    write_tree(tmp_path, {"sys/firmware/acpi/platform_profile": "low-power\n"})
    assert power.collect_power_profile(tmp_path) == "low-power"
    printed = " lowpowermode         1\n hibernatemode 3"
    monkeypatch.setattr(power, "ask_system", lambda *_command: printed)
    monkeypatch.setattr("sys.platform", "darwin")
    assert power.collect_power_profile(tmp_path) == "low-power"
    monkeypatch.setattr("sys.platform", "win32")
    assert power.collect_power_profile(tmp_path) is None


def test_what_pmset_and_powercfg_print_is_understood_or_none() -> None:
    assert power.parse_pmset("Currently in use:\n lowpowermode         0\n") == "normal"
    assert power.parse_pmset(" sleep 1") is None
    assert power.parse_pmset(None) is None
    assert power.parse_powercfg("GUID: a1841308-3541-4fab-bc81-f71556f20b4a  (Stromspar)") == "low-power"
    assert power.parse_powercfg("GUID: 8c5e7fda-e8bf-4a96-9a85-a6e23a8c635c  (Hoch)") == (
        "8c5e7fda-e8bf-4a96-9a85-a6e23a8c635c"
    )
    assert power.parse_powercfg("?") is None
