"""`python -m bench.campaigns.injected --spins 300`: how large the slowdown is that races are to find."""

from __future__ import annotations

import argparse
import math
import os
import statistics
import subprocess
import sys
from time import perf_counter
from typing import cast

from bench.judge.race import estimate
from bench.records.case import Case
from bench.workloads.known import SlowedBatching, make_slowed


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
        print(*(_measure_size(num_spins, arguments.couples) for num_spins in arguments.spins))
        return 0
    words = ("-m", "bench.campaigns.injected", "--one", "--spins", *map(str, arguments.spins))
    command = (sys.executable, *words, f"--couples={arguments.couples}")
    sizes: list[list[float]] = []
    for _ in range(arguments.processes):
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own command
        sizes.append([float(word) for word in done.stdout.split()])
    for num_spins, logarithms in zip(arguments.spins, zip(*sizes, strict=True), strict=True):
        found = estimate(logarithms, 0.1)  # half of it is what one look spends: a 95 % interval
        if found is not None:
            shown = f"{math.expm1(found.mean):.3%} +- {found.half_width:.3%}"
            print(f"{num_spins} spins: {shown} (95 % interval, {found.num_pairs} processes)")
    return 0


def _measure_size(num_spins: int, num_couples: int) -> float:
    """Return ln(with / without): the median over couples of turns of 100 steps, 10 untimed before each."""
    case = Case(device="cpu", engine="eager", batching="manual", num_threads=1, num_epochs=1_000)
    training = make_slowed(case, 1, 0).training
    training.prepare()
    batching = cast("SlowedBatching", training.batching)

    def time_block(spins: int) -> float:
        batching.num_spins = spins
        training.train(1)
        started = perf_counter()
        training.train(10)
        return perf_counter() - started

    couples = []
    for _ in range(num_couples):
        without, with_spins = time_block(0), time_block(num_spins)
        again, without_again = time_block(num_spins), time_block(0)
        couples.append((math.log(with_spins / without) + math.log(again / without_again)) / 2)
    return statistics.median(couples)


if __name__ == "__main__":
    sys.exit(main())
