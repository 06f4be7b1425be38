"""What a step does, seen from outside: the operations that torch carries out while it runs.

They tell where and in what type a step multiplies, how much that is, and whether two steps do the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

Outcome = TypeVar("Outcome")

CONVOLUTION_SAVING = 4
"""A library may convolve with so many times fewer multiply-adds than are counted: F(4x4, 3x3) saves a factor of 4.
Source: Lavin and Gray (2016), "Fast Algorithms for Convolutional Neural Networks", section 4.1."""


@dataclass(slots=True)
class Work:
    """The operations of some steps."""

    operations: Counter[str] = field(default_factory=Counter)
    """All of them, by name."""
    products: Counter[str] = field(default_factory=Counter)
    """Those that multiply and add, by name and shapes."""
    places: set[str] = field(default_factory=set)
    """The devices of what products multiply; where there is no product, of what comes out of any operation."""
    types: set[torch.dtype] = field(default_factory=set)
    """Of what products multiply."""
    num_multiply_adds: int = 0
    least_multiply_adds: int = 0
    """What no library can do with less than."""

    @property
    def compared(self) -> Counter[str]:
        """What has to be the same in every step; the rest may differ, as where an optimizer skips one."""
        return self.products or self.operations


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.work = Work()

    def __torch_dispatch__(
        self, function: Any, _types: object, arguments: Sequence[Any] = (), named: dict[str, Any] | None = None
    ) -> Any:
        outcome = function(*arguments, **(named or {}))
        packet = function._overloadpacket
        self.work.operations[str(packet)] += 1
        if not self.work.products and isinstance(outcome, torch.Tensor):
            self.work.places.add(str(outcome.device))
        if packet in flop_registry:
            self._count_product(packet, arguments, named or {}, outcome)
        return outcome

    def _count_product(self, packet: Any, arguments: Sequence[Any], named: dict[str, Any], outcome: Any) -> None:
        work = self.work
        num_multiply_adds = flop_registry[packet](*arguments, **named, out_val=outcome) // 2
        if not work.products:
            work.places.clear()
        tensors = [each for each in arguments if isinstance(each, torch.Tensor)]
        work.products[f"{packet} of {' and '.join(str(tuple(each.shape)) for each in tensors)}"] += 1
        work.places.update(str(each.device) for each in tensors)
        work.types.update(each.dtype for each in tensors if each.is_floating_point())
        work.num_multiply_adds += num_multiply_adds
        work.least_multiply_adds += num_multiply_adds // (CONVOLUTION_SAVING if "conv" in str(packet) else 1)


def watch(run: Callable[[], Outcome]) -> tuple[Outcome, Work]:
    """Run something and return what it did, besides what it returned. What is compiled runs as it was written."""
    with ExitStack() as stack:
        stack.enter_context(torch.compiler.set_stance("force_eager"))
        mode = stack.enter_context(_Watch())
        outcome = run()
    return outcome, mode.work


def name_difference(ours: Counter[str], theirs: Counter[str]) -> str:
    """Name the first operation that two pieces of work do not have equally often: "aten.mm 2 times, not 3"."""
    name = min(each for each in ours.keys() | theirs.keys() if ours[each] != theirs[each])
    return f"{name} {ours[name]} times, not {theirs[name]}"
