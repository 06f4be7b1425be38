"""`python -m bench.campaigns.injected --spins 300`: how large the slowdown is that races are to find."""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys

from bench.judge.race import estimate
from bench.measure.clock import HOST_CLOCK
from bench.measure.selfcheck import ALPHA_OF_ONE_LOOK, time_injection


def main() -> int:
    """Measure how large the slowdown is: long blocks of one training, with the spins and without, in turns."""
    parser = argparse.ArgumentParser(prog="python -m bench.campaigns.injected", description=main.__doc__)
    parser.add_argument("--spins", type=int, nargs="+", required=True, help="how far each step counts")
    parser.add_argument("--processes", type=int, default=24, help="fresh processes for each (default 24)")
    parser.add_argument("--couples", type=int, default=40, help="turns ABBA of a process (default 40)")
    parser.add_argument("--one", action="store_true", help="measure in this process, and print the logarithms")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if arguments.one:
        print(*(time_injection(num_spins, HOST_CLOCK, arguments.couples) for num_spins in arguments.spins))
        return 0
    words = ("-m", "bench.campaigns.injected", "--one", "--spins", *map(str, arguments.spins))
    command = (sys.executable, *words, f"--couples={arguments.couples}")
    sizes: list[list[float]] = []
    for _ in range(arguments.processes):
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own command
        sizes.append([float(word) for word in done.stdout.split()])
    for num_spins, logarithms in zip(arguments.spins, zip(*sizes, strict=True), strict=True):
        found = estimate(logarithms, ALPHA_OF_ONE_LOOK)
        if found is not None:
            shown = f"{math.expm1(found.mean):.3%} +- {found.half_width:.3%}"
            print(f"{num_spins} spins: {shown} (95 % interval, {found.num_pairs} processes)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
