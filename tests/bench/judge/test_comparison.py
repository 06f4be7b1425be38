"""Intervals and verdicts of stored times: worked by hand, simulated, and by what must not change them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.judge.comparison import Difference, compare_paired, compare_unpaired, t_interval, welch_degrees
from bench.judge.race import Verdict
from tests.bench.sides import CRITERIA

times = st.lists(st.floats(1e-7, 1e3), min_size=1, max_size=6)
SPREAD = (1.0, 1.01, 0.99)


def compare(base: Sequence[float], head: Sequence[float]) -> Difference:
    found = compare_unpaired(base, head, CRITERIA)
    assert found is not None
    return found


def test_welch_is_what_it_is_worked_out_by_hand() -> None:
    """Logarithms 0, 1, 2 against 3, 5, 7: means 1 and 5, variances 1 and 4, squared errors 1/3 and 4/3.

    Degrees: (5/3)^2 / ((1/3)^2 / 2 + (4/3)^2 / 2) = 50/17.
    """
    base, head = (0.0, 1.0, 2.0), (3.0, 5.0, 7.0)
    found = compare(list(map(math.exp, base)), list(map(math.exp, head)))
    assert found.mean == pytest.approx(4)
    assert welch_degrees([1 / 3, 4 / 3], [3, 3]) == pytest.approx(50 / 17)
    assert (found.low, found.high) == pytest.approx(
        tuple(stats.ttest_ind(head, base, equal_var=False).confidence_interval(0.95))
    )


def test_unequal_numbers_of_runs_have_their_own_degrees() -> None:
    assert welch_degrees([1.0, 1.0], [3, 11]) == pytest.approx(4 / (1 / 2 + 1 / 10))


def test_a_side_that_does_not_scatter_leaves_the_degrees_of_the_other() -> None:
    assert welch_degrees([0.0, 0.25], [3, 6]) == pytest.approx(5)
    found = compare((1.0, 1.0, 1.0), SPREAD)
    assert found.half_width is not None
    assert 0 < found.half_width < math.inf


def test_variances_too_small_for_their_squares_are_no_division_by_zero() -> None:
    assert welch_degrees([1e-300, 1e-300], [3, 3]) == pytest.approx(4)


def test_sides_that_do_not_scatter_at_all_have_an_interval_of_no_width() -> None:
    assert compare((1.0,) * 3, (1.0,) * 3) == Difference(0.0, 0.0, Verdict.SAME)
    assert str(compare((1.0,) * 3, (2.0,) * 3).verdict) == "SLOWER"


@pytest.mark.parametrize(
    ("base", "head", "verdict"),
    [
        ((1.0, 1.001, 0.999), (1.03, 1.031, 1.029), "SLOWER"),
        ((1.0, 1.001, 0.999), (0.97, 0.971, 0.969), "FASTER"),
        ((1.0, 1.001, 0.999), (1.001, 1.0, 0.999), "SAME"),
        ((1.0, 1.1, 0.9), (1.3, 1.0, 1.6), "INCONCLUSIVE"),
        ((1.0, 1.0001, 0.9999), (1.004, 1.0041, 1.0039), "SAME"),
    ],
)
def test_the_verdict_follows_from_the_interval(base: tuple[float, ...], head: tuple[float, ...], verdict: str) -> None:
    assert str(compare(base, head).verdict) == verdict


@pytest.mark.parametrize(("base", "head"), [((1.0,), (2.0,)), (SPREAD, (2.0, 2.0)), ((1.0, 1.0), (2.0, 2.0, 2.0))])
def test_under_three_runs_a_side_there_is_a_ratio_and_no_more(base: tuple[float, ...], head: tuple[float, ...]) -> None:
    found = compare(base, head)
    assert found.mean == pytest.approx(math.log(2), abs=0.01)
    assert (found.half_width, found.low, found.high, str(found.verdict)) == (None, None, None, "INCONCLUSIVE")


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_time_that_is_none_is_never_a_difference(wrong: float, place: int) -> None:
    spoilt = [*SPREAD[:place], wrong, *SPREAD[place + 1 :]]
    assert compare_unpaired(spoilt, (2.0, 2.0, 2.0), CRITERIA) is None
    assert compare_unpaired((2.0, 2.0, 2.0), spoilt, CRITERIA) is None


def test_nothing_on_a_side_is_never_a_difference() -> None:
    assert compare_unpaired((), SPREAD, CRITERIA) is None
    assert compare_unpaired(SPREAD, (), CRITERIA) is None
    assert compare_paired([], CRITERIA) is None
    assert compare_paired([math.nan] * 5, CRITERIA) is None


@given(times, times)
def test_swapping_the_sides_negates_the_logarithm(base: list[float], head: list[float]) -> None:
    one, other = compare(base, head), compare(head, base)
    assert one.mean == pytest.approx(-other.mean, abs=1e-12)
    assert (one.half_width is None) == (other.half_width is None)
    if one.half_width is not None:
        assert one.half_width == pytest.approx(other.half_width, abs=1e-12)
    swapped = {"SLOWER": "FASTER", "FASTER": "SLOWER"}
    assert str(one.verdict) == swapped.get(str(other.verdict), str(other.verdict))


@given(times, times, st.sampled_from([2.0**-20, 0.5, 1024.0]))
def test_scaling_all_times_changes_nothing(base: list[float], head: list[float], scale: float) -> None:
    one, other = compare(base, head), compare([scale * each for each in base], [scale * each for each in head])
    assert one.mean == pytest.approx(other.mean, abs=1e-9)
    assert one.half_width == pytest.approx(other.half_width, abs=1e-6)


@given(times, times, st.randoms())
def test_the_order_of_the_runs_changes_nothing(base: list[float], head: list[float], order: random.Random) -> None:
    found = compare(base, head)
    order.shuffle(base)
    order.shuffle(head)
    assert compare(base, head) == found


def test_pairs_are_judged_by_their_t_interval() -> None:
    """Mean 0.03, standard deviation sqrt(2/3) / 100, four values: 3.182 of a half of it."""
    found = compare_paired([0.02, 0.03, 0.03, 0.04], CRITERIA)
    assert found is not None
    assert found.mean == pytest.approx(0.03)
    assert found.half_width == pytest.approx(3.18245 * math.sqrt(2 / 3) / 100 / 2, rel=1e-5)
    assert str(found.verdict) == "SLOWER"


def test_three_replicates_are_too_few_for_a_verdict() -> None:
    found = compare_paired([0.5, 0.5, 0.5], CRITERIA)
    assert found is not None
    assert (found.half_width, str(found.verdict)) == (None, "INCONCLUSIVE")


def test_alpha_dead_zone_and_margin_are_heard() -> None:
    base, head = (1.0, 1.001, 0.999), (1.012, 1.011, 1.013)
    assert str(compare(base, head).verdict) == "SLOWER"
    wide = compare_unpaired(base, head, replace(CRITERIA, dead_zone=0.05, margin=0.06))
    assert wide is not None
    assert str(wide.verdict) == "SAME"
    strict, loose = (compare_unpaired(base, head, replace(CRITERIA, alpha=alpha)) for alpha in (0.001, 0.2))
    assert strict is not None
    assert loose is not None
    assert (strict.half_width or 0) > 3 * (loose.half_width or 1)


def test_the_number_of_runs_that_would_settle_it_would() -> None:
    def repeat(count: int) -> Difference:
        """The same spread in so many runs a side."""
        noise = [random.Random(place).gauss(0, 1) for place in range(count)]
        exact = [0.03 * (each - fmean(noise)) / stdev(noise) for each in noise]
        return compare([math.exp(each) for each in exact], [math.exp(0.05 + each) for each in exact])

    found = repeat(3)
    assert str(found.verdict) == "INCONCLUSIVE"
    assert found.num_needed is not None
    assert str(repeat(found.num_needed - 1).verdict) == "INCONCLUSIVE"
    assert str(repeat(found.num_needed).verdict) == "SLOWER"


def test_runs_that_would_never_settle_it_are_not_counted() -> None:
    found = compare((1.0, 100.0, 0.01), (1.0, 100.0, 0.011))
    assert found.num_needed is None


def test_one_value_has_no_interval() -> None:
    assert t_interval([1.0], 0.05) is None
    assert t_interval([1.0, 2.0], 0.05) == pytest.approx(12.7062 / 2, rel=1e-4)


@pytest.mark.parametrize(("num_base", "num_head", "spread"), [(3, 3, 1.0), (3, 8, 1.0), (4, 4, 5.0)])
def test_the_interval_holds_the_truth_as_often_as_it_says(num_base: int, num_head: int, spread: float) -> None:
    """Welch is conservative with few values: 95 % or a little more, never much less."""
    draw = random.Random(f"{num_base} {num_head} {spread}")
    covered = 0
    for _ in range(1_000):
        base = [math.exp(draw.gauss(0, 0.01)) for _ in range(num_base)]
        head = [math.exp(draw.gauss(0.03, 0.01 * spread)) for _ in range(num_head)]
        found = compare(base, head)
        covered += abs(found.mean - 0.03) <= (found.half_width or 0)
    assert 930 <= covered <= 990
