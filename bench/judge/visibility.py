"""How small a difference this machine can see in how much time, from the spread of races of one thing with itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.judge.race import LOOKS, MIN_PAIRS, quantile_at_look

STARTUP_SECONDS = 5.0
"""What a command takes before its first pair: torch is asked for the devices (3.5 to 4.5 s, measured)."""

POWER_QUANTILE = 0.84
"""Of the normal distribution, 80 %: a difference counts as seen where four races of five find it."""


@dataclass(frozen=True, slots=True)
class Noise:
    """What a race of one thing with itself showed of a machine."""

    spread: float
    """Standard deviation between pairs, of logarithms."""
    pair_seconds: float
    """Of a pair, its own start included."""
    startup_seconds: float = STARTUP_SECONDS
    """Before the first pair."""


def count_pairs(noise: Noise, seconds: float) -> int:
    """Return how many pairs fit into a budget; those beyond a look count for nothing."""
    fitting = int((seconds - noise.startup_seconds) / noise.pair_seconds)
    return max((look for look in LOOKS if look <= fitting), default=0)


def half_width_within(noise: Noise, seconds: float, alpha: float) -> float | None:
    """Return how wide the interval will be after a budget, as a logarithm; None where too few pairs fit."""
    num_pairs = count_pairs(noise, seconds)
    if num_pairs < MIN_PAIRS:
        return None
    return quantile_at_look(alpha, num_pairs) * noise.spread / math.sqrt(num_pairs)


def smallest_difference(noise: Noise, seconds: float, alpha: float, dead_zone: float) -> float | None:
    """Return the slowdown that four races of five call SLOWER within a budget, as a share; None where none is."""
    half_width = half_width_within(noise, seconds, alpha)
    if half_width is None:
        return None
    by_chance = POWER_QUANTILE * noise.spread / math.sqrt(count_pairs(noise, seconds))
    return math.expm1(math.log1p(dead_zone) + half_width + by_chance)


def seconds_for(noise: Noise, half_width: float, alpha: float) -> float | None:
    """Return how long it takes until the interval is so narrow, as a logarithm; None where no look is enough."""
    for look in LOOKS:
        if quantile_at_look(alpha, look) * noise.spread / math.sqrt(look) <= half_width:
            return noise.startup_seconds + look * noise.pair_seconds
    return None
