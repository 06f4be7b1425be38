"""`python -m bench.campaigns.tune_alarms`: how often a tune calls the luckiest of equal settings faster.

Simulated: the noise is made; whom a stage leaves, the confirming race with its looks and stop rule, and its verdict are
the real ones. The first setting is the default, as in a tune. As a control, the same tunes without a confirmation: what
the heats have shown of the one that they chose, beyond the dead zone.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.campaigns.race_coverage import NOISES, PLAN, Noise, simulate_differences, simulate_race
from bench.judge.race import Verdict, decide
from bench.judge.tune import NUM_FINALISTS, rank, sift

NUM_SETTINGS = 16
PAIRS_OF_STAGE = (2, 4, 8)
"""Equal time for every stage: half as many settings, twice as many pairs."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What one tune came to."""

    chosen: int
    """0 where nothing came in ahead of the default."""
    is_confirmed: bool
    """Whether it is called faster than the default."""
    is_called_by_heats: bool
    """Whether the heats alone would have called it so."""


def main() -> int:
    """Simulate tunes of every kind of noise, and print how often they call one setting faster."""
    parser = argparse.ArgumentParser(prog="python -m bench.campaigns.tune_alarms", description=main.__doc__)
    parser.add_argument("--tunes", type=int, default=1_000, help="for each line (default 1000)")
    arguments = parser.parse_args()
    print("| noise | true gain of one | called faster | the right one | without confirmation |")
    print("| --- | --- | --- | --- | --- |")
    for name, noise in NOISES.items():
        for gain in (0.0, 0.02, 0.1):
            endings = simulate_tunes(noise, gain, arguments.tunes)
            shares = " | ".join(f"{share:.1%}" for share in describe(endings))
            print(f"| {name} | {gain:.0%} | {shares} |", flush=True)
    return 0


def describe(endings: Sequence[Ending]) -> tuple[float, float, float]:
    """Return the shares that call one faster, that call the right one so, and that would without a confirmation."""
    confirmed = [each.chosen for each in endings if each.is_confirmed]
    by_heats = sum(each.is_called_by_heats for each in endings)
    return len(confirmed) / len(endings), confirmed.count(NUM_SETTINGS - 1) / len(endings), by_heats / len(endings)


def simulate_tunes(noise: Noise, gain: float, num_tunes: int) -> list[Ending]:
    """Tune so many times, always from the same seed; the last setting takes less time by a share, all others the same.

    Args:
        gain: that share.
    """
    generator = np.random.default_rng(1)
    truths = [0.0] * (NUM_SETTINGS - 1) + [math.log1p(-gain)]
    return [simulate_tune(noise, truths, generator) for _ in range(num_tunes)]


def simulate_tune(noise: Noise, truths: Sequence[float], generator: np.random.Generator) -> Ending:
    """Sift settings, and confirm the best; ln(seconds) of each is its truth."""
    alive = list(range(len(truths)))
    partner = int(generator.integers(len(truths)))  # at first sight the quickest: by luck, where they are equal
    differences: dict[int, list[float]] = {each: [] for each in alive}
    for num_pairs in PAIRS_OF_STAGE:
        for each in alive:
            found = simulate_differences(noise, generator, num_pairs) + truths[each] - truths[partner]
            differences[each] += [0.0] * num_pairs if each == partner else found.tolist()
        alive = sift(alive, differences)
        if len(alive) <= NUM_FINALISTS:
            break
    chosen = rank(alive, differences)[0]
    if chosen == 0:
        return Ending(0, is_confirmed=False, is_called_by_heats=False)
    confirmed = simulate_race(noise, truths[0] - truths[chosen], generator)
    return Ending(
        chosen,
        is_confirmed=decide(confirmed, PLAN.dead_zone, PLAN.margin) is Verdict.SLOWER,
        is_called_by_heats=_is_called_by_heats(differences, chosen),
    )


def _is_called_by_heats(differences: Mapping[int, Sequence[float]], chosen: int) -> bool:
    """Hold the chosen one against the default by what sifted them."""
    gain = statistics.median(differences[0]) - statistics.median(differences[chosen])
    return gain > math.log1p(PLAN.dead_zone)


if __name__ == "__main__":
    sys.exit(main())
