"""Where a run was measured. What could not be read is None, and so is what an older or thinner file lacks."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

LongText = Annotated[str, Meta(max_length=20_000)]


class Accelerator(Struct, frozen=True, kw_only=True):
    """One device that was there and computed a right value."""

    name: str
    model_name: str
    memory_bytes: int | None = None
    amp_precision: str | None = None
    """The 16-bit precision that suits it."""
    unusable_precisions: dict[str, str] | None = None
    """Precision -> why it can't be had there."""


class Gpu(Struct, frozen=True, kw_only=True):
    """What an accelerator's driver tells of it, beside what torch tells: what a run does not change."""

    name: str
    """Of the device, as in `Accelerator`."""
    uuid: str | None = None
    max_clock_hertz: float | None = None
    """The fastest that its multiprocessors may ever run."""
    power_limit_watts: float | None = None
    is_persistent: bool | None = None
    """Whether the driver stays loaded when nobody uses the card."""


class Identity(Struct, frozen=True, kw_only=True):
    """What must agree before two runs may be compared."""

    cpu_model: str | None = None
    cpu_architecture: str | None = None
    cpu_capability: str | None = None
    """The vector instructions that torch uses, say AVX512."""
    num_cpus_granted: float | None = None
    """What affinity and container leave of the machine's logical CPUs; 1.5 where a quota says so."""
    accelerators: tuple[Accelerator, ...] | None = None
    accelerator_driver: str | None = None
    operating_system: str | None = None
    python_version: str | None = None
    python_implementation: str | None = None
    torch_version: str | None = None
    torch_commit: str | None = None
    torch_build: LongText | None = None
    """Compilers, libraries and flags that torch was built with."""
    torch_cuda_version: str | None = None
    cuda_architectures: tuple[str, ...] | None = None
    """What torch's kernels were compiled for, say sm_90; empty in a build for the CPU."""
    cudnn_version: int | None = None
    variables: dict[str, str] | None = None
    """Environment variables that steer threads, libraries or visible devices."""


class Recorded(Struct, frozen=True, kw_only=True):
    """What is only written down: where two runs differ, a suspect."""

    host_name: str | None = None
    os_release: str | None = None
    num_logical_cpus: int | None = None
    num_physical_cpus: int | None = None
    cpu_affinity: tuple[int, ...] | None = None
    """Numbers of the logical CPUs that this process may run on."""
    cpu_quota: float | None = None
    """How many CPUs' worth of time a container may use; None where there is no quota."""
    is_virtual: bool | None = None
    """Whether the CPU says that a hypervisor runs it."""
    memory_bytes: int | None = None
    memory_available_bytes: int | None = None
    memory_limit_bytes: int | None = None
    cpu_frequency_hertz: float | None = None
    cpu_governor: str | None = None
    """Of the CPUs granted; several with commas."""
    cpu_boosts: bool | None = None
    """Whether a CPU may go over its nominal frequency while heat and power allow."""
    is_on_battery: bool | None = None
    power_profile: str | None = None
    """What the system was told to prefer, say low-power."""
    cpu_temperature_celsius: float | None = None
    load_average_1_minute: float | None = None
    num_processes: int | None = None
    gpus: tuple[Gpu, ...] | None = None
    numpy_version: str | None = None
    torch_parallel_info: LongText | None = None
    unusable_devices: dict[str, str] | None = None
    """Kind or name of a device that could not be used -> why."""
    git_commit: str | None = None
    git_is_dirty: bool | None = None


class Environment(Struct, frozen=True, kw_only=True):
    """The two sets."""

    identity: Identity
    recorded: Recorded
