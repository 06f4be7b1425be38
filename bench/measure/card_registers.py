"""The same rate of an NVIDIA card, through Triton: every multiprocessor at work on chains that stay in registers."""

from __future__ import annotations

from collections.abc import Callable

import torch
import triton
import triton.language as tl

from bench.measure.registers import check_limit

NUM_PROGRAMS = 2**12
"""Far more than a card runs at once: the last ones to end leave little of it idle."""
_NUM_WARPS = 8
_NUM_LANES = 4 * 32 * _NUM_WARPS
"""Numbers of a chain: four for each thread, so that every thread has sixteen multiply-adds that wait for no other."""
_LENGTH = 64
"""One pass is enough for x / 2 + 1 to come to rest."""
MULTIPLY_ADDS_PER_PASS = NUM_PROGRAMS * 4 * _NUM_LANES * _LENGTH


def make_card_work(device: torch.device) -> Callable[[int], None]:
    """Return what runs so many passes in every program, and checks that they were run. Synchronizes: yes."""
    numbers = torch.empty(NUM_PROGRAMS, 4, _NUM_LANES, device=device)

    def run(num_passes: int) -> None:
        numbers.fill_(1.0)
        with torch.cuda.device(device):
            multiply_add[(NUM_PROGRAMS,)](
                numbers, num_passes, _NUM_LANES, _LENGTH, num_warps=_NUM_WARPS, enable_fp_fusion=True
            )
        check_limit(numbers)  # sync point

    return run


@triton.jit  # type: ignore[untyped-decorator]
def multiply_add(numbers, num_passes, num_lanes: tl.constexpr, length: tl.constexpr):  # type: ignore[no-untyped-def]
    """Run four chains of multiply-adds on the numbers of a program, (4, num_lanes)."""
    place = numbers + tl.program_id(0) * 4 * num_lanes + tl.arange(0, num_lanes)
    a, b = tl.load(place), tl.load(place + num_lanes)
    c, d = tl.load(place + 2 * num_lanes), tl.load(place + 3 * num_lanes)
    done = 0
    while done < num_passes:  # Triton's interpreter fails at a range of what is no constant, with NumPy 2.4
        for _ in tl.static_range(length):
            a = a * 0.5 + 1.0
            b = b * 0.5 + 1.0
            c = c * 0.5 + 1.0
            d = d * 0.5 + 1.0
        done += 1
    tl.store(place, a)
    tl.store(place + num_lanes, b)
    tl.store(place + 2 * num_lanes, c)
    tl.store(place + 3 * num_lanes, d)
