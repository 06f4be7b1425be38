"""Where curves cross: by hand, and on cost models a + b * n of known crossings, with noise and the search active."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from bench.judge.crossing import Encounter, Meeting, Paired, contrast, judge_encounter
from bench.judge.refinement import MAX_VISITS, choose_value

GRID = (1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536)
Model = tuple[float, float, float, float]
"""Fixed cost and cost a sample, of the first and of the second curve."""
MODELS: tuple[Model, ...] = ((100, 0.1, 300, 0.05), (30, 0.3, 300, 0.1), (20, 5, 100, 1))
NUM_SEARCHES = 150


def pair(value: int, *differences: float) -> Paired:
    return Paired(value, differences)


def difference(model: Model, value: int) -> float:
    first, each_of_first, second, each_of_second = model
    return math.log((second + each_of_second * value) / (first + each_of_first * value))


def search(model: Model, spread: Sequence[float], seed: int, num_visits: int = 60) -> Encounter:
    """Sweep a grid twice, then refine, as the tool does, until all is known or so many visits are made.

    Args:
        spread: between visits, in the lower half of the grid and in the upper.
    """
    luck = np.random.default_rng(seed)
    found: dict[int, list[float]] = {}
    wanted = [*GRID, *GRID]
    for _ in range(num_visits):
        if wanted:
            value = wanted.pop(0)
        else:
            encounter = judge_encounter([pair(value, *found[value]) for value in sorted(found)])
            chosen = choose_value(encounter, 0.1)
            if chosen is None:
                return encounter
            value = chosen[1]
        found.setdefault(value, []).append(difference(model, value) + luck.normal(0, spread[value > GRID[4]]))
    return judge_encounter([pair(value, *found[value]) for value in sorted(found)])


def test_a_crossing_lies_between_the_last_point_one_wins_and_the_first_the_other_wins() -> None:
    found = judge_encounter([pair(10, 0.5, 0.51), pair(100, 0.2, 0.21), pair(1_000, -0.2, -0.21)])
    assert found.meeting is Meeting.CROSSES
    (crossing,) = found.crossings
    assert (crossing.low, crossing.high) == (100, 1_000)
    assert crossing.value == pytest.approx(math.sqrt(100 * 1_000), rel=1e-6)  # as far above 0 as below it
    assert crossing.second_is_faster_above


def test_a_point_that_tells_nothing_lies_within_the_interval() -> None:
    found = judge_encounter([pair(100, 0.2, 0.21), pair(316, 0.001, -0.001), pair(1_000, -0.2, -0.21)])
    (crossing,) = found.crossings
    assert (crossing.low, crossing.high) == (100, 1_000)
    assert [point.value for point in crossing.inside] == [100, 316, 1_000]


def test_where_it_crosses_is_read_off_the_nearest_points() -> None:
    found = judge_encounter([pair(100, 0.9, 0.91), pair(1_000, 0.01, -0.01), pair(10_000, -0.2, -0.21)])
    assert found.crossings[0].value == pytest.approx(1_000)


def test_curves_may_cross_twice() -> None:
    found = judge_encounter([pair(1, 0.2, 0.21), pair(10, -0.2, -0.21), pair(100, 0.2, 0.21)])
    assert [(each.low, each.high, each.second_is_faster_above) for each in found.crossings] == [
        (1, 10, True),
        (10, 100, False),
    ]


def test_one_that_is_faster_everywhere_is_not_passed_within_the_range() -> None:
    assert (
        judge_encounter([pair(1, 0.2, 0.21), pair(10, 0.1, 0.11), pair(100, 0.3, 0.31)]).meeting is Meeting.NOT_WITHIN
    )


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ([pair(1, 0.2), pair(10, -0.2), pair(100, -0.2)], "more than once"),
        ([pair(1, 0.2, 0.21), pair(10, 0.1, 0.11), pair(100, 0.01, -0.01)], "can't be told at 100"),
        ([pair(1, 0.2, 0.21, 0.2, 0.21)], "a single point"),
    ],
)
def test_what_can_not_be_told_is_undecided_with_its_reason(pairs: list[Paired], reason: str) -> None:
    found = judge_encounter(pairs)
    assert found.meeting is Meeting.UNDECIDED
    assert reason in (found.reason or "")


def test_a_difference_within_the_dead_zone_is_none() -> None:
    points = contrast([pair(value, 0.004, 0.004, 0.004) for value in (1, 10, 100)], 0.05)
    assert points is not None
    assert [point.sign for point in points] == [0, 0, 0]


def test_a_point_noisier_than_the_others_has_its_own_spread() -> None:
    quiet = [pair(value, 0.29, 0.3, 0.31) for value in range(1, 10)]
    points = contrast([*quiet, pair(10, -0.05, 0.2, 0.45)], 0.05)
    assert points is not None
    assert [point.sign for point in points] == [1] * 9 + [0]


@pytest.mark.parametrize(("num_visits", "sign"), [(3, 0), (4, 1)])
def test_a_point_that_was_visited_often_is_told_whatever_another_scatters(num_visits: int, sign: int) -> None:
    wild = pair(1, 0.1, 0.6, 1.1)
    points = contrast([wild, *(pair(value, *[0.3, 0.31, 0.29, 0.3][:num_visits]) for value in (10, 100))], 0.05)
    assert points is not None
    assert [point.sign for point in points] == [0, sign, sign]


def test_a_point_whose_own_visits_are_too_few_to_tell_is_told_by_the_spread_of_all() -> None:
    # Alone, 3 degrees at 5 % over two points: t = 4.18, and 4.18 * 0.01 / 2 is more than 0.02.
    off = pair(1, *(0.024 + each for each in (-0.01, -0.01, 0.01, 0.01)))
    quiet = pair(10, *[0.2, 0.201] * 20)
    alone, together = (contrast(pairs, 0.05) for pairs in ([off, pair(10, 0.2)], [off, quiet]))
    assert alone is not None
    assert together is not None
    assert (alone[0].sign, together[0].sign) == (0, 1)


def test_a_point_that_was_visited_often_and_scatters_more_than_the_others_is_told_nothing_of() -> None:
    quiet = [pair(value, 0.29, 0.3, 0.31) for value in range(1, 10)]
    points = contrast([*quiet, pair(10, -0.2, 0.05, 0.2, 0.45)], 0.05)
    assert points is not None
    assert [point.sign for point in points] == [1] * 9 + [0]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("spread", [(0.003, 0.003), (0.01, 0.01), (0.03, 0.03), (0.03, 0.01)])
def test_the_interval_holds_the_true_crossing_in_19_of_20_searches(model: Model, spread: tuple[float, float]) -> None:
    first, each_of_first, second, each_of_second = model
    truth = (second - first) / (each_of_first - each_of_second)
    found = [search(model, spread, seed) for seed in range(NUM_SEARCHES)]
    crossed = [encounter for encounter in found if encounter.meeting is Meeting.CROSSES]
    held = [len(each.crossings) == 1 and each.crossings[0].low <= truth <= each.crossings[0].high for each in crossed]
    assert sum(held) >= 0.95 * len(crossed) > 0
    assert not any(encounter.meeting is Meeting.NOT_WITHIN for encounter in found)


def test_on_a_quiet_machine_a_crossing_becomes_known_to_ten_percent() -> None:
    for seed in range(20):
        (crossing,) = search(MODELS[0], (0.005, 0.005), seed).crossings
        assert crossing.is_known_to(0.1)
        assert crossing.value == pytest.approx(4_000, rel=0.1)


def test_a_curve_crosses_itself_in_no_more_than_one_search_of_20() -> None:
    found = [search((100, 0.1, 100, 0.1), (0.02, 0.02), seed) for seed in range(NUM_SEARCHES)]
    assert sum(encounter.meeting is not Meeting.UNDECIDED for encounter in found) <= 0.05 * NUM_SEARCHES


def test_the_middle_of_the_widest_crossing_is_measured_next() -> None:
    found = judge_encounter([pair(1, 0.2, 0.21), pair(4, -0.2, -0.21), pair(400, 0.2, 0.21)])
    chosen = choose_value(found, 0.1)
    assert chosen is not None
    assert chosen[0] == pytest.approx(math.log(100))
    assert chosen[1] == 40


def test_where_bisecting_ends_a_point_that_tells_nothing_is_visited_again() -> None:
    ends = [pair(100, 0.2, 0.21), pair(140, -0.2, -0.21)]
    found = judge_encounter([ends[0], *(pair(value, 0.01, -0.01) for value in (104, 135)), ends[1]])
    chosen = choose_value(found, 0.1)
    assert chosen is not None
    assert chosen[1] in (104, 135)


def test_a_crossing_between_neighbouring_numbers_is_known() -> None:
    found = judge_encounter([pair(2, 0.2, 0.21), pair(3, -0.2, -0.21), pair(4, -0.3, -0.31)])
    assert choose_value(found, 0.01) is None


@pytest.mark.parametrize("pairs", [[pair(1, 0.5, 0.51), pair(100, 0.2, 0.21)], [pair(1, 0.5), pair(100, 0.2)]])
def test_where_too_few_visits_were_made_to_say_anything_more_are(pairs: list[Paired]) -> None:
    found = judge_encounter(pairs)
    assert [point.mean for point in found.points] == pytest.approx([0.5, 0.2], abs=0.01)
    assert choose_value(found, 0.1) == (0.0, 1)


def test_a_single_point_is_not_visited_again_since_nothing_crosses_there() -> None:
    assert choose_value(judge_encounter([pair(1, 0.01, -0.01)]), 0.1) is None
    assert choose_value(judge_encounter([pair(1, *([0.01, -0.01] * 3))]), 0.1) is None


def test_what_many_visits_do_not_tell_is_left() -> None:
    found = judge_encounter([pair(value, *([0.01, -0.01] * (MAX_VISITS // 2))) for value in (1, 10)])
    assert found.meeting is Meeting.UNDECIDED
    assert choose_value(found, 0.1) is None
