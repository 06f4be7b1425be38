"""Laws of curves: by hand, and how often their intervals hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.judge import scaling
from bench.judge.law import Law

WORKS = (1, 10, 100, 1_000, 10_000, 100_000)


def fit_law(seconds: dict[float, list[float]]) -> Law | None:
    return scaling.fit_law(seconds, 100)


def follow(fixed: float, each: float, works: tuple[int, ...] = WORKS) -> dict[float, list[float]]:
    return {work: [fixed + each * work] for work in works}


def test_a_law_is_found_as_it_is() -> None:
    law = fit_law(follow(200e-6, 100e-9))
    assert law is not None
    assert law.fixed.value == pytest.approx(200e-6)
    assert law.each.value == pytest.approx(100e-9)
    assert law.knee is not None
    assert law.knee.value == pytest.approx(2_000)
    share = law.default_share
    assert share is not None
    assert share.value == pytest.approx(200 / 210)
    assert law.largest_error == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("fixed", "each"), [(200e-6, 100e-9), (200e-6, 1e-8), (1e-6, 1e-7)])
def test_intervals_hold_the_truth_in_95_of_100(fixed: float, each: float) -> None:
    luck = np.random.default_rng(1)
    num_fits = 400
    held = np.zeros(3)
    for _ in range(num_fits):
        off = np.exp(luck.normal(0, 0.02, (len(WORKS), 2)))
        seconds = {
            float(work): [(fixed + each * work) * factor for factor in factors]
            for work, factors in zip(WORKS, off.tolist(), strict=True)
        }
        law = fit_law(seconds)
        assert law is not None
        truths = ((law.fixed, fixed), (law.each, each), (law.knee, fixed / each))
        held += [found is not None and found.low <= truth <= found.high for found, truth in truths]
    # Three standard errors of a share of 95 % over 400 are 3.3 %.
    assert (held / num_fits > 0.917).all()


def test_a_curve_that_bends_otherwise_is_not_described() -> None:
    law = fit_law({work: [200e-6 + 1e-9 * work**0.5 + (work == 100) * 1e-4] for work in WORKS})
    assert law is not None
    assert not law.is_close


def test_a_cost_that_is_not_told_from_nothing_leaves_no_knee() -> None:
    luck = np.random.default_rng(3)
    law = fit_law({work: [200e-6 * math.exp(luck.normal(0, 0.05))] for work in WORKS[:5]})
    assert law is not None
    assert law.each.low == 0
    assert law.knee is None
    assert law.default_share is None


def test_neither_cost_is_below_nothing() -> None:
    law = fit_law({1: [1.0], 2: [1.5], 3: [3.2], 4: [4.8]})
    assert law is not None
    assert law.fixed.value >= 0
    assert law.each.value > 0


def test_three_points_make_no_law() -> None:
    assert fit_law(follow(1e-3, 1e-6, (1, 2, 3))) is None


def test_a_point_left_out_is_foretold_by_the_others_alone() -> None:
    seconds = follow(200e-6, 100e-9)
    seconds[1_000] = [600e-6]  # where the law says 300
    law = fit_law(seconds)
    assert law is not None
    (missed,) = (each for each in law.left_out if each.work == 1_000)
    assert missed.error == pytest.approx(-0.5)
    assert [each.work for each in law.left_out] == [10, 100, 1_000, 10_000]


BENT_WORKS = tuple(4**power for power in range(10))


def bend(noise: float, seed: int = 1, extra: float = 50e-9) -> dict[float, list[float]]:
    luck = np.random.default_rng(seed)
    return {
        work: [(200e-6 + 100e-9 * work + extra * max(0, work - 10_000)) * math.exp(luck.normal(0, noise))]
        for work in BENT_WORKS
    }


def test_a_unit_that_costs_more_where_caches_run_out_makes_a_bend() -> None:
    law = fit_law(bend(0.002))
    assert law is not None
    assert law.bend is not None
    assert 4_096 <= law.bend <= 16_384
    assert law.each.value == pytest.approx(100e-9, rel=0.05)
    assert law.each_beyond is not None
    assert law.each_beyond.value == pytest.approx(150e-9, rel=0.02)
    assert law.knee is not None
    assert law.knee.value == pytest.approx(2_000, rel=0.05)
    assert law.is_close


def test_a_knee_beyond_the_bend_is_where_half_a_step_is_fixed_cost() -> None:
    law = fit_law({work: [2e-3 + 100e-9 * work + 900e-9 * max(0, work - 4_096)] for work in BENT_WORKS})
    assert law is not None
    assert law.bend == pytest.approx(4_096)
    assert law.knee is not None
    assert law.knee.value == pytest.approx((2e-3 + 900e-9 * 4_096) / 1e-6)


def test_a_curve_that_is_no_line_is_foretold_from_the_points_beside() -> None:
    law = fit_law({8.0**power: [200e-6 + 10e-6 * 8.0 ** (1.2 * power)] for power in range(6)})
    assert law is not None
    assert not law.is_close
    assert law.largest_error_beside < 0.5 * law.largest_error


def test_what_a_law_is_off_at_the_points_beside_is_interpolated_on_logarithms() -> None:
    # The third point is what the other four say; those beside it are 10 % over and 20 % under the law.
    costs = {1.0: 101.0, 10.0: 1.1 * 110.0, 100.0: 200.0, 1_000.0: 0.8 * 1_100.0, 10_000.0: 10_100.0}
    law = fit_law({work: [1e-6 * cost] for work, cost in costs.items()})
    assert law is not None
    (third,) = (each for each in law.left_out if each.work == 100.0)
    others = scaling._fit({work: cost for work, cost in costs.items() if work != 100.0}, None)
    foretold = others.costs[0] + others.costs[1] * 100.0
    before, after = (costs[work] / (others.costs[0] + others.costs[1] * work) for work in (10.0, 1_000.0))
    assert third.error == pytest.approx(foretold / 200.0 - 1)
    assert third.error_beside == pytest.approx(foretold * math.sqrt(before * after) / 200.0 - 1)


def test_a_straight_law_is_hardly_ever_given_a_bend() -> None:
    bent = [fit_law(bend(0.02, seed, extra=0.0)) for seed in range(200)]
    # The place is searched for: at a level of 1 % a bend is found a few times as often.
    assert sum(law is not None and law.bend is not None for law in bent) <= 0.05 * 200
