"""The CPU: it has done its work when a call returns, and its memory is the host's."""

from __future__ import annotations

from typing import Final, Literal

PHASE_TIMING: Final[Literal["clock"]] = "clock"


def count() -> int:
    """There is always one."""
    return 1


def why_none() -> str:
    """Nobody asks."""
    return ""


def synchronize(_index: int) -> None:
    """Nothing to wait for."""


def model_name(_index: int) -> str:
    """Its name is a fact of the machine's environment."""
    return "CPU"


def uuid(_index: int) -> None:
    """There is one."""


def memory_bytes(_index: int) -> None:
    """The host's."""


def free_memory_bytes(_index: int) -> None:
    """The host's."""


def reset_peak_memory(_index: int) -> None:
    """The host's memory is counted by the system."""


def peak_memory_bytes(_index: int) -> None:
    """The same."""


def why_not(_index: int, precision: str) -> str | None:
    """Everything but TF32, fast or not."""
    return "TF32 is a format of NVIDIA's cards; use fp32 or bf16" if precision == "tf32" else None


def amp_precision(_index: int) -> str:
    """bfloat16, which has vector instructions on newer CPUs and needs no scaler."""
    return "bf16"


def make_marks(_index: int) -> None:
    """There is no queue."""


def make_recorder(_index: int) -> None:
    """A call is its work."""
