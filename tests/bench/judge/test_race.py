"""What a race allows one to say: on numbers worked by hand, under transformations, and where nothing may be said."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge.pairs import PairDifference, difference_of_pairs
from bench.judge.quality import Quality
from bench.judge.race import (
    LOOKS,
    MAX_DISTURBED_SHARE,
    Contrast,
    Estimate,
    Verdict,
    decide,
    disturbed_share,
    estimate,
    estimate_pairs,
    judge_race,
    pairs_needed,
    quantile_at_look,
    weigh,
    why_stop,
)
from bench.records.race import Race, RaceRecord, Round, assemble_race
from tests.bench.races import (
    ARMS,
    ENDED,
    THIRD,
    make_pair,
    make_pairs,
    make_plan,
    make_race,
    make_round,
    make_rounds,
    make_schooled,
)

MIRRORED = {Verdict.FASTER: Verdict.SLOWER, Verdict.SLOWER: Verdict.FASTER}


def read(race: Race) -> list[tuple[Verdict, Quality, tuple[PairDifference, ...]]]:
    return [(each.verdict, each.quality.quality, each.pairs) for each in judge_race(race)]


def values(contrast: Contrast) -> list[float]:
    return [each.value for each in contrast.pairs]


# Worked by hand.


@pytest.mark.parametrize(
    ("num_pairs", "quantile"),
    [
        (2, math.tan(math.pi * 0.4875)),  # one degree: Cauchy's distribution
        (3, 0.975 / math.sqrt(2 * 0.9875 * 0.0125)),  # two degrees: the quantile has this closed form
        (4, 4.1765),  # the rest: any table of Bonferroni's t, 5 % over two comparisons
        (8, 2.8412),
        (11, 2.6338),
    ],
)
def test_each_look_spends_half_of_alpha_on_two_sides(num_pairs: int, quantile: float) -> None:
    assert quantile_at_look(0.05, num_pairs) == pytest.approx(quantile, rel=1e-4)


def test_an_interval_is_that_of_students_t_on_the_differences_of_pairs() -> None:
    found = estimate([0.00, 0.01, 0.02, 0.03], 0.05)
    assert found is not None
    assert found.num_pairs == 4
    assert found.mean == pytest.approx(0.015)
    assert found.spread == pytest.approx(math.sqrt(0.0005 / 3))
    assert found.half_width == pytest.approx(4.1765 * math.sqrt(0.0005 / 3) / 2, rel=1e-4)
    assert (found.low, found.high) == pytest.approx((0.015 - 0.02696, 0.015 + 0.02696), abs=1e-5)


def test_the_unit_is_the_pair_and_more_rounds_narrow_nothing() -> None:
    few, many = (difference_of_pairs(make_pairs([0.0, 0.01, 0.02, 0.03], each), 1) for each in (6, 60))
    narrow, wide = (estimate_pairs(each, 0.05) for each in (many, few))
    assert narrow is not None
    assert wide is not None
    assert narrow.half_width == pytest.approx(wide.half_width)


def test_every_arm_is_held_against_the_first() -> None:
    plan = make_plan(*ARMS, THIRD)
    race = make_race([(0.05, -0.05), (0.05, -0.051), (0.051, -0.05), (0.05, -0.05)], plan=plan)
    assert [(each.arm, each.verdict) for each in judge_race(race)] == [(1, Verdict.SLOWER), (2, Verdict.FASTER)]


def test_a_look_ahead_finds_the_first_number_of_pairs_that_is_enough() -> None:
    # t / sqrt(n) with 97.5 %: 1.005 at 8, 0.749 at 12, 0.623 at 16.
    found = Estimate(8, 0.0, 0.0, 0.01)
    assert pairs_needed(found, 0.0101, 0.05) == 8
    assert pairs_needed(found, 0.0100, 0.05) == 12
    assert pairs_needed(found, 0.0063, 0.05) == 16
    assert pairs_needed(found, 0.0001, 0.05) is None
    assert pairs_needed(None, 0.01, 0.05) is None
    assert pairs_needed(Estimate(1, 0.0, math.inf, 0.0), 0.01, 0.05) is None


def test_slow_steps_that_are_an_arms_own_are_told_and_those_of_the_machine_are_not() -> None:
    luck = np.random.default_rng(1)

    def stall(share: float) -> Contrast:
        """Let so many of the other arm's blocks take half as long again, beside a tenth of all."""
        rounds = []
        for pair in range(6):
            times = luck.normal(1.0, 0.005, (60, 2)) * (1 + 0.5 * (luck.random((60, 2)) < [0.1, 0.1 + share]))
            rounds += [msgspec.structs.replace(each, pair=pair) for each in make_rounds(*times.tolist())]
        return judge_race(make_race([], *rounds))[0]

    own, none = stall(0.3), stall(0.0)
    assert (own.verdict, own.has_stalls) == (Verdict.SAME, True)
    assert (none.verdict, none.has_stalls) == (Verdict.SAME, False)
    assert not judge_race(make_race([]))[0].has_stalls


