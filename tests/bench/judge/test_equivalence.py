"""The test of equal quality: by hand, by simulation, and what must hold whatever the numbers."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bench.judge.equivalence import LogRatio, compare_errors

MARGIN = math.log(1.25)


def pair(differences: Sequence[float]) -> tuple[dict[int, float | None], dict[int, float | None]]:
    """Errors of a mode and of a reference, whose logarithms differ by so much."""
    reference: dict[int, float | None] = {seed: 2e-4 * (seed + 1) for seed in range(len(differences))}
    return {seed: (reference[seed] or 0.0) * math.exp(each) for seed, each in enumerate(differences)}, reference


def compare(differences: Sequence[float]) -> LogRatio:
    log_ratio = compare_errors(*pair(differences))
    assert log_ratio is not None
    return log_ratio


def test_the_interval_is_that_of_a_textbook_for_three_seeds() -> None:
    """Mean 0.2, standard deviation 0.1, standard error 0.1 / sqrt(3); t of 95 % with 2 degrees is 2.919986."""
    log_ratio = compare([0.1, 0.2, 0.3])
    assert log_ratio.num_seeds == 3
    assert log_ratio.mean == pytest.approx(0.2)
    assert log_ratio.half_width == pytest.approx(2.919986 * 0.1 / math.sqrt(3), rel=1e-6)
    assert (log_ratio.low, log_ratio.high) == pytest.approx((0.2 - 0.168585, 0.2 + 0.168585), abs=1e-6)


def test_the_interval_is_that_of_a_textbook_for_five_seeds() -> None:
    """Mean 0, squares 4 + 1 + 0 + 1 + 4 = 10 over 4, in hundredths; t of 95 % with 4 degrees is 2.131847."""
    log_ratio = compare([-0.02, -0.01, 0.0, 0.01, 0.02])
    assert log_ratio.mean == pytest.approx(0.0, abs=1e-12)
    assert log_ratio.half_width == pytest.approx(2.131847 * math.sqrt(2.5) / 100 / math.sqrt(5), rel=1e-6)


@pytest.mark.parametrize(
    ("mean", "half_width", "is_within", "is_beyond"),
    [
        (0.0, 0.1, True, False),
        (0.1, 0.1, True, False),
        (0.15, 0.1, False, False),
        (0.0, 0.3, False, False),
        (0.35, 0.1, False, True),
        (-0.35, 0.1, False, True),
        (-0.25, 0.1, False, False),
        (1.0, 2.0, False, False),
    ],
)
def test_an_interval_is_within_the_margin_beyond_it_or_neither(
    mean: float, half_width: float, is_within: bool, is_beyond: bool
) -> None:
    log_ratio = LogRatio(5, mean, half_width)
    assert (log_ratio.is_within(MARGIN), log_ratio.is_beyond(MARGIN)) == (is_within, is_beyond)


def test_an_interval_that_touches_the_margin_is_neither() -> None:
    for mean in (0.25, 0.75):
        log_ratio = LogRatio(5, mean, 0.25)
        assert not log_ratio.is_within(0.5)
        assert not log_ratio.is_beyond(0.5)


ratios = st.lists(st.floats(-2.0, 2.0), min_size=3, max_size=12)


@given(differences=ratios, seed=st.integers(0, 2**32 - 1))
def test_the_order_of_seeds_changes_nothing(differences: list[float], seed: int) -> None:
    errors, reference = pair(differences)
    order = random.Random(seed).sample(list(errors), len(errors))
    shuffled = compare_errors({each: errors[each] for each in order}, {each: reference[each] for each in order[::-1]})
    assert shuffled == compare_errors(errors, reference)


@given(differences=ratios)
def test_swapping_mode_and_reference_mirrors_the_interval(differences: list[float]) -> None:
    errors, reference = pair(differences)
    forwards, backwards = compare_errors(errors, reference), compare_errors(reference, errors)
    assert forwards is not None
    assert backwards is not None
    assert (backwards.low, backwards.high) == pytest.approx((-forwards.high, -forwards.low), abs=1e-9)
    assert backwards.is_within(MARGIN) == forwards.is_within(MARGIN)
    assert backwards.is_beyond(MARGIN) == forwards.is_beyond(MARGIN)


@given(differences=ratios, factor=st.floats(1e-3, 1e3))
def test_the_scale_of_the_errors_changes_nothing(differences: list[float], factor: float) -> None:
    errors, reference = pair(differences)
    scaled = [{seed: (each or 0.0) * factor for seed, each in errors_.items()} for errors_ in (errors, reference)]
    before, after = compare_errors(errors, reference), compare_errors(scaled[0], scaled[1])
    assert before is not None
    assert after is not None
    assert (after.mean, after.half_width) == pytest.approx((before.mean, before.half_width), abs=1e-9)


@given(differences=st.lists(st.floats(-2.0, 2.0), min_size=0, max_size=2))
def test_under_three_seeds_nothing_is_tested(differences: list[float]) -> None:
    assert compare_errors(*pair(differences)) is None


@pytest.mark.parametrize("bad", [None, 0.0, -1e-4, 1e-300, 1e300, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("side", [0, 1])
def test_an_error_without_a_logarithm_makes_no_test(bad: float | None, side: int) -> None:
    errors = pair([0.0] * 8)
    errors[side][3] = bad
    assert compare_errors(*errors) is None


@given(missing=st.integers(0, 7), side=st.integers(0, 1))
def test_seeds_that_only_one_side_has_make_no_test(missing: int, side: int) -> None:
    errors = pair([0.0] * 8)
    del errors[side][missing]
    assert compare_errors(*errors) is None


def test_seeds_are_paired_by_their_number_and_not_by_their_place() -> None:
    errors, reference = pair([0.5, 0.5, 0.5])
    moved = {seed + 1: error for seed, error in errors.items()}
    assert compare_errors(moved, reference) is None


@given(differences=ratios, margin=st.floats(0.01, 2.0))
def test_no_interval_is_both_within_and_beyond(differences: list[float], margin: float) -> None:
    log_ratio = compare(differences)
    assert not (log_ratio.is_within(margin) and log_ratio.is_beyond(margin))


@given(differences=ratios, margins=st.tuples(st.floats(0.01, 2.0), st.floats(0.01, 2.0)))
def test_a_wider_margin_takes_no_equivalence_away(differences: list[float], margins: tuple[float, float]) -> None:
    narrow, wide = sorted(margins)
    assume(narrow < wide)
    log_ratio = compare(differences)
    assert log_ratio.is_within(wide) or not log_ratio.is_within(narrow)
    assert log_ratio.is_beyond(narrow) or not log_ratio.is_beyond(wide)


def test_scipy_is_imported_where_it_is_used_and_its_statistics_never() -> None:
    program = (
        "import sys; from bench.judge.equivalence import compare_errors; import bench.judge.results\n"
        "assert not any(name.startswith('scipy') for name in sys.modules)\n"
        "compare_errors({1: 1.0, 2: 2.0, 3: 3.0}, {1: 1.0, 2: 2.0, 3: 3.5})\n"
        "assert 'scipy.special' in sys.modules and 'scipy.stats' not in sys.modules"
    )
    subprocess.run((sys.executable, "-c", program), check=True)


NUM_DRAWS = 4_000
LARGEST_SHARE = 0.05 + 3 * math.sqrt(0.05 * 0.95 / NUM_DRAWS)
"""Three standard errors above 5 %."""


def draw_shares(true_mean: float, spread: float, num_seeds: int) -> tuple[float, float]:
    """Shares of EQUIVALENT and DIFFERENT among draws from a normal distribution."""
    stream = random.Random(f"{true_mean} {spread} {num_seeds}")
    drawn = [compare([stream.gauss(true_mean, spread) for _ in range(num_seeds)]) for _ in range(NUM_DRAWS)]
    return (
        sum(each.is_within(MARGIN) for each in drawn) / NUM_DRAWS,
        sum(each.is_beyond(MARGIN) for each in drawn) / NUM_DRAWS,
    )


@pytest.mark.parametrize("num_seeds", [3, 5, 16])
@pytest.mark.parametrize("spread", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("edge", [-MARGIN, MARGIN])
def test_at_the_margins_edge_neither_verdict_is_given_more_often_than_promised(
    edge: float, spread: float, num_seeds: int
) -> None:
    equivalent, different = draw_shares(edge, spread, num_seeds)
    assert equivalent <= LARGEST_SHARE
    assert different <= LARGEST_SHARE


def test_the_promise_is_kept_and_not_by_never_speaking() -> None:
    """At the edge, where the spread is small, 5 % is what is used up; well inside and outside, verdicts are given."""
    equivalent, different = draw_shares(MARGIN, 0.02, 5)
    assert equivalent == pytest.approx(0.05, abs=0.011)
    assert different == pytest.approx(0.05, abs=0.011)
    assert draw_shares(0.0, 0.05, 5)[0] > 0.99
    assert draw_shares(math.log(1.6), 0.05, 5)[1] > 0.99
