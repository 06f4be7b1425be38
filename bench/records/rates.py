"""What a device can do at most, and what a step asks of it: the facts that floors and verdicts rest on."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from bench.records.case import Count, Index, ShortName

PerSecond = Annotated[float, Meta(ge=1.0, le=1e21)]
Reason = Annotated[str, Meta(min_length=1, max_length=2_000)]

RATES = (
    "register_multiply_adds_per_second",
    "matrix_multiply_adds_per_second",
    "stream_bytes_per_second",
    "operators_per_second",
)
"""The fields of `Rates` that are rates."""


class StepWork(Struct, frozen=True, kw_only=True):
    """What a step has to do, however it is executed: counted, not measured; on average over the steps of an epoch."""

    num_flops: Count
    """Floating-point operations of forward, loss, backward and optimizer; a multiply-add is two."""
    num_bytes: Count
    """What has to come from memory or go there where nothing stays in a cache from one step to the next."""
    working_set_bytes: Count
    """What the steps of a training come back to: samples, parameters, the optimizer's state."""


class Rates(Struct, tag="rates", frozen=True, kw_only=True):
    """What a device did at most, at one moment of a run; a rate that could not be measured is None and has a reason."""

    device: ShortName
    precision: ShortName
    """Of the matrix product."""
    num_threads: Count
    wave: Index
    register_multiply_adds_per_second: PerSecond | None = None
    """Of independent fused multiply-adds in float32 whose operands stay in registers."""
    matrix_multiply_adds_per_second: PerSecond | None = None
    """Of a large matrix product of the library."""
    stream_bytes_per_second: PerSecond | None = None
    """Read and written while an array far larger than any cache is copied."""
    operators_per_second: PerSecond | None = None
    """Of a training step on a single number, in which nothing but calling them costs; what it does as a rule, where the
    other rates are the best."""
    reasons: dict[ShortName, Reason] = {}
    """Rate -> why it could not be measured."""

    def __post_init__(self) -> None:
        missing = {name for name in RATES if getattr(self, name) is None}
        if missing != set(self.reasons):
            raise ValueError(f"rates that are missing: {sorted(missing)}, reasons for: {sorted(self.reasons)}")
