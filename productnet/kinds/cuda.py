"""NVIDIA's cards (and AMD's, which torch calls the same)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import torch

PHASE_TIMING: Final[Literal["events"]] = "events"

NUM_WARMUPS = 3
"""Runs before a capture, on a stream of their own: what is chosen or allocated at a first use must not be recorded.
Source: PyTorch, "CUDA semantics", section "Whole-network capture".
"""


def count() -> int:
    """As many as are visible."""
    import torch

    return torch.cuda.device_count()


def why_none() -> str:
    """The build, the environment, or the machine."""
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return f"torch {torch.__version__} is built without CUDA"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return f"CUDA_VISIBLE_DEVICES={visible!r} shows no card"
    return f"torch {torch.__version__} finds no card or no driver"


def synchronize(index: int) -> None:
    """Wait for all of its streams."""
    import torch

    torch.cuda.synchronize(index)


def model_name(index: int) -> str:
    """The driver's name for it."""
    import torch

    return torch.cuda.get_device_name(index)


def uuid(index: int) -> str | None:
    """The driver's, where torch hands it on."""
    import torch

    uuid = getattr(torch.cuda.get_device_properties(index), "uuid", None)
    return None if uuid is None else str(uuid)


def memory_bytes(index: int) -> int:
    """All of it, used or not."""
    import torch

    return torch.cuda.get_device_properties(index).total_memory


def free_memory_bytes(index: int) -> int:
    """As the driver says; this process's own context is taken off."""
    import torch

    free: int = torch.cuda.mem_get_info(index)[0]
    return free


def reset_peak_memory(index: int) -> None:
    """Forget the peak so far."""
    import torch

    torch.cuda.reset_peak_memory_stats(index)


def peak_memory_bytes(index: int) -> int:
    """What tensors held; the allocator's reserve and the context's own hundreds of MB are not in it."""
    import torch

    return torch.cuda.max_memory_allocated(index)


def why_not(index: int, precision: str) -> str | None:
    """By compute capability: TF32 and bfloat16 came with 8.0.

    Source: NVIDIA, CUDA C++ Programming Guide, "Compute Capabilities".
    """
    import torch

    if precision == "tf32" and torch.version.hip is not None:
        return "TF32 is a format of NVIDIA's cards; use fp32 or bf16"
    major, minor = torch.cuda.get_device_capability(index)
    if precision in ("tf32", "bf16") and major < 8:
        return f"it came with compute capability 8.0 (Ampere), and this card has {major}.{minor}; use fp16"
    return None


def amp_precision(index: int) -> str:
    """bfloat16, which needs no scaler, where the card multiplies in it."""
    return "fp16" if why_not(index, "bf16") else "bf16"


class EventMarks:
    """CUDA events in the card's current stream."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._cycles_per_second: float | None = None

    def mark(self) -> torch.cuda.Event:
        """Record an event."""
        import torch

        with torch.cuda.device(self._index):
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record()
        return event

    def seconds_between(self, first: torch.cuda.Event, second: torch.cuda.Event) -> float:
        """Read the card's own clock, resolution about half a microsecond."""
        milliseconds: float = first.elapsed_time(second)
        return milliseconds / 1e3

    def hold(self, seconds: float) -> None:
        """Let one kernel spin for so many cycles, as torch's own tests do."""
        import torch

        if self._cycles_per_second is None:
            self._time_cycles(1)  # CUDA loads a kernel at its first launch, which takes many times what is timed
            self._cycles_per_second = self._time_cycles(1_000_000)
        with torch.cuda.device(self._index):
            torch.cuda._sleep(int(seconds * self._cycles_per_second))  # type: ignore[no-untyped-call]

    def _time_cycles(self, num_cycles: int) -> float:
        import torch

        first = self.mark()
        with torch.cuda.device(self._index):
            torch.cuda._sleep(num_cycles)  # type: ignore[no-untyped-call]
        second = self.mark()
        torch.cuda.synchronize(self._index)
        return num_cycles / self.seconds_between(first, second)


def make_marks(index: int) -> EventMarks:
    """Return events."""
    return EventMarks(index)


def make_recorder(index: int) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Return what captures a CUDA graph; work that can't be captured is torch's error. Synchronizes: yes."""
    import torch

    def record(work: Callable[[], None]) -> Callable[[], None]:
        with torch.cuda.device(index):
            stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(NUM_WARMUPS):
                    work()
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                work()

        def replay() -> None:
            with torch.cuda.device(index):
                graph.replay()

        return replay

    return record
