"""`python -m bench.campaigns.injected --spins 300`: how large the slowdown is that races are to find.

Many short blocks of one training, with the spins and without, in turns, in fresh processes pinned to one core.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
from collections.abc import Sequence

from bench.judge.race import estimate
from bench.measure.clock import HOST_CLOCK
from bench.measure.selfcheck import ALPHA_OF_ONE_LOOK, NUM_COUPLES, time_injection

NUM_PROCESSES = 16


def main() -> int:
    """Print the size of each slowdown with its interval."""
    parser = argparse.ArgumentParser(prog="python -m bench.campaigns.injected", description=__doc__)
    parser.add_argument("--spins", type=int, nargs="+", required=True, help="how far each step counts")
    parser.add_argument("--processes", type=int, default=NUM_PROCESSES, help="for each (default %(default)s)")
    parser.add_argument("--couples", type=int, default=NUM_COUPLES, help="turns ABBA of one (default %(default)s)")
    parser.add_argument("--one", action="store_true", help="measure in this process, and print the logarithms")
    arguments = parser.parse_args()
    if arguments.one:
        pin()
        print(*(time_injection(num_spins, HOST_CLOCK, arguments.couples) for num_spins in arguments.spins))
        return 0
    sizes = measure_sizes(arguments.spins, arguments.processes, arguments.couples)
    for num_spins, logarithms in sizes.items():
        found = estimate(logarithms, ALPHA_OF_ONE_LOOK)
        if found is not None:
            shown = f"{math.expm1(found.mean):.3%} +- {found.half_width:.3%}"
            print(f"{num_spins} spins: {shown} (95 % interval, {found.num_pairs} processes)")
    return 0


def measure_sizes(
    spins: Sequence[int], num_processes: int = NUM_PROCESSES, num_couples: int = NUM_COUPLES
) -> dict[int, list[float]]:
    """Measure ln(with / without) in every process: spins -> logarithms."""
    words = ("-m", "bench.campaigns.injected", "--one", f"--couples={num_couples}", "--spins", *map(str, spins))
    rows = []
    for _ in range(num_processes):
        done = subprocess.run((sys.executable, *words), capture_output=True, text=True, check=True)  # noqa: S603 - ours
        rows.append([float(word) for word in done.stdout.split()])
    return {num_spins: list(column) for num_spins, column in zip(spins, zip(*rows, strict=True), strict=True)}


def pin() -> None:
    """Stay on one core, as the arms of a race do, where a process can be bound."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


if __name__ == "__main__":
    sys.exit(main())
