"""What a pair of processes shows: on numbers worked by hand, in bursts of noise, and with rounds left out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from bench.judge.pairs import NUM_STRETCHES, compare_blocks, difference_of_pair, difference_of_pairs
from bench.judge.race import judge_race
from bench.records.race import Round
from tests.bench.races import make_pair, make_race, make_round, make_rounds


def compare(rounds: Sequence[Round]) -> float | None:
    """Return the difference of a pair without its scatter."""
    found = difference_of_pair(rounds)
    return None if found is None else found.value


def test_a_pair_compares_the_means_of_the_fastest_quarters_of_its_blocks() -> None:
    rounds = make_rounds((9.0, 1.2), (1.0, 8.0), (1.4, 7.0), (1.2, 1.3), (3.0, 1.5), (5.0, 6.0))
    assert compare(rounds) == pytest.approx(math.log(1.25 / 1.1)), "of six two"
    (contrast,) = judge_race(
        make_race([], *(msgspec.structs.replace(each, pair=pair) for pair in range(4) for each in rounds))
    )
    assert contrast.of_all is not None
    assert math.exp(contrast.of_all.mean) == pytest.approx(25.0 / 20.6)


def test_bursts_that_hit_half_of_an_arms_blocks_change_nothing() -> None:
    quiet, hit = make_pair(0, 0.01, num_rounds=10), []
    for each in quiet:
        factors = (3.0 if each.round in (1, 4) else 1.0, 1.5 if each.round in (0, 1, 2, 7, 9) else 1.0)
        seconds = tuple(a * b for a, b in zip(each.seconds, factors, strict=True))
        hit.append(msgspec.structs.replace(each, seconds=seconds))
    assert compare(hit) == pytest.approx(0.01) == compare(quiet)
    mean = math.log(sum(each.seconds[1] for each in hit) / sum(each.seconds[0] for each in hit))
    assert abs(mean - 0.01) > 0.03, "the control: means over all blocks"


def test_an_effect_of_the_order_within_a_couple_cancels() -> None:
    """Whichever arm comes second in a round is slower, by 10 %: it follows a switch."""
    rounds = [
        msgspec.structs.replace(
            each, seconds=tuple(np.array(each.seconds) * ((1.1, 1) if each.round % 2 else (1, 1.1)))
        )
        for each in make_pair(0, 0.01, num_rounds=8)
    ]
    assert compare(rounds) == pytest.approx(0.01)
    assert compare([each for each in rounds if each.round != 2]) == pytest.approx(0.01)
    single = statistics.median_high(math.log(each.seconds[1] / each.seconds[0]) for each in rounds)
    assert single == pytest.approx(0.01 + math.log(1.1)), (
        "the control: a median over single rounds jumps to one cluster"
    )


def test_in_bursts_of_a_neighbour_the_fastest_quarters_scatter_less_than_the_median_over_couples() -> None:
    luck = np.random.default_rng(1)
    quarters, medians = [], []
    for _ in range(300):
        hit = np.repeat(luck.random(10) < 0.35, 8)[:, None] * np.log1p(0.5 * luck.random((80, 2)))
        logs = luck.normal(0, 0.01, (80, 2)) + hit
        quarters.append(compare_blocks(np.exp(logs[:, 0]).tolist(), np.exp(logs[:, 1]).tolist()))
        medians.append(float(np.median((logs[:, 1] - logs[:, 0]).reshape(40, 2).mean(axis=1))))
    assert statistics.stdev(quarters) < 0.8 * statistics.stdev(medians)
    assert abs(statistics.fmean(quarters)) < 3 * statistics.stdev(quarters) / math.sqrt(300)


def take_laps(rounds: Sequence[Round], *epochs: Sequence[Sequence[float]]) -> list[Round]:
    """Give each round the laps of both arms: microseconds, one epoch each."""
    laps = [tuple((tuple(round(1_000 * each) for each in arm),) for arm in epoch) for epoch in epochs]
    return [msgspec.structs.replace(each, laps=its_own) for each, its_own in zip(rounds, laps, strict=True)]


def test_steps_are_held_against_those_in_the_same_place_of_an_epoch() -> None:
    """A step of 10 us and one of 30 at the epoch's end, of which each round but one slows down one or the other."""
    slowed = [((15, 30), (10, 30)), ((10, 45), (11, 30)), ((10, 30), (10, 33)), ((12, 30), (20, 66))]
    rounds = take_laps(make_rounds(*[(1.0, 1.0)] * 8), *slowed, *[((14, 41), (20, 66))] * 4)
    assert compare(rounds) == pytest.approx(0.0)
    assert compare(take_laps(rounds, *[((10, 30), (11, 30))] * 8)) == pytest.approx(math.log(41 / 40))


