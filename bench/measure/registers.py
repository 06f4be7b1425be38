"""The rate of independent fused multiply-adds whose operands stay in registers: what no arithmetic can be faster than.

A library's matrix product comes near it and is no ceiling: it also loads. torch has no operator that computes for
long without memory, so this takes a compiled loop, through Numba.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from bench.errors import UnavailableError
from bench.measure.rate import UnmeasurableError

NUM_CHAINS = 4
"""Vectors that a core has at work at once: two units with a latency of four cycles each are kept busy by four and by
what the core starts of the next lot meanwhile."""

_NUM_LANES = 256
"""With 64 the loads and stores between two lots cost 2 to 9 % of the rate (AVX-512, three turns)."""
_LENGTH = 16
MULTIPLY_ADDS_PER_PASS = NUM_CHAINS * _NUM_LANES * _LENGTH
LIMIT = 2.0
"""Where x / 2 + 1 comes to rest, exactly and within 25 passes of 16 from 1."""
_SETTLED_AFTER = 2


def make_register_work(num_threads: int) -> Callable[[int], None]:
    """Return what runs so many passes in every thread, and checks that they were run.

    Raises:
        UnavailableError: where there is no Numba.
    """
    multiply_add = _compile()

    def run(num_passes: int) -> None:
        import numpy as np

        numbers = np.ones((NUM_CHAINS, _NUM_LANES), np.float32)
        multiply_add(num_passes, numbers, np.float32(0.5), np.float32(1.0))
        if num_passes >= _SETTLED_AFTER:
            check_limit(numbers)

    if num_threads == 1:
        return run
    pool = ThreadPoolExecutor(num_threads)

    def run_in_all_threads(num_passes: int) -> None:
        for _ in pool.map(run, [num_passes] * num_threads):
            """A thread's error is raised here."""

    return run_in_all_threads


def check_limit(numbers: Any) -> None:
    """Check that all numbers of an array or tensor are where their chains come to rest.

    Raises:
        UnmeasurableError: when the multiply-adds were not done.
    """
    if not bool((numbers == LIMIT).all()):
        raise UnmeasurableError(f"its multiply-adds came to {numbers.min()}, where {LIMIT} was expected")


def use_widest_vectors() -> None:
    """Have Numba use vectors of 512 bits where the CPU has them; its compiler prefers 256, with half the rate.

    For a process that compiles nothing else: it holds for all that is compiled later.
    """
    try:
        import llvmlite.binding as llvm
        from numba.core import config
    except ImportError:
        return  # whoever needs it says so
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        settings: Any = config
        settings.CPU_NAME = llvm.get_host_cpu_name()
        settings.CPU_FEATURES = f"{features.flatten()},-prefer-256-bit"


@cache
def _compile() -> Callable[..., None]:
    try:
        import numba
    except ImportError as error:
        raise UnavailableError("it needs Numba: pip install 'productnet-bench[fused]'") from error
    compiled: Any = numba.njit(fastmath=True, nogil=True)(_multiply_add)
    return compiled  # type: ignore[no-any-return]


def _multiply_add(num_passes: int, numbers: Any, factor: Any, term: Any) -> None:
    """Run chains of multiply-adds; the inner loop is unrolled, the one around it becomes vectors."""
    for _ in range(num_passes):
        for lane in range(_NUM_LANES):
            a, b, c, d = numbers[0, lane], numbers[1, lane], numbers[2, lane], numbers[3, lane]
            for _ in range(_LENGTH):
                a = a * factor + term
                b = b * factor + term
                c = c * factor + term
                d = d * factor + term
            numbers[0, lane], numbers[1, lane], numbers[2, lane], numbers[3, lane] = a, b, c, d
