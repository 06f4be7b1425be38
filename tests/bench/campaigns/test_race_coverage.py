"""The simulation of races: its noise is as described, and the interval holds the truth as often as it promises."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from bench.campaigns.race_coverage import (
    NOISES,
    PLAN,
    PLANS,
    Noise,
    simulate_blocks,
    simulate_differences,
    simulate_pairs,
    simulate_races,
)
from bench.judge.pairs import compare_blocks, scatter_within


@pytest.mark.parametrize(("budget_seconds", "resolution"), PLANS)
@pytest.mark.parametrize("name", ["one spread", "storms", "all together"])
def test_the_interval_holds_the_truth_in_19_races_of_20(name: str, budget_seconds: float, resolution: float) -> None:
    plan = msgspec.structs.replace(PLAN, budget_seconds=budget_seconds, resolution=resolution)
    ends = simulate_races(NOISES[name], 0.02, 500, plan)
    held = sum(end.low <= 0.02 <= end.high for end in ends)
    assert 0.93 < held / len(ends) <= 1


def test_an_interval_half_as_wide_would_not() -> None:
    ends = simulate_races(Noise(), 0.0, 300, PLAN)
    assert sum(abs(end.mean) <= end.half_width / 2 for end in ends) / len(ends) < 0.85


def test_processes_scatter_as_their_luck_and_rounds_average_out() -> None:
    differences = simulate_differences(Noise(between=0.01, within=0.0), np.random.default_rng(1), 4_000)
    assert np.std(differences) == pytest.approx(0.01 * 2**0.5, rel=0.05)
    quiet = simulate_differences(Noise(between=0.0, within=0.02), np.random.default_rng(1), 4_000)
    assert np.std(quiet) == pytest.approx(0.02 * (2 * 2.03 / 80) ** 0.5, rel=0.1)
    # Of 80 blocks an arm, the mean of the lowest quarter: var of (q - x)+ over (1/4)^2 = 2.03 for a normal one.


def test_a_simulated_pair_is_judged_as_a_races_is() -> None:
    for noise in (Noise(), NOISES["storms"]):
        (found,) = simulate_pairs(noise, 0.02, np.random.default_rng(7), 1)
        blocks = np.exp(simulate_blocks(noise, np.random.default_rng(7), 1)[0]) * np.array([[1.0], [np.exp(0.02)]])
        first, other = blocks.tolist()
        assert found.value == pytest.approx(compare_blocks(first, other))
        assert found.scatter == pytest.approx(scatter_within(first, other, compare_blocks))
        assert found.of_all == pytest.approx(np.log(sum(other) / sum(first)))


def test_every_plan_ends_races_at_looks_that_the_one_before_does_not_reach() -> None:
    pairs = []
    for budget_seconds, resolution in PLANS:
        plan = msgspec.structs.replace(PLAN, budget_seconds=budget_seconds, resolution=resolution)
        pairs.append(max(end.num_pairs for end in simulate_races(Noise(), 0.0, 60, plan)))
    assert pairs[0] < pairs[1] < pairs[2]
    assert pairs[2] > 24
