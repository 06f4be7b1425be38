"""A case: one point of device, engine, batching, precision and threads. Hashable: the key of everything measured."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Index = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
ShortName = Annotated[str, Meta(min_length=1, max_length=50)]
"""Four of them make the name of a case."""
Number = Annotated[float, Meta(ge=-1e15, le=1e15)]
"""Of any unit: its square is a number still, and so is a sum of many."""


class Case(Struct, frozen=True, kw_only=True):
    """What one row of a table is about."""

    device: ShortName
    engine: ShortName
    batching: ShortName
    precision: ShortName = "fp32"
    num_threads: Count
    num_epochs: Count

    @property
    def name(self) -> str:
        """The short name that tables and samples use; precision and threads appear where they are not fp32 and one."""
        parts = [self.device, self.engine, self.batching]
        if self.precision != "fp32":
            parts.append(self.precision)
        if self.num_threads != 1:
            parts.append(f"{self.num_threads}-threads")
        return "/".join(parts)
