"""How small a difference can be seen, on numbers worked by hand."""

from __future__ import annotations

import math

import pytest

from bench.judge.race import quantile_at_look
from bench.judge.visibility import Noise, count_pairs, half_width_within, seconds_for, smallest_difference

NOISE = Noise(spread=0.01, pair_seconds=4.0, startup_seconds=5.0)


@pytest.mark.parametrize(
    ("seconds", "num_pairs"), [(5.0, 0), (20.9, 0), (21.0, 4), (28.9, 4), (37.0, 8), (60.0, 12), (1e6, 128)]
)
def test_pairs_beyond_a_look_count_for_nothing(seconds: float, num_pairs: int) -> None:
    assert count_pairs(NOISE, seconds) == num_pairs


def test_under_four_pairs_nothing_is_seen() -> None:
    assert half_width_within(NOISE, 20.0, 0.05) is None
    assert smallest_difference(NOISE, 20.0, 0.05, 0.005) is None


def test_the_half_width_is_that_of_a_race_of_so_many_pairs() -> None:
    assert half_width_within(NOISE, 21.0, 0.05) == pytest.approx(4.1765 * 0.01 / 2, rel=1e-4)  # t at 98.75 %, 3 degrees


def test_what_is_seen_is_beyond_the_dead_zone_by_the_half_width_and_by_what_chance_adds() -> None:
    seen = smallest_difference(NOISE, 21.0, 0.05, 0.005)
    assert seen == pytest.approx(math.exp(math.log(1.005) + 0.0208823 + 0.84 * 0.01 / 2) - 1, rel=1e-4)


def test_more_time_sees_less() -> None:
    seen = [smallest_difference(NOISE, seconds, 0.05, 0.005) for seconds in (21.0, 60.0, 300.0)]
    assert all(share is not None for share in seen)
    assert seen == sorted(seen, key=lambda share: -(share or 0.0))


def test_the_time_for_a_width_is_that_of_the_first_look_that_reaches_it() -> None:
    assert seconds_for(NOISE, quantile_at_look(0.05, 8) * 0.01 / math.sqrt(8), 0.05) == 5.0 + 8 * 4.0
    assert seconds_for(NOISE, 1e-9, 0.05) is None


def test_four_races_of_five_find_what_is_called_visible() -> None:
    from random import Random

    from bench.judge.race import Verdict, decide, estimate

    seen = smallest_difference(NOISE, 60.0, 0.05, 0.005)
    assert seen is not None
    random = Random(1)
    found = 0
    for _ in range(2_000):
        differences = [random.gauss(math.log1p(seen), NOISE.spread) for _ in range(12)]
        found += decide(estimate(differences, 0.05), 0.005, 0.02) is Verdict.SLOWER
    assert 0.76 < found / 2_000 < 0.86