# How much a pair counts.


def make_differences(*each: tuple[float, float]) -> list[PairDifference]:
    """Return pairs of a value and a scatter."""
    return [PairDifference(value, scatter, value) for value, scatter in each]


def test_a_pair_in_a_storm_counts_for_little() -> None:
    pairs = make_differences((0.0, 0.002), (0.001, 0.002), (0.002, 0.002), (0.1, 0.06))
    found, alike = estimate_pairs(pairs, 0.05), estimate([0.0, 0.001, 0.002, 0.1], 0.05)
    assert found is not None
    assert alike is not None
    assert found.mean < 0.002
    assert found.half_width < alike.half_width / 4


def test_weights_are_those_of_the_median_scatter_added_to_a_pairs_own() -> None:
    near = [0.0, 0.001, -0.001]  # no further apart than rounds are, so that nothing is left between processes
    weights = np.array(weigh(near, [0.01, 0.01, 0.03]))
    assert weights / weights[0] == pytest.approx([1.0, 1.0, 0.2])
    certain = np.array(weigh(near, [0.0, 0.01, 0.01]))
    assert certain / certain[1] == pytest.approx([2 / 1.01, 1.0, 1.0])
    assert weigh(near, [0.0, 0.0, 0.03]) == [1.0, 1.0, 1.0], "with no scatter to hold it against, nobody is in a storm"


def test_where_processes_differ_by_more_than_rounds_do_all_pairs_count_alike() -> None:
    weights = weigh([-0.3, -0.1, 0.2, 0.3], [0.001, 0.001, 0.001, 0.006])
    assert max(weights) / min(weights) < 1.01


@pytest.mark.parametrize("between", [0.0, 0.01, 0.03, 0.1])
def test_weighted_intervals_hold_the_truth_as_often_as_they_say(between: float) -> None:
    """A third of the pairs in a storm of six times the scatter, which is known from eight stretches only."""
    luck = np.random.default_rng(2)
    num_held, num_races = 0, 1_000
    for _ in range(num_races):
        scatters = 0.01 * np.where(luck.random(12) < 0.3, 6.0, 1.0)
        values = luck.normal(0, scatters) + luck.normal(0, between, 12)
        told = scatters * np.sqrt(luck.chisquare(7, 12) / 7)
        found = estimate(values.tolist(), 0.05, told.tolist())
        assert found is not None
        num_held += found.low <= 0 <= found.high
    assert num_held / num_races > 0.96, "of 97.5 %: the looks have half of alpha each"


def test_equal_scatters_weigh_nothing() -> None:
    differences = [0.0, 0.01, 0.02, 0.03]
    found, alike = estimate(differences, 0.05, [0.004] * 4), estimate(differences, 0.05)
    assert found is not None
    assert alike is not None
    assert (found.mean, found.half_width) == pytest.approx((alike.mean, alike.half_width))


# Under transformations.

