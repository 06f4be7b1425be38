"""What holds a step up, from what each cause would take by itself at the rates that its device has shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

EXPLAINS = 0.5
"""A cause that takes such a share of a step by itself is the one to work on; two can't both take more."""

CACHED_BYTES = 2**18
"""A working set up to this never leaves the caches: no core that torch runs on today has less of them."""


class Bound(StrEnum):
    """What a step waits for."""

    DISPATCH = "dispatch-bound"
    """The calling of operators, whatever they compute."""
    COMPUTE = "compute-bound"
    MEMORY = "memory-bound"
    LATENCY = "latency-bound"
    """None of these: steps that wait for one another's results, and what is neither counted nor measured."""


@dataclass(frozen=True, slots=True)
class Shares:
    """The evidence: what each cause would take by itself, as a share of a step's time; None where that is not known."""

    dispatch: float | None
    compute: float | None
    memory: float | None


def judge_bound(shares: Shares) -> Bound | None:
    """Name the largest share that explains a step; latency where all are known and none does, else None."""
    causes = {Bound.DISPATCH: shares.dispatch, Bound.COMPUTE: shares.compute, Bound.MEMORY: shares.memory}
    known = {bound: share for bound, share in causes.items() if share is not None}
    largest = max(known, key=lambda bound: known[bound], default=None)
    if largest is not None and known[largest] >= EXPLAINS:
        return largest
    return Bound.LATENCY if len(known) == len(causes) else None
