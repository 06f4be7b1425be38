"""Where a run was measured. What could not be read is None, and so is what an older or thinner file lacks."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from bench.records.case import Index, Name, Number, ShortName
from bench.records.journal import Text

LongText = Annotated[str, Meta(max_length=20_000)]


class Accelerator(Struct, frozen=True, kw_only=True):
    """One device that was there and computed a right value."""

    name: Name
    model_name: Name
    memory_bytes: Index | None = None
    amp_precision: ShortName | None = None
    """The 16-bit precision that suits it."""
    unusable_precisions: dict[Name, Text] | None = None
    """Precision -> why it can't be had there."""


class Gpu(Struct, frozen=True, kw_only=True):
    """What an accelerator's driver tells of it, beside what torch tells: what a run does not change."""

    name: Name
    """Of the device, as in `Accelerator`."""
    uuid: Text | None = None
    max_clock_hertz: Number | None = None
    """The fastest that its multiprocessors may ever run."""
    power_limit_watts: Number | None = None
    is_persistent: bool | None = None
    """Whether the driver stays loaded when nobody uses the card."""


class Identity(Struct, frozen=True, kw_only=True):
    """What must agree before two runs may be compared."""

    cpu_model: Text | None = None
    cpu_architecture: Text | None = None
    cpu_capability: Text | None = None
    """The vector instructions that torch uses, say AVX512."""
    num_cpus_granted: Number | None = None
    """What affinity and container leave of the machine's logical CPUs; 1.5 where a quota says so."""
    accelerators: tuple[Accelerator, ...] | None = None
    accelerator_driver: Text | None = None
    operating_system: Text | None = None
    python_version: Text | None = None
    python_implementation: Text | None = None
    torch_version: Text | None = None
    torch_commit: Text | None = None
    torch_build: LongText | None = None
    """Compilers, libraries and flags that torch was built with."""
    torch_cuda_version: Text | None = None
    cuda_architectures: tuple[Name, ...] | None = None
    """What torch's kernels were compiled for, say sm_90; empty in a build for the CPU."""
    cudnn_version: Index | None = None
    variables: dict[Name, Text] | None = None
    """Environment variables that steer threads, libraries or visible devices."""


class Recorded(Struct, frozen=True, kw_only=True):
    """What is only written down: where two runs differ, a suspect."""

    host_name: Text | None = None
    os_release: Text | None = None
    num_logical_cpus: Index | None = None
    num_physical_cpus: Index | None = None
    cpu_affinity: tuple[Index, ...] | None = None
    """Numbers of the logical CPUs that this process may run on."""
    cpu_quota: Number | None = None
    """How many CPUs' worth of time a container may use; None where there is no quota."""
    is_virtual: bool | None = None
    """Whether the CPU says that a hypervisor runs it."""
    memory_bytes: Index | None = None
    memory_available_bytes: Index | None = None
    memory_limit_bytes: Index | None = None
    cpu_frequency_hertz: Number | None = None
    cpu_governor: Text | None = None
    """Of the CPUs granted; several with commas."""
    cpu_boosts: bool | None = None
    """Whether a CPU may go over its nominal frequency while heat and power allow."""
    is_on_battery: bool | None = None
    power_profile: Text | None = None
    """What the system was told to prefer, say low-power."""
    cpu_temperature_celsius: Number | None = None
    load_average_1_minute: Number | None = None
    num_processes: Index | None = None
    gpus: tuple[Gpu, ...] | None = None
    numpy_version: Text | None = None
    torch_parallel_info: LongText | None = None
    unusable_devices: dict[Name, Text] | None = None
    """Kind or name of a device that could not be used -> why."""
    git_commit: Text | None = None
    git_is_dirty: bool | None = None


class Environment(Struct, frozen=True, kw_only=True):
    """The two sets."""

    identity: Identity
    recorded: Recorded