def test_single_steps_scatter_less_than_blocks_in_bursts_that_leave_no_block_alone() -> None:
    luck = np.random.default_rng(1)
    by_steps: list[float | None] = []
    by_blocks: list[float | None] = []
    for _ in range(60):
        is_slow = np.repeat(luck.random((60, 2, 4)) < 0.5, 5, axis=2)
        steps = 10.0 * (1 + 0.5 * is_slow) * luck.normal(1, 0.005, (60, 2, 20)) * np.array([[1.0], [1.02]])
        rounds = make_rounds(*steps.sum(axis=2).tolist())
        by_blocks.append(compare(rounds))
        by_steps.append(compare(take_laps(rounds, *steps.tolist())))
    steps_found, blocks_found = (np.array(each, dtype=float) for each in (by_steps, by_blocks))
    assert steps_found.mean() == pytest.approx(math.log(1.02), abs=3e-4)
    assert steps_found.std() < 0.2 * blocks_found.std()


def test_the_scatter_of_a_pair_is_its_jackknife_over_eight_stretches() -> None:
    luck = np.random.default_rng(1)
    times = luck.normal(1.0, 0.02, (48, 2)).tolist()
    found = difference_of_pair(make_rounds(*times))
    without = [
        compare([msgspec.structs.replace(r, round=n) for n, r in enumerate(make_rounds(*times[:at], *times[at + 6 :]))])
        for at in range(0, 48, 6)
    ]
    assert found is not None
    assert found.scatter == pytest.approx(math.sqrt((NUM_STRETCHES - 1) * np.var(np.array(without, dtype=float))))
    equal = difference_of_pair(make_pair(0, 0.01))
    assert equal is not None
    assert equal.scatter == pytest.approx(0.0, abs=1e-12)


def test_a_pairs_scatter_is_about_what_pairs_scatter_by_where_rounds_are_all_that_differs() -> None:
    luck = np.random.default_rng(1)
    found = [difference_of_pair(make_rounds(*luck.normal(1.0, 0.02, (80, 2)).tolist())) for _ in range(200)]
    pairs = [each for each in found if each is not None]
    assert len(pairs) == 200
    assert statistics.median(each.scatter for each in pairs) == pytest.approx(
        statistics.stdev(each.value for each in pairs), rel=0.15
    )


def test_a_round_without_the_other_of_its_couple_counts_for_nothing() -> None:
    rounds = make_pair(0, 0.01)
    assert compare([*rounds, make_round(6, 0.9)]) == pytest.approx(0.01)
    shifted = [msgspec.structs.replace(each, round=each.round + 1) for each in rounds]
    assert compare(shifted) is None, "rounds 1-6 hold two couples, (2, 3) and (4, 5), not three"


def test_a_disturbed_round_is_left_out_with_the_other_of_its_couple() -> None:
    rounds = make_pair(0, 0.01, num_rounds=8)
    rounds[2] = make_round(2, 5.0, disturbance="the machine was suspended")
    rounds[3] = make_round(3, -3.0)
    assert compare(rounds) == pytest.approx(0.01)
    assert compare(rounds[:6]) is None, "two couples are left of three: too few"


def test_what_disturbed_one_arm_and_the_first_is_no_matter_of_another() -> None:
    rounds = make_pair(0, 0.01, 0.02, num_rounds=8)
    spoilt = [
        msgspec.structs.replace(each, seconds=(9.0, 1.0), disturbance="heat")
        if each.round < 2 and each.arm == 2
        else each
        for each in rounds
    ]
    found = [[each.value for each in difference_of_pairs(spoilt, arm)] for arm in (1, 2)]
    assert found == [[pytest.approx(0.01)], [pytest.approx(0.02)]]
