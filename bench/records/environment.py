"""Where a run was measured. What could not be read is None, and so is what an older or thinner file lacks."""

from __future__ import annotations

from msgspec import Struct


class Accelerator(Struct, frozen=True, kw_only=True):
    """One device that was there and computed a right value."""

    name: str
    model_name: str
    memory_bytes: int | None = None
    amp_precision: str | None = None
    """The 16-bit precision that suits it."""


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
    torch_version: str | None = None
    torch_commit: str | None = None
    torch_cuda_version: str | None = None
    cudnn_version: int | None = None
    variables: dict[str, str] | None = None
    """Environment variables that steer threads, libraries or visible devices."""


class Recorded(Struct, frozen=True, kw_only=True):
    """What is only written down: where two runs differ, a suspect."""

    host_name: str | None = None
    os_release: str | None = None
    num_logical_cpus: int | None = None
    num_physical_cpus: int | None = None
    memory_bytes: int | None = None
    memory_available_bytes: int | None = None
    memory_limit_bytes: int | None = None
    cpu_frequency_hertz: float | None = None
    cpu_governor: str | None = None
    cpu_temperature_celsius: float | None = None
    load_average_1_minute: float | None = None
    num_processes: int | None = None
    numpy_version: str | None = None
    unusable_devices: dict[str, str] | None = None
    """Kind or name of a device that could not be used -> why."""
    git_commit: str | None = None
    git_is_dirty: bool | None = None


class Environment(Struct, frozen=True, kw_only=True):
    """The two sets."""

    identity: Identity
    recorded: Recorded
