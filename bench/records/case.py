"""A case: one point of device, engine, batching, precision and threads, or of a workload of a user's own.

Hashable: the key of everything measured.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

Count = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Index = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
ShortName = Annotated[str, Meta(min_length=1, max_length=50)]
"""Four of them make the name of a case."""
Number = Annotated[float, Meta(ge=-1e15, le=1e15)]
"""Of any unit: its square is a number still, and so is a sum of many."""

OWN = "own"
"""The engine and the batching of a workload of a user's own: it runs its steps itself."""


MAX_PLACE = 1_000


class OwnWorkload(Struct, frozen=True, kw_only=True):
    """A file of a user's own: what it is called, where it is, and which contents of it are meant."""

    name: ShortName
    place: Annotated[str, Meta(min_length=1, max_length=MAX_PLACE)]
    """"file.py:Class" or "module:Class"."""
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
    """SHA-256 of the file: another digest is another workload."""


class Case(Struct, frozen=True, kw_only=True):
    """What one row of a table is about."""

    device: ShortName
    engine: ShortName
    batching: ShortName
    precision: ShortName = "fp32"
    num_threads: Count
    num_epochs: Count
    """Steps, of a workload of a user's own."""
    workload: OwnWorkload | None = None
    """None is the product network."""

    def is_like(self, other: Case) -> bool:
        """Whether it is another case, but for which contents a file of a user's own has, and where it lies."""
        return self.name == other.name and replace(self, workload=None) == replace(other, workload=None)

    def count_losses(self, num_blocks: int) -> int:
        """Return how many losses a training in so many blocks leaves: every epoch's, or every block's last step's."""
        return self.num_epochs if self.workload is None else num_blocks

    @property
    def name(self) -> str:
        """The short name that tables and samples use; precision and threads appear where they are not fp32 and one."""
        parts = [self.device, *([self.engine, self.batching] if self.workload is None else [self.workload.name])]
        if self.precision != "fp32":
            parts.append(self.precision)
        if self.num_threads != 1:
            parts.append(f"{self.num_threads}-threads")
        return "/".join(parts)
