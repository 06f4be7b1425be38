"""What memory there is for workers that are alive together, and what points of a sweep take of it at least."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from bench.measure.rounds import WORKER_BYTES
from bench.records.case import Case, Shape
from bench.records.environment import Environment
from productnet.config import TrainConfig
from productnet.memory import estimate_memory

_HOST = "cpu"
_DRAWN_BYTES = 24
"""A sample as it is drawn on the host, whatever device trains on it: three numbers, and three standardised."""
_MOVED_BYTES = 24
"""The same on a device with memory of its own, batched by hand: three numbers, and their copy in an epoch."""


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes of each device that has any limit; the host is "cpu"."""

    bytes_of: Mapping[str, int]

    def why_too_large(self, case: Case, together: Sequence[Case]) -> str | None:
        """Say why a case can't be measured, or None.

        Args:
            together: all that are alive beside each other, the case among them.
        """
        for device in dict.fromkeys((case.device, _HOST)):
            limit = self.bytes_of.get(device)
            alone, all_of_them = (sum(_bytes_on(device, each) for each in cases) for cases in ([case], together))
            if limit is not None and all_of_them > limit:
                others = len(together) - 1
                beside = f", with the {others} beside it {_gigabytes(all_of_them)}" if others else ""
                return f"it takes {_gigabytes(alone)} at least{beside}; there are {_gigabytes(limit)} on {device}"
        return None


def find_room(environment: Environment | None, free_bytes: Mapping[str, int] = MappingProxyType({})) -> Room:
    """Find what memory there is, from what is known of a machine.

    Args:
        free_bytes: name of a device -> what nobody holds of its memory; where that is not known, all of it counts.
    """
    if environment is None:
        return Room({})
    recorded = environment.recorded
    limits = [each for each in (recorded.memory_available_bytes, recorded.memory_limit_bytes) if each is not None]
    found = {
        each.name: each.memory_bytes
        for each in environment.identity.accelerators or ()
        if each.memory_bytes is not None and each.name != _HOST
    }
    return Room(found | dict(free_bytes) | ({_HOST: min(limits)} if limits else {}))


def _bytes_on(device: str, case: Case) -> int:
    """Estimate from below what a worker takes on a device: what it holds there of a training, and its process.

    Of a workload of a user's own nothing is known but the process. A sweep judges no network, so no held-out sample is
    drawn.
    """
    if case.workload is not None:
        return WORKER_BYTES // 4 if case.device == device == _HOST else 0
    shape = case.shape or Shape()
    costs = estimate_memory(TrainConfig(**msgspec.structs.asdict(shape)), case.num_replicas)
    if device == _HOST == case.device:
        return costs["hidden_sizes"] + costs["num_samples"] + WORKER_BYTES // 4
    if device == _HOST:
        return case.num_replicas * _DRAWN_BYTES * shape.num_samples
    moved = _MOVED_BYTES * shape.num_samples if case.batching == "manual" else 0
    return costs["hidden_sizes"] + case.num_replicas * moved


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:,.1f} GB"
