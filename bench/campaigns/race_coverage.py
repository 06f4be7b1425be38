"""`python -m bench.campaigns.race_coverage`: how often a race's interval holds the truth, in simulation.

The noise is made, the judging is the real one: the fastest quarters, the weights of pairs, the t interval, the looks,
the stop rule. The truth is the same for every race, so an interval that misses it is an error of ours.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.judge.pairs import FASTEST_SHARE, NUM_STRETCHES, PairDifference
from bench.judge.race import LOOKS, Estimate, Verdict, decide, estimate_pairs, why_stop
from bench.records.case import Case
from bench.records.race import Arm, RacePlan

PAIR_SECONDS = 4.0
NUM_COUPLES = 40
STORM_BURSTS = 0.9
"""Share of the time."""
BURST_ROUNDS = 8
"""After so many rounds, on average, it is drawn anew whether a burst is on."""
PLANS = ((60.0, 0.008), (150.0, 0.005), (600.0, 0.003))
"""Budget in seconds, resolution: so that early, middle and late looks end races."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How the logarithm of an arm's time scatters around its mean."""

    between: float = 0.006
    """Standard deviation from process to process: the luck of a layout."""
    within: float = 0.02
    """From round to round."""
    correlation: float = 0.0
    """Of a round with the one before it, in the same process."""
    spike_share: float = 0.0
    """Of rounds that take up to half as long again."""
    burst_share: float = 0.0
    """Of the time in which a neighbour's bursts slow both arms: every block by up to half, some rounds on end."""
    storm_share: float = 0.0
    """Of pairs in a storm: bursts most of the time, each of which slows both arms by up to as long again."""
    slow_share: float = 0.0
    """Of processes that are in a slower mode, by `slow_by`, all the time."""
    slow_by: float = 0.0


NOISES = {
    "one spread": Noise(),
    "rounds alike, processes differ": Noise(between=0.01, within=0.005),
    "correlated rounds": Noise(correlation=0.8),
    "spikes": Noise(spike_share=0.05),
    "a neighbour's bursts": Noise(burst_share=0.35),
    "storms": Noise(burst_share=0.35, storm_share=0.3),
    "two modes": Noise(slow_share=0.2, slow_by=0.02),
    "a rare slow mode": Noise(slow_share=0.05, slow_by=0.03),
    "all together": Noise(correlation=0.5, spike_share=0.05, slow_share=0.2, slow_by=0.02),
}