logs = st.floats(-0.2, 0.2)
pairs_of_logs = st.lists(st.lists(logs, min_size=6, max_size=6), min_size=1, max_size=6)


def race_of(pairs: Sequence[Sequence[float]]) -> Race:
    rounds = [
        make_round(number, each, pair=pair) for pair, rounds in enumerate(pairs) for number, each in enumerate(rounds)
    ]
    return make_race([], *rounds)


def change_rounds(race: Race, **changes: object) -> Race:
    return Race(race.info, race.seated, tuple(changes["rounds"]), race.trained, race.fallen, race.ended)  # type: ignore[arg-type]


@given(pairs=pairs_of_logs)
def test_swapping_the_arms_negates_every_logarithm_and_mirrors_the_verdict(pairs: list[list[float]]) -> None:
    race = race_of(pairs)
    swapped = change_rounds(
        race, rounds=[msgspec.structs.replace(each, seconds=each.seconds[::-1]) for each in race.rounds]
    )
    (ours,), (theirs,) = judge_race(race), judge_race(swapped)
    assert ours.estimate is not None
    assert theirs.estimate is not None
    assert values(theirs) == pytest.approx([-each for each in values(ours)], abs=1e-12)
    assert theirs.estimate.mean == pytest.approx(-ours.estimate.mean, abs=1e-12)
    assert theirs.estimate.half_width == pytest.approx(ours.estimate.half_width, abs=1e-10)
    assert theirs.verdict == MIRRORED.get(ours.verdict, ours.verdict)


@given(pairs=pairs_of_logs, factor=st.floats(1e-6, 1e6))
def test_scaling_all_times_changes_nothing(pairs: list[list[float]], factor: float) -> None:
    race = race_of(pairs)
    scaled = change_rounds(
        race,
        rounds=[
            msgspec.structs.replace(each, seconds=tuple(factor * seconds for seconds in each.seconds))
            for each in race.rounds
        ],
    )
    (ours,), (theirs,) = judge_race(race), judge_race(scaled)
    assert values(theirs) == pytest.approx(values(ours), abs=1e-12)
    assert theirs.verdict == ours.verdict


@given(pairs=pairs_of_logs, seed=st.integers(0, 2**32))
def test_the_order_of_records_changes_nothing(pairs: list[list[float]], seed: int) -> None:
    race = race_of(pairs)
    trained = [make_schooled(label, number) for label in "ab" for number in range(3)]
    records: list[RaceRecord] = [*race.rounds, *trained, ENDED]
    shuffled = random.Random(seed).sample(records, len(records))
    assert read(assemble_race(race.info, shuffled)) == read(assemble_race(race.info, records))


dyadic = st.integers(-(2**16), 2**16).map(lambda number: number / 2**20)
"""Sums of these are exact, so that what does not depend on a shift is the same to the last bit."""
close_pairs = st.sampled_from(LOOKS[:5]).flatmap(
    lambda look: st.lists(st.integers(-3_000, 3_000).map(lambda number: number / 2**20), min_size=look, max_size=look)
)
"""Within 0.3 % of each other, so that each way to stop comes up."""


@given(
    differences=close_pairs,
    shift=dyadic,
    elapsed=st.floats(0, 60),
    resolution=st.floats(1e-4, 0.01),
)
def test_the_stop_rule_looks_at_widths_alone_so_that_shifting_all_differences_changes_no_stop(
    differences: list[float], shift: float, elapsed: float, resolution: float
) -> None:
    plan = make_plan(resolution=resolution)
    stops = []
    for by in (0.0, shift):
        found = estimate([each + by for each in differences], plan.alpha)
        stops.append(why_stop(plan, [found], len(differences), elapsed, 2.0))
    assert stops[0] == stops[1]


def test_the_property_of_the_stop_rule_can_fail() -> None:
    narrow, wide = Estimate(8, 0.3, 0.001, 0.001), Estimate(8, 0.3, 0.3, 0.3)
    assert why_stop(make_plan(), [narrow], 8, 10.0, 1.0) == "resolved"
    assert why_stop(make_plan(), [wide], 8, 10.0, 1.0) == "hopeless"


