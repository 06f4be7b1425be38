"""Control groups as Linux lays them out, in a tree of our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.measure import container
from tests.bench.measure.trees import write_tree

CPU, MEMORY = "sys/fs/cgroup/cpu", "sys/fs/cgroup/memory"


@pytest.mark.parametrize(
    ("cpu_max", "quota"),
    [
        ("150000 100000", 1.5),
        ("max 100000", None),
        ("garbage", None),
        ("1 0", None),
        ("0 100000", None),
        ("-1 100000", None),
        ("9" * 400 + " 1", None),
        ("\udcff\x00", None),
        ("", None),
    ],
)
def test_a_quota_is_read_and_anything_else_is_none(tmp_path: Path, cpu_max: str, quota: float | None) -> None:
    write_tree(tmp_path, {"sys/fs/cgroup/cpu.max": cpu_max})
    assert container.collect_cpu_quota(tmp_path) == quota


def test_the_smallest_quota_between_the_own_group_and_the_root_holds(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "proc/self/cgroup": "0::/a/b",
            "sys/fs/cgroup/a/cpu.max": "50000 100000",
            "sys/fs/cgroup/a/b/cpu.max": "200000 100000",
            "sys/fs/cgroup/c/cpu.max": "1 100000",
        },
    )
    assert container.collect_cpu_quota(tmp_path) == 0.5


def test_version_1_is_read_with_its_own_names_and_its_own_word_for_no_limit(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "2:cpu,cpuacct:/x\n4:memory:/x\n0::/",
        f"{CPU}/x/cpu.cfs_quota_us": "250000",
        f"{CPU}/x/cpu.cfs_period_us": "100000",
        f"{CPU}/cpu.cfs_quota_us": "-1",
        f"{CPU}/cpu.cfs_period_us": "100000",
        f"{CPU}/x/cpu.stat": "nr_periods 5\nthrottled_time 1500000000",
        f"{MEMORY}/memory.limit_in_bytes": "9223372036854771712",
    }
    write_tree(tmp_path, files)
    assert container.collect_cpu_quota(tmp_path) == 2.5
    assert container.collect_memory_limit_bytes(tmp_path) is None
    assert container.collect_quota_throttled_seconds(tmp_path) == 1.5
    write_tree(tmp_path, {f"{MEMORY}/x/memory.limit_in_bytes": "1073741824"})
    assert container.collect_memory_limit_bytes(tmp_path) == 2**30


def test_a_group_of_the_host_that_a_container_can_not_see_falls_back_to_the_root_that_it_sees(tmp_path: Path) -> None:
    write_tree(tmp_path, {"proc/self/cgroup": "0::/../../docker/abc", "sys/fs/cgroup/cpu.max": "100000 100000"})
    assert container.collect_cpu_quota(tmp_path) == 1.0


@pytest.mark.parametrize(("memory_max", "limit"), [("1073741824", 2**30), ("max", None), ("-5", None), ("1e9", None)])
def test_a_memory_limit_that_is_none_or_unreadable_is_none(tmp_path: Path, memory_max: str, limit: int | None) -> None:
    write_tree(tmp_path, {"sys/fs/cgroup/memory.max": memory_max})
    assert container.collect_memory_limit_bytes(tmp_path) == limit


def test_throttled_time_of_version_2_is_in_microseconds(tmp_path: Path) -> None:
    write_tree(tmp_path, {"sys/fs/cgroup/cpu.stat": "usage_usec 9\nthrottled_usec 2500000\nthrottled_usec x"})
    assert container.collect_quota_throttled_seconds(tmp_path) == 2.5


def test_without_control_groups_nothing_is_known(tmp_path: Path) -> None:
    assert container.collect_cpu_quota(tmp_path) is None
    assert container.collect_memory_limit_bytes(tmp_path) is None
    assert container.collect_quota_throttled_seconds(tmp_path) is None
