"""What differs between kinds of device: one file for each, with the functions of `Kind`; the only code that branches.

torch is imported inside the functions, so that names can be checked without it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Literal, Protocol

from productnet.kinds import cpu, cuda, mps

PhaseTiming = Literal["clock", "events", "prefixes"]
"""How the phases of a step are told apart: by a synchronised clock between them, by events in the device's own queue,
or by running longer and longer parts of the step and taking differences."""


Record = Callable[[Callable[[], None]], Callable[[], None]]
"""Runs some work on the device to warm it up, records its launches without running them, and returns what runs them."""


class Marks(Protocol):
    """Marks in a device's queue of work, to be read when the device has passed them."""

    def mark(self) -> object:
        """Put a mark behind the work that was handed over so far. Synchronizes: no."""

    def seconds_between(self, first: Any, second: Any) -> float:
        """Read the time between two marks; the device must have passed both."""

    def hold(self, seconds: float) -> None:
        """Keep the device busy with nothing, so that what is handed over next finds a full queue. Synchronizes: no."""


class Kind(Protocol):
    """A kind of device; `index` is the number of one of them."""

    @property
    def PHASE_TIMING(self) -> PhaseTiming:  # noqa: N802 - a constant of each file
        """How the phases of a step are told apart on it."""

    def count(self) -> int:
        """Return how many are there, as far as torch knows."""

    def why_none(self) -> str:
        """Say why there is none."""

    def synchronize(self, index: int, /) -> None:
        """Wait until the device has done all that it was given, in all of its streams. Synchronizes: yes."""

    def model_name(self, index: int, /) -> str:
        """Return what the maker calls it."""

    def uuid(self, index: int, /) -> str | None:
        """Return what tells it from all others; None where there is no such thing."""

    def memory_bytes(self, index: int, /) -> int | None:
        """Return the size of its own memory; None where it shares the host's."""

    def free_memory_bytes(self, index: int, /) -> int | None:
        """Return how much of its own memory nobody holds now; None where it shares the host's."""

    def reset_peak_memory(self, index: int, /) -> None:
        """Start counting its peak memory anew."""

    def peak_memory_bytes(self, index: int, /) -> int | None:
        """Return the most that tensors have held since then; None where nobody counts."""

    def why_not(self, index: int, precision: str, /) -> str | None:
        """Say why it can't do a precision, as far as it tells; None where it may."""

    def amp_precision(self, index: int, /) -> str:
        """Return the 16-bit precision that suits it: bf16 or fp16."""

    def make_marks(self, index: int, /) -> Marks | None:
        """Return marks for its queue; None where it has none that can be trusted."""

    def make_recorder(self, index: int, /) -> Record | None:
        """Return what records work for it, to be run again and again; None where it can't."""


# The best first: "auto" takes the first that works.
KINDS: MappingProxyType[str, Kind] = MappingProxyType({"cuda": cuda, "mps": mps, "cpu": cpu})
