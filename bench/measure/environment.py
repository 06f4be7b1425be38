"""Where a run is measured: each fact by a small function, None where it can't be read.

Nothing is guessed: a container's limits are read beside the host's figures, a counter that is not there is None.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import psutil

from bench.measure.survey import Survey
from bench.records.environment import Environment, Identity, Recorded
from bench.records.journal import as_text

_CGROUP = Path("/sys/fs/cgroup")
_CPUFREQ = Path("/sys/devices/system/cpu/cpu0/cpufreq")
_VARIABLE_PREFIXES = ("CUDA_", "OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "PYTORCH_", "TORCH_", "NVIDIA_TF32")
_MAX_VARIABLE_LENGTH = 200


def collect_environment(survey: Survey, source_directory: Path) -> Environment:
    """Collect what identifies this machine and set-up, and what is only recorded.

    Args:
        source_directory: where the project's code lies, for its commit.
    """
    facts = survey.torch
    frequency = psutil.cpu_freq()
    memory = psutil.virtual_memory()
    # Installed code may lie inside of somebody else's repository: its commit is then not ours.
    is_tracked = _git(source_directory, "ls-files", "--error-unmatch", "__init__.py") is not None
    commit = _git(source_directory, "rev-parse", "HEAD") if is_tracked else None
    status = _git(source_directory, "status", "--porcelain") if is_tracked else None
    identity = Identity(
        cpu_model=collect_cpu_model(),
        cpu_architecture=platform.machine() or None,
        cpu_capability=facts.cpu_capability,
        num_cpus_granted=collect_num_cpus_granted(),
        accelerators=tuple(device for device in survey.devices if device.name != "cpu"),
        accelerator_driver=collect_nvidia_driver(),
        operating_system=platform.system() or None,
        python_version=platform.python_version(),
        torch_version=facts.torch_version,
        torch_commit=facts.torch_commit,
        torch_cuda_version=facts.torch_cuda_version,
        cudnn_version=facts.cudnn_version,
        variables=collect_variables(),
    )
    recorded = Recorded(
        host_name=as_text(platform.node()) or None,
        os_release=platform.platform() or None,
        num_logical_cpus=psutil.cpu_count(),
        num_physical_cpus=psutil.cpu_count(logical=False),
        memory_bytes=memory.total,
        memory_available_bytes=memory.available,
        memory_limit_bytes=collect_memory_limit_bytes(),
        cpu_frequency_hertz=frequency.current * 1e6 if frequency and frequency.current else None,
        cpu_governor=_read(_CPUFREQ / "scaling_governor"),
        cpu_temperature_celsius=collect_cpu_temperature(),
        load_average_1_minute=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        num_processes=len(psutil.pids()),
        numpy_version=facts.numpy_version,
        unusable_devices={name: unusable.reason for name, unusable in survey.unusable.items()},
        git_commit=commit,
        git_is_dirty=None if status is None else bool(status),
    )
    return Environment(identity=identity, recorded=recorded)


def collect_cpu_model() -> str | None:
    """Read the CPU's name."""
    for line in (_read(Path("/proc/cpuinfo")) or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip() or None
    return platform.processor() or None


def collect_num_cpus_granted() -> float | None:
    """Read how many CPUs this process may use: affinity, and a container's quota where there is one.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst, "cpu.max".
    """
    process = psutil.Process()
    affinity = len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else psutil.cpu_count()
    if affinity is None:
        return None
    quota, _, period = (_read(_CGROUP / "cpu.max") or "max").partition(" ")
    if quota.isdecimal() and period.isdecimal() and int(period) > 0:
        return min(float(affinity), int(quota) / int(period))
    return float(affinity)


def collect_memory_limit_bytes() -> int | None:
    """Read a container's memory limit. Source: cgroup-v2.rst, "memory.max"."""
    limit = _read(_CGROUP / "memory.max") or ""
    return int(limit) if limit.isdecimal() else None


def collect_nvidia_driver() -> str | None:
    """Read the NVIDIA driver's version line."""
    text = _read(Path("/proc/driver/nvidia/version"))
    return text.splitlines()[0] if text else None


def collect_cpu_temperature() -> float | None:
    """Read the hottest CPU sensor, in degrees Celsius."""
    if not hasattr(psutil, "sensors_temperatures"):
        return None
    sensors = psutil.sensors_temperatures()
    readings = [sensor.current for name in ("coretemp", "k10temp", "cpu_thermal") for sensor in sensors.get(name, [])]
    return max(readings, default=None)


def collect_variables() -> dict[str, str]:
    """Read the environment variables that steer threads, libraries and visible devices."""
    return {
        as_text(name): as_text(value, _MAX_VARIABLE_LENGTH)
        for name, value in sorted(os.environ.items())
        if name.startswith(_VARIABLE_PREFIXES)
    }


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def _git(directory: Path, *arguments: str) -> str | None:
    """Ask git about the code; None where there is no git, no repository, or one that git refuses to read."""
    git = shutil.which("git")
    if git is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed command
            (git, "-C", str(directory), *arguments), capture_output=True, timeout=5, check=True, text=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
