"""Apple's GPU through Metal."""

from __future__ import annotations

from typing import Final, Literal

# Its events have hung and run backwards, so phases come from differences of whole blocks.
PHASE_TIMING: Final[Literal["prefixes"]] = "prefixes"


def count() -> int:
    """One or none. Hosted macOS machines report one that fails at its first work (actions/runner-images#9918)."""
    import torch

    return int(torch.backends.mps.is_available())


def why_none() -> str:
    """The build or the system."""
    import torch

    if not torch.backends.mps.is_built():
        return f"torch {torch.__version__} is built without MPS"
    return "this system offers no Metal device"


def synchronize(_index: int) -> None:
    """Wait for all of its streams."""
    import torch

    torch.mps.synchronize()


def model_name(_index: int) -> str:
    """The chip, where torch tells it."""
    import torch

    return torch.backends.mps.get_name() if hasattr(torch.backends.mps, "get_name") else "Apple GPU"


def uuid(_index: int) -> None:
    """There is one."""


def memory_bytes(_index: int) -> None:
    """The host's."""


def free_memory_bytes(_index: int) -> None:
    """The host's."""


def reset_peak_memory(_index: int) -> None:
    """Nobody keeps a peak for Metal."""


def peak_memory_bytes(_index: int) -> None:
    """The same."""


def why_not(_index: int, precision: str) -> str | None:
    """bfloat16 is new, TF32 is another maker's."""
    import torch

    if precision == "tf32":
        return "TF32 is a format of NVIDIA's cards; use fp32 or fp16"
    if precision == "bf16" and not torch.backends.mps.is_macos_or_newer(14, 0):
        return "it came to MPS with macOS 14; use fp16"
    return None


def amp_precision(index: int) -> str:
    """bfloat16, which needs no scaler, where the system has it."""
    return "fp16" if why_not(index, "bf16") else "bf16"


def make_marks(_index: int) -> None:
    """None that can be trusted."""


def make_recorder(_index: int) -> None:
    """Metal has nothing of the kind in torch."""