# What never becomes a difference.


@pytest.mark.parametrize("num_pairs", [0, 1, 2, 3])
def test_under_four_pairs_nothing_is_said_however_large_the_difference(num_pairs: int) -> None:
    (contrast,) = judge_race(make_race([0.5] * num_pairs))
    assert contrast.verdict is Verdict.INCONCLUSIVE
    (control,) = judge_race(make_race([0.5] * 4))
    assert control.verdict is Verdict.SLOWER


def test_a_race_without_a_pair_has_no_estimate_and_one_pair_has_no_interval() -> None:
    assert estimate([], 0.05) is None
    assert estimate([0.25], 0.05) == Estimate(1, 0.25, math.inf, 0.0)


def test_a_pair_that_was_cut_off_counts_for_nothing() -> None:
    cut_off = make_pair(4, 0.9, num_rounds=5)  # two couples and a round without its other half
    race = make_race([0.0] * 4, *cut_off)
    (contrast,) = judge_race(race)
    assert values(contrast) == pytest.approx([0.0] * 4)
    assert contrast.verdict is Verdict.SAME


# Verdicts.

DEAD_ZONE, MARGIN = 0.005, 0.02
EDGE, FAR = math.log1p(DEAD_ZONE), math.log1p(MARGIN)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (EDGE + 1e-9, 0.1, Verdict.SLOWER),
        (EDGE, 0.1, Verdict.INCONCLUSIVE),
        (-0.1, -EDGE - 1e-9, Verdict.FASTER),
        (-0.1, -EDGE, Verdict.INCONCLUSIVE),
        (-FAR + 1e-9, FAR - 1e-9, Verdict.SAME),
        (-FAR, 0.0, Verdict.INCONCLUSIVE),
        (0.0, FAR, Verdict.INCONCLUSIVE),
        (EDGE + 1e-9, FAR - 1e-9, Verdict.SLOWER),
        (-FAR + 1e-9, -EDGE - 1e-9, Verdict.FASTER),
        (-0.1, 0.1, Verdict.INCONCLUSIVE),
    ],
)
def test_a_verdict_needs_the_whole_interval_beyond_the_dead_zone_or_within_the_margin(
    low: float, high: float, verdict: Verdict
) -> None:
    # The very edges, not what rounding leaves of them in a mean and a half-width.
    found = cast("Estimate", SimpleNamespace(num_pairs=4, low=low, high=high))
    assert decide(found, DEAD_ZONE, MARGIN) is verdict


def test_without_a_dead_zone_any_interval_beside_nothing_is_a_difference() -> None:
    assert decide(Estimate(4, 0.0011, 0.001, 0.001), 0.0, MARGIN) is Verdict.SLOWER
    assert decide(Estimate(4, 0.0010, 0.001, 0.001), 0.0, MARGIN) is Verdict.SAME


# Disturbances.


@pytest.mark.parametrize(("num_disturbed", "verdict"), [(8, Verdict.SLOWER), (9, Verdict.UNSTABLE)])
def test_more_than_a_fifth_of_disturbed_rounds_is_an_unstable_environment(num_disturbed: int, verdict: Verdict) -> None:
    rounds = make_pairs([0.1] * 4, num_rounds=10)
    spoilt: list[Round] = [
        msgspec.structs.replace(each, disturbance="heat slowed a core") if number < num_disturbed else each
        for number, each in enumerate(sorted(rounds, key=lambda each: (each.round, each.pair)))
    ]
    assert (disturbed_share(spoilt) > MAX_DISTURBED_SHARE) == (verdict is Verdict.UNSTABLE)
    (contrast,) = judge_race(make_race([], *spoilt))
    assert contrast.verdict is verdict
    assert len(values(contrast)) == 4


def test_no_round_is_no_disturbance() -> None:
    assert disturbed_share([]) == 0.0