def main() -> int:
    """Simulate races of every kind of noise, and print how often the interval held the truth."""
    parser = argparse.ArgumentParser(prog="python -m bench.campaigns.race_coverage", description=main.__doc__)
    parser.add_argument("--races", type=int, default=5_000, help="for each kind of noise (default 5000)")
    parser.add_argument("--truth", type=float, default=0.0, help="ln(b / a), the same for all (default 0)")
    arguments = parser.parse_args()
    print("| noise | budget | interval holds the truth | half-width | pairs | SLOWER | FASTER | SAME |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, noise in NOISES.items():
        for budget_seconds, resolution in PLANS:
            plan = msgspec.structs.replace(PLAN, budget_seconds=budget_seconds, resolution=resolution)
            ends = simulate_races(noise, arguments.truth, arguments.races, plan)
            print(
                f"| {name} | {budget_seconds:g} s, +-{resolution:.1%} | {describe(ends, arguments.truth)} |", flush=True
            )
    return 0


def simulate_races(noise: Noise, truth: float, num_races: int, plan: RacePlan) -> list[Estimate]:
    """Race so many times, always from the same seed."""
    generator = np.random.default_rng(1)
    return [simulate_race(noise, truth, generator, plan) for _ in range(num_races)]


def describe(ends: list[Estimate], truth: float) -> str:
    """Give the cells of a row: how often the truth was held, medians of width and pairs, shares of the verdicts."""
    held = sum(end.low <= truth <= end.high for end in ends) / len(ends)
    width = float(np.median([end.half_width for end in ends]))
    pairs = float(np.median([end.num_pairs for end in ends]))
    verdicts = [decide(end, PLAN.dead_zone, PLAN.margin) for end in ends]
    shares = [verdicts.count(verdict) / len(ends) for verdict in (Verdict.SLOWER, Verdict.FASTER, Verdict.SAME)]
    return " | ".join((f"{held:.2%}", f"{width:.2%}", f"{pairs:g}", *(f"{share:.2%}" for share in shares)))


def simulate_race(noise: Noise, truth: float, generator: np.random.Generator, plan: RacePlan | None = None) -> Estimate:
    """Race two arms that differ by `truth` until the stop rule ends it; returns the last estimate."""
    plan = plan or PLAN
    pairs: list[PairDifference] = []
    for look in LOOKS:
        pairs += simulate_pairs(noise, truth, generator, look - len(pairs))
        found = estimate_pairs(pairs, plan.alpha)
        if why_stop(plan, [found], look, look * PAIR_SECONDS, PAIR_SECONDS) is not None:
            break
    if found is None:
        raise RuntimeError("a race without a pair")
    return found


def simulate_pairs(noise: Noise, truth: float, generator: np.random.Generator, num_pairs: int) -> list[PairDifference]:
    """Return what so many pairs of arms show that differ by `truth`."""
    blocks = np.exp(simulate_blocks(noise, generator, num_pairs))
    blocks[:, 1] *= math.exp(truth)
    values = _compare_fastest_quarters(blocks)
    stretches = np.arange(blocks.shape[2]) * NUM_STRETCHES // blocks.shape[2]
    without = [_compare_fastest_quarters(blocks[..., stretches != number]) for number in range(NUM_STRETCHES)]
    scatters = np.sqrt((NUM_STRETCHES - 1) * np.var(without, axis=0))
    of_all = np.diff(np.log(blocks.sum(axis=2)), axis=1)[:, 0]
    found = zip(values.tolist(), scatters.tolist(), of_all.tolist(), strict=True)
    return [PairDifference(*each) for each in found]


def simulate_differences(noise: Noise, generator: np.random.Generator, num_pairs: int) -> NDArray[np.float64]:
    """Return the differences of pairs of equal arms: of the means of the fastest quarters of their blocks."""
    return _compare_fastest_quarters(np.exp(simulate_blocks(noise, generator, num_pairs)))


def _compare_fastest_quarters(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    num_fastest = math.ceil(blocks.shape[2] * FASTEST_SHARE)
    fastest = np.log(np.partition(blocks, num_fastest - 1, axis=2)[..., :num_fastest].mean(axis=2))
    return np.asarray(fastest[:, 1] - fastest[:, 0])


def simulate_blocks(noise: Noise, generator: np.random.Generator, num_pairs: int) -> NDArray[np.float64]:
    """Return the logarithms of the times of equal blocks: pairs, arms, rounds."""
    shape = (num_pairs, 2, 2 * NUM_COUPLES)
    rounds = generator.normal(0.0, noise.within, shape)
    if noise.correlation:
        fresh = math.sqrt(1 - noise.correlation**2)
        for number in range(1, shape[2]):
            rounds[..., number] = noise.correlation * rounds[..., number - 1] + fresh * rounds[..., number]
    rounds += np.log1p(0.5 * generator.random(shape)) * (generator.random(shape) < noise.spike_share)
    if noise.burst_share:
        is_storm = generator.random((num_pairs, 1, 1)) < noise.storm_share
        in_burst = generator.random((num_pairs, 1, shape[2])) < np.where(is_storm, STORM_BURSTS, noise.burst_share)
        goes_on = generator.random(in_burst.shape) > 1 / BURST_ROUNDS
        for number in range(1, shape[2]):
            in_burst[..., number] = np.where(goes_on[..., number], in_burst[..., number - 1], in_burst[..., number])
        rounds += np.log1p(np.where(is_storm, 1.0, 0.5) * generator.random(shape)) * in_burst
    luck = generator.normal(0.0, noise.between, shape[:2])
    luck += noise.slow_by * (generator.random(shape[:2]) < noise.slow_share)
    return np.asarray(rounds + luck[..., None])


def _arm(label: str) -> Arm:
    case = Case(device="cpu", engine="eager", batching="manual", num_threads=1, num_epochs=1)
    return Arm(label=label, settings="", case=case, workload="none")


PLAN = RacePlan(
    arms=(_arm("a"), _arm("b")),
    budget_seconds=60.0,
    resolution=0.008,
    alpha=0.05,
    dead_zone=0.005,
    margin=0.02,
    num_quality_seeds=0,
    shares_layout=False,
    seed=1,
)

if __name__ == "__main__":
    sys.exit(main())
