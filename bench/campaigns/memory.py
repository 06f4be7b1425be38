"""`python -m bench.campaigns.memory`: what a training takes of memory for each of its samples, engine by engine.

Each size trains in a fresh process. What a further sample takes is the difference of two sizes' peaks: what
Python, torch, a compiler and a batch take is in both.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise

from bench.measure.memory import read_peak_bytes
from productnet.registry import BATCHINGS, ENGINES

SIZES = (1_000_000, 8_000_000)
BATCH_SIZE = 10_000
NUM_EPOCHS = 1
"""Besides the one that warms up."""


def main() -> int:
    """Train what was named, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.campaigns.memory", description=__doc__)
    parser.add_argument("--engine", nargs="+", choices=tuple(ENGINES), default=tuple(ENGINES))
    parser.add_argument("--batching", nargs="+", choices=tuple(BATCHINGS), default=("manual",))
    arguments = parser.parse_args()
    heads = " | ".join(f"bytes a sample, {first:,} to {second:,}" for first, second in pairwise(SIZES))
    print(f"| engine | batching | peak at {SIZES[0]:,} (MB) | {heads} |\n| --- | --- |{' ---: |' * len(SIZES)}")
    for engine in arguments.engine:
        for batching in arguments.batching:
            print(f"| {engine} | {batching} | {' | '.join(measure(engine, batching, SIZES))} |", flush=True)
    return 0


def measure(engine: str, batching: str, sizes: Sequence[int]) -> list[str]:
    """Return the peak of the first size in MB, and what a sample more takes from each size to the next, in bytes."""
    spawn = multiprocessing.get_context("spawn")
    peaks = []
    for size in sizes:
        with ProcessPoolExecutor(1, spawn) as fresh:
            peak = fresh.submit(train_once, engine, batching, size).result()
        if isinstance(peak, str):
            return [peak]
        peaks.append((size, peak))
    slopes = [(peak - before) / (size - smaller) for (smaller, before), (size, peak) in pairwise(peaks)]
    return [f"{peaks[0][1] / 1e6:,.0f}", *(f"{slope:.0f}" for slope in slopes)]


def train_once(engine: str, batching: str, num_samples: int) -> int | str:
    """Train in this process, and return the most that it held, in bytes; or why it can't."""
    from productnet.config import TrainConfig
    from productnet.errors import ModeUnavailableError
    from productnet.train import Training

    config = TrainConfig(device="cpu", engine=engine, batching=batching, num_samples=num_samples, batch_size=BATCH_SIZE)
    try:
        training = Training(config)
    except ModeUnavailableError as error:
        return str(error)
    training.prepare()
    training.train(NUM_EPOCHS)
    return read_peak_bytes() or "this system does not say"


if __name__ == "__main__":
    sys.exit(main())
