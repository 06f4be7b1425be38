"""What a container leaves of the machine: control groups of version 1 and 2.

A limit counts wherever it is set between the process's own group and the root that it can see: the smallest holds.
Source: Linux, Documentation/admin-guide/cgroup-v2.rst; cgroup-v1/memory.rst; scheduler/sched-bwc.rst.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from bench.measure.sysfs import ROOT, as_count, read_count, read_text

_UNLIMITED_BYTES = 2**62
"""Version 1 says "no limit" as the largest whole number of pages under 2**63."""


def collect_cpu_quota(root: Path = ROOT) -> float | None:
    """Read how many CPUs' worth of time the container may use; None where there is no quota."""
    quotas = [_read_quota(group) for group in _list_groups(root, "cpu")]
    return min((quota for quota in quotas if quota is not None), default=None)


def collect_memory_limit_bytes(root: Path = ROOT) -> int | None:
    """Read the container's memory limit; None where there is none."""
    limits = [
        read_count(group / name)
        for group in _list_groups(root, "memory")
        for name in ("memory.max", "memory.limit_in_bytes")
    ]
    return min((limit for limit in limits if limit is not None and limit < _UNLIMITED_BYTES), default=None)


def collect_quota_throttled_seconds(root: Path = ROOT) -> float | None:
    """Read how long the quota has stopped the container since it was made."""
    seconds = []
    for group in _list_groups(root, "cpu"):
        for line in (read_text(group / "cpu.stat") or "").splitlines():
            name, _, value = line.partition(" ")
            unit = {"throttled_usec": 1e-6, "throttled_time": 1e-9}.get(name)
            count = as_count(value.strip())
            if unit is not None and count is not None:
                seconds.append(count * unit)
    return max(seconds, default=None)


def _read_quota(group: Path) -> float | None:
    quota, _, period = (read_text(group / "cpu.max") or "").partition(" ")
    pairs = (
        (as_count(quota), as_count(period)),
        (read_count(group / "cpu.cfs_quota_us"), read_count(group / "cpu.cfs_period_us")),
    )
    return next((microseconds / each for microseconds, each in pairs if microseconds and each), None)


def _list_groups(root: Path, controller: str) -> list[Path]:
    """List the directories of the process's group and of those above it, as far as they can be seen."""
    mount = root / "sys/fs/cgroup"
    own: dict[Path, str] = {mount: "/", mount / "unified": "/", mount / controller: "/"}
    for line in (read_text(root / "proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            own[mount / controller] = path
        elif number == "0" and not controllers:
            own[mount] = own[mount / "unified"] = path
    groups = []
    for base, path in own.items():
        # ".." names what lies outside of the container: it can't be seen.
        parts = [part for part in PurePosixPath(path).parts if part not in ("/", "..")]
        groups += [base.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1)]
    return groups
