"""A case: one point of device, engine, batching, precision, threads, replicas and shape, or a workload of one's own.

Hashable: the key of everything measured.
"""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from productnet.registry import MAX_REPLICAS

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
Argument = Annotated[str, Meta(pattern="^[A-Za-z_][A-Za-z0-9_]*$", max_length=50)]
"""The name of a parameter."""


class OwnWorkload(Struct, frozen=True, kw_only=True):
    """A file of a user's own: what it is called, where it is, and which contents of it are meant."""

    name: ShortName
    place: Annotated[str, Meta(min_length=1, max_length=MAX_PLACE)]
    """"file.py:Class" or "module:Class"."""
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
    """SHA-256 of the file: another digest is another workload."""
    arguments: Annotated[tuple[tuple[Argument, Count], ...], Meta(max_length=2)] = ()
    """What its class is called with besides device, precision and seed: names and values, in a sweep over them."""


class Shape(Struct, frozen=True, kw_only=True):
    """The sizes of a training that is not as large as the recipe's; the defaults are the recipe's."""

    batch_size: Count = 100
    hidden_sizes: Annotated[tuple[Count, ...], Meta(min_length=1, max_length=64)] = (16, 8)
    num_samples: Count = 1_000

    @property
    def multiply_adds_per_sample(self) -> int:
        """Forward, and backward for weights and inputs; the gradient of the network's own inputs is not needed."""
        products = [fan_in * fan_out for fan_in, fan_out in pairwise((2, *self.hidden_sizes, 1))]
        return 3 * sum(products) - products[0]

    @property
    def name_parts(self) -> list[str]:
        """What differs from the recipe; equal widths in a row are counted, `hidden-4of64`."""
        usual = Shape()
        parts = []
        if self.batch_size != usual.batch_size:
            parts.append(f"batch-{self.batch_size}")
        if self.hidden_sizes != usual.hidden_sizes:
            rows = [(width, len(list(row))) for width, row in groupby(self.hidden_sizes)]
            widths = (str(width) if count == 1 else f"{count}of{width}" for width, count in rows)
            parts.append(f"hidden-{'-'.join(widths)}")
        if self.num_samples != usual.num_samples:
            parts.append(f"samples-{self.num_samples}")
        return parts


class Case(Struct, frozen=True, kw_only=True):
    """What one row of a table is about."""

    device: ShortName
    engine: ShortName
    batching: ShortName
    precision: ShortName = "fp32"
    num_threads: Count
    num_epochs: Count
    """Steps, of a workload of a user's own."""
    num_replicas: Annotated[int, Meta(ge=1, le=MAX_REPLICAS)] = 1
    """Networks that are trained at once, of seeds that follow each other; a step is an update of one of them."""
    shape: Shape | None = None
    """None is the recipe's."""
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
        """The short name that tables and samples use.

        Precision, threads, replicas and sizes appear where they are not fp32, one, one and the recipe's.
        """
        parts = [self.device, *([self.engine, self.batching] if self.workload is None else [self.workload.name])]
        if self.precision != "fp32":
            parts.append(self.precision)
        if self.num_threads != 1:
            parts.append(f"{self.num_threads}-threads")
        if self.num_replicas != 1:
            parts.append(f"{self.num_replicas}-replicas")
        if self.shape is not None:
            parts += self.shape.name_parts
        if self.workload is not None:
            parts += [f"{name}-{value}" for name, value in self.workload.arguments]
        return "/".join(parts)
