"""`python -m bench.campaigns.projection_coverage`: how often a projection's interval holds the training foretold.

Simulated: the noise is made, the interval is the real one. Processes differ by luck; blocks scatter around what their
process takes; and the machine drifts: its speed wanders, and forgets where it was within so many seconds (an
Ornstein-Uhlenbeck process). The training comes right after the run, in a process of its own.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.judge.projection import predict

NUM_BLOCKS = 12
"""Of a process."""
BLOCK_SECONDS = 0.05
"""300 steps of 170 us."""
NUM_CASES = 4
"""Whose blocks take turns, so that those of one process are so many apart."""
PROCESSES = (2, 4, 8)
LENGTHS = (3, 33, 333)
"""Of the training, in blocks: 1,000, 10,000 and 100,000 steps."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How the logarithm of the time of a step scatters."""

    between: float = 0.006
    """Standard deviation from process to process."""
    within: float = 0.02
    """From block to block."""
    spike_share: float = 0.0
    """Of blocks that take up to half as long again."""
    drift: float = 0.0
    """Standard deviation of where the machine's speed wanders."""
    drift_seconds: float = 1.0
    """After which it has forgotten where it was."""


NOISES = {
    "one spread": Noise(),
    "a noisy machine": Noise(between=0.02, within=0.3),
    "spikes": Noise(spike_share=0.05),
    "drift of 3 %, 1 s": Noise(drift=0.03, drift_seconds=1.0),
    "drift of 3 %, 10 s": Noise(drift=0.03, drift_seconds=10.0),
    "drift of 3 %, 100 s": Noise(drift=0.03, drift_seconds=100.0),
}


def main() -> int:
    """Simulate runs of every kind of noise and length, and print how often the interval held the training."""
    parser = argparse.ArgumentParser(prog="python -m bench.campaigns.projection_coverage", description=main.__doc__)
    parser.add_argument("--runs", type=int, default=4_000, help="of each kind (default 4000)")
    arguments = parser.parse_args()
    print(f"| noise | processes | {' | '.join(f'{length} blocks' for length in LENGTHS)} | half-width |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, noise in NOISES.items():
        for num_processes in PROCESSES:
            found = [simulate(noise, num_processes, length, arguments.runs) for length in LENGTHS]
            shares = " | ".join(f"{held:.1%}" for held, _ in found)
            print(f"| {name} | {num_processes} | {shares} | {found[1][1]:.1%} |", flush=True)
    return 0


def simulate(noise: Noise, num_processes: int, length: int, num_runs: int) -> tuple[float, float]:
    """Simulate so many runs and trainings, always from the same seed.

    Args:
        length: of the training, in blocks.
    Returns:
        The share of trainings within their interval, and the median half-width of its logarithm.
    """
    generator = np.random.default_rng(1)
    held, widths = 0, []
    for _ in range(num_runs):
        costs, training = simulate_run(noise, num_processes, length, generator)
        totals = np.log(np.exp(costs).mean(axis=1))
        found = predict(totals.tolist(), costs.tolist(), 1.0, length)
        if found is None:
            raise RuntimeError("too few processes")
        held += found.low <= training <= found.high
        widths.append(math.log(found.high / found.low) / 2)
    return held / num_runs, float(np.median(widths))


def simulate_run(
    noise: Noise, num_processes: int, length: int, generator: np.random.Generator
) -> tuple[NDArray[np.float64], float]:
    """Return what blocks of a run took, (processes, blocks), as logarithms, and a training's mean after it."""
    apart = np.full(num_processes * NUM_BLOCKS, NUM_CASES * BLOCK_SECONDS)
    times = np.concatenate([apart, np.full(length, BLOCK_SECONDS)])
    fresh = generator.normal(0.0, noise.within, times.size) + _wander(noise, times, generator)
    fresh += np.log1p(0.5 * generator.random(times.size)) * (generator.random(times.size) < noise.spike_share)
    luck = generator.normal(0.0, noise.between, num_processes + 1)
    costs = fresh[: apart.size].reshape(num_processes, NUM_BLOCKS) + luck[:-1, None]
    return costs, float(np.exp(fresh[apart.size :] + luck[-1]).mean())


def _wander(noise: Noise, times: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    """Return where the machine's speed is at blocks that follow each other after so many seconds."""
    place = generator.normal(0.0, noise.drift)
    keeps = np.exp(-times / noise.drift_seconds)
    steps = generator.normal(0.0, noise.drift, times.size) * np.sqrt(1 - keeps**2)
    places = np.empty(times.size)
    for number in range(times.size):
        place = keeps[number] * place + steps[number]
        places[number] = place
    return places


if __name__ == "__main__":
    sys.exit(main())
