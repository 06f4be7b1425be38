"""The gate's own error rates, in a simulation small enough for a test."""

from __future__ import annotations

import numpy as np

from bench.campaigns.gate_alarms import ALLOWED, Alarms, simulate_gate
from bench.campaigns.race_coverage import NOISES


def simulate(noise: str, slowdown: float, num_gates: int) -> list[Alarms]:
    generator = np.random.default_rng(1)
    return [simulate_gate(NOISES[noise], slowdown, 3, generator) for _ in range(num_gates)]


def test_at_what_is_just_allowed_few_gates_reject_and_hardly_one_fails() -> None:
    gates = simulate("one spread", ALLOWED, 200)
    assert 0 < sum(each.is_rejected for each in gates) <= 10
    assert sum(each.fails for each in gates) <= 1
    assert all(each.is_rejected for each in gates if each.fails)


def test_twice_as_much_as_is_allowed_fails_nearly_every_gate() -> None:
    gates = simulate("one spread", 2 * ALLOWED, 40)
    assert sum(each.fails for each in gates) >= 36
