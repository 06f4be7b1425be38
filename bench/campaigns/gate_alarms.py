"""`python -m bench.campaigns.gate_alarms`: how often a gate cries wolf, and how often it fails as it should.

Simulated: the noise is made, the judging is the real one, races with their looks and stop rule, Holm, one more race for
what was rejected. Every case has the same true slowdown, so all cases of a gate may be wrong at once.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass

import msgspec
import numpy as np

from bench.campaigns.race_coverage import NOISES, PLAN, Noise, simulate_race
from bench.judge.gate import holm, tail_beyond
from bench.records.race import RacePlan

ALLOWED = 0.02


@dataclass(frozen=True, slots=True)
class Alarms:
    """What one gate came to."""

    is_rejected: bool
    """Whether the first races showed that a case is too slow."""
    fails: bool
    """Whether the races after them said so as well, of at least one."""


def main() -> int:
    """Simulate gates of every kind of noise, and print how often they fail."""
    parser = argparse.ArgumentParser(prog="python -m bench.campaigns.gate_alarms", description=main.__doc__)
    parser.add_argument("--gates", type=int, default=2_000, help="for each line (default 2000)")
    parser.add_argument("--cases", type=int, default=4, help="of a gate (default 4)")
    arguments = parser.parse_args()
    print("| noise | true slowdown | gates with a case rejected at first | gates that fail |")
    print("| --- | --- | --- | --- |")
    for name, noise in NOISES.items():
        for slowdown in (0.0, ALLOWED, 0.04):
            generator = np.random.default_rng(1)
            gates = [simulate_gate(noise, slowdown, arguments.cases, generator) for _ in range(arguments.gates)]
            rejected = sum(each.is_rejected for each in gates) / len(gates)
            fails = sum(each.fails for each in gates) / len(gates)
            print(f"| {name} | {slowdown:.0%} | {rejected:.2%} | {fails:.2%} |", flush=True)
    return 0


def simulate_gate(noise: Noise, slowdown: float, num_cases: int, generator: np.random.Generator) -> Alarms:
    """Race so many cases, each slower by the same, and once more what is rejected."""
    level = _GATE_PLAN.alpha / 2
    rejected = holm([_simulate_p(noise, slowdown, generator) for _ in range(num_cases)], level)
    confirmed = [_simulate_p(noise, slowdown, generator) < level for is_rejected in rejected if is_rejected]
    return Alarms(is_rejected=any(rejected), fails=any(confirmed))


def _simulate_p(noise: Noise, slowdown: float, generator: np.random.Generator) -> float:
    found = simulate_race(noise, math.log1p(slowdown), generator, _GATE_PLAN)
    return tail_beyond(found, math.log1p(ALLOWED))


_GATE_PLAN: RacePlan = msgspec.structs.replace(PLAN, resolution=ALLOWED / 2, dead_zone=ALLOWED, margin=ALLOWED)

if __name__ == "__main__":
    sys.exit(main())
