"""Where a run is measured: each fact by a small function, None where it can't be read.

Nothing is guessed: a container's limits are read beside the host's figures, a counter that is not there is None.
"""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

import psutil

from bench.measure import cpu
from bench.measure.conditions import collect_load_average
from bench.measure.container import collect_cpu_quota, collect_memory_limit_bytes
from bench.measure.nvidia import collect_driver, collect_gpus, open_nvml
from bench.measure.power import collect_is_on_battery, collect_power_profile
from bench.measure.survey import Survey
from bench.measure.sysfs import ROOT
from bench.records.environment import Environment, Identity, Recorded
from bench.records.journal import as_text

_VARIABLE_PREFIXES = (
    *("CUDA_", "CUBLAS_", "CUDNN_", "NVIDIA_TF32", "PYTORCH_", "TORCH", "TRITON_"),
    *("OMP_", "GOMP_", "KMP_", "MKL_", "DNNL_", "ONEDNN_", "OPENBLAS_", "VECLIB_", "NUMEXPR_", "BLIS_"),
    *("LD_PRELOAD", "MALLOC_", "PYTHONMALLOC", "PYTHONHASHSEED"),
)
_MAX_VARIABLE_LENGTH = 200


def collect_environment(survey: Survey, source_directory: Path, root: Path = ROOT) -> Environment:
    """Collect what identifies this machine and set-up, and what is only recorded.

    Args:
        source_directory: where the project's code lies, for its commit.
        root: where /proc and /sys are.
    """
    with open_nvml() as nvml:
        driver = collect_driver(nvml, root)
        gpus = collect_gpus(nvml, survey.gpu_uuids)
    facts = survey.torch
    identity = Identity(
        cpu_model=cpu.collect_cpu_model(root),
        cpu_architecture=platform.machine() or None,
        cpu_capability=facts.cpu_capability,
        num_cpus_granted=cpu.collect_num_cpus_granted(root),
        accelerators=tuple(device for device in survey.devices if device.name != "cpu"),
        accelerator_driver=driver,
        operating_system=platform.system() or None,
        python_version=platform.python_version(),
        python_implementation=platform.python_implementation() or None,
        torch_version=facts.torch_version,
        torch_commit=facts.torch_commit,
        torch_build=facts.build,
        torch_cuda_version=facts.torch_cuda_version,
        cuda_architectures=facts.cuda_architectures,
        cudnn_version=facts.cudnn_version,
        variables=collect_variables(),
    )
    commit, is_dirty = collect_commit(source_directory)
    memory = psutil.virtual_memory()
    recorded = Recorded(
        host_name=as_text(platform.node()) or None,
        os_release=platform.platform() or None,
        num_logical_cpus=psutil.cpu_count(),
        num_physical_cpus=psutil.cpu_count(logical=False),
        cpu_affinity=cpu.collect_affinity(),
        cpu_quota=collect_cpu_quota(root),
        is_virtual=cpu.collect_is_virtual(root),
        memory_bytes=memory.total,
        memory_available_bytes=memory.available,
        memory_limit_bytes=collect_memory_limit_bytes(root),
        cpu_frequency_hertz=cpu.collect_frequency_hertz(),
        cpu_governor=cpu.collect_governor(root),
        cpu_boosts=cpu.collect_boosts(root),
        is_on_battery=collect_is_on_battery(),
        power_profile=collect_power_profile(root),
        cpu_temperature_celsius=cpu.collect_temperature(),
        load_average_1_minute=collect_load_average(),
        num_processes=len(psutil.pids()),
        gpus=gpus,
        numpy_version=facts.numpy_version,
        torch_parallel_info=facts.parallel_info,
        unusable_devices={name: as_text(unusable.reason) for name, unusable in survey.unusable.items()},
        git_commit=commit,
        git_is_dirty=is_dirty,
    )
    return Environment(identity=identity, recorded=recorded)


def collect_variables() -> dict[str, str]:
    """Read the environment variables that steer threads, libraries, memory and visible devices."""
    return {
        as_text(name): as_text(value, _MAX_VARIABLE_LENGTH)
        for name, value in sorted(os.environ.items())
        if name.startswith(_VARIABLE_PREFIXES)
    }


def collect_commit(directory: Path) -> tuple[str | None, bool | None]:
    """Read the commit of the code, and whether it was changed since; None where there is no git, or no repository.

    Installed code may lie inside of somebody else's repository, untracked: its commit is then not ours.
    """
    git = shutil.which("git")
    if git is None or cpu.ask_system(git, "-C", str(directory), "ls-files", "--error-unmatch", "__init__.py") is None:
        return None, None
    commit = cpu.ask_system(git, "-C", str(directory), "rev-parse", "HEAD")
    status = cpu.ask_system(git, "-C", str(directory), "status", "--porcelain")
    return commit, None if status is None else bool(status)
