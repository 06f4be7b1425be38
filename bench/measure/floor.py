"""How short a step can be at all: its multiply-adds over a rate that was measured on the same device.

Work that took less was not done: a cached output, a skipped step, a timer that did not wait. The same product, tried
for longer, is one of the rates of a ladder (`bench.measure.rates`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.measure.clock import Clock, time_block

if TYPE_CHECKING:
    from productnet.device import Device
    from productnet.precision import Arithmetic

RATE_MARGIN = 2.0
"""The floor is taken at so many times the measured rate: a library's matrix product reached 63 to 89 % of what a core's
registers can do (measured on two CPUs), and no honest ceiling may lie below the truth."""

_MIN_SECONDS = 0.005
_SMALLEST_SIZE = 2**9
"""Where CPUs are busy, threads wait for one another for longer than a smaller product takes."""
_LARGEST_SIZE = 2**14
_NUM_REPEATS = 5


def find_floor(num_multiply_adds: int | None, multiply_adds_per_second: float | None) -> float | None:
    """Return the seconds that so many multiply-adds need at least; None where they were not counted."""
    if num_multiply_adds is None or multiply_adds_per_second is None:
        return None
    return num_multiply_adds / (RATE_MARGIN * multiply_adds_per_second)


def measure_multiply_adds_per_second(device: Device, arithmetic: Arithmetic, clock: Clock) -> float:
    """Measure the rate of the largest matrix product that is needed to keep the device busy: the best of a few.

    Args:
        clock: synchronised with the device.
    Synchronizes: yes
    """
    product = choose_product(device, arithmetic, clock)
    return product.num_multiply_adds / product.seconds


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix product that takes a device long enough to be timed alone."""

    work: Callable[[int], None]
    """Multiplies so many times."""
    num_multiply_adds: int
    seconds: float
    """The best of a few."""


def choose_product(device: Device, arithmetic: Arithmetic, clock: Clock) -> Product:
    """Double the size of a product until it takes long enough. Synchronizes: yes."""
    import torch

    multiply = arithmetic.autocast(torch.matmul)
    size = _SMALLEST_SIZE
    while True:
        square = torch.full((size, size), 1 / size, device=device.torch_device)

        def work(amount: int, square: torch.Tensor = square) -> None:
            for _ in range(amount):
                multiply(square, square)

        work(1)
        seconds = min(time_block(clock, work, 1)[0] for _ in range(_NUM_REPEATS))
        if seconds >= _MIN_SECONDS or size >= _LARGEST_SIZE:
            return Product(work, size**3, seconds)
        size *= 2
