"""Whom a tune sifts out, what it chooses, and that only the confirmation calls it faster."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec
import pytest

from bench.campaigns.race_coverage import NOISES
from bench.campaigns.tune_alarms import describe, simulate_tunes
from bench.judge.quality import Quality, QualityVerdict
from bench.judge.tune import (
    Fate,
    choose,
    count_stages,
    find_partner,
    is_offered,
    judge_tune,
    list_alive,
    list_finalists,
    list_within_reach,
    plan_heats,
    rank,
    score,
    sift,
)
from bench.records.case import Case, Shape
from bench.records.tune import Heat, Tried
from tests.bench.races import make_fallen
from tests.bench.runs import make_case
from tests.bench.tunes import make_candidates, make_trainings, make_tune, make_whole_tune, race_candidates

SLOWER, SAME, WIDE = [(0.2, 0.05)] * 4, [(0.001, 0.0), (-0.001, 0.0)] * 4, [(0.3, 0.0), (-0.3, 0.0)] * 2


def test_what_runs_within_reach_of_the_quickest_goes_on_the_quickest_first() -> None:
    assert list_within_reach(make_tune([1.0, 2.9, None, 3.1, 0.99]).tried) == [4, 0, 1]


def test_heats_are_of_eight_at_most_and_all_are_paired_with_the_same_one() -> None:
    heats = plan_heats([3, 5, *range(10, 24)], 3)
    assert [len(each) for each in heats] == [6, 6, 6]
    assert {each[0] for each in heats} == {3}
    assert sorted(number for each in heats for number in each[1:]) == [5, *range(10, 24)]


def test_whom_all_are_paired_with_is_in_every_heat_even_where_it_was_sifted_out() -> None:
    assert plan_heats([4, 2], 9) == [(9, 4, 2)]


@pytest.mark.parametrize(("settings", "stages"), [(2, 1), (3, 1), (4, 1), (6, 1), (7, 2), (16, 3), (84, 5)])
def test_each_stage_halves_them_until_three_are_left(settings: int, stages: int) -> None:
    assert count_stages(settings) == stages


def test_the_better_half_by_the_median_over_pairs_goes_on_and_what_has_no_pair_comes_last() -> None:
    scores = {0: [0.0], 1: [0.1, 0.1, -9.0], 2: [-0.1], 3: [0.2], 5: [0.3], 6: [0.4]}
    assert rank(range(7), scores) == [2, 0, 1, 3, 5, 6, 4]
    assert sift(range(7), scores) == [2, 0, 1, 3]
    assert sift([3, 0], scores) == [0, 3]


def test_pairs_of_all_stages_count_together() -> None:
    candidates = make_candidates(3)
    all_of_them = race_candidates(candidates, (0, 1, 2), [(0.1, 0.2)])
    better_half = race_candidates(candidates, (0, 1), [0.3, 0.3])
    heats = (Heat(number=0, stage=0, candidates=(0, 1, 2)), Heat(number=1, stage=1, candidates=(0, 1)))
    found = score(list(zip(heats, (all_of_them, better_half), strict=True)))
    assert found[0] == [0.0, 0.0, 0.0]
    assert found[1] == pytest.approx([0.1, 0.3, 0.3])
    assert found[2] == pytest.approx([0.2])


def test_the_heats_leave_what_is_ahead_of_the_default() -> None:
    tune = make_whole_tune([])
    assert list_alive(tune) == [1, 2, 0]
    assert list_finalists(tune) == [1, 2]


def test_where_the_default_comes_first_nothing_is_chosen() -> None:
    tune = make_tune([1.0, 1.1])
    assert (list_finalists(tune), choose(tune)) == ([], [])
    assert judge_tune(tune).winner is None


def test_one_that_falls_in_a_heat_is_out_with_its_reason_and_another_is_paired_with() -> None:
    candidates = make_candidates(3)
    heat = Heat(number=0, stage=0, candidates=(1, 0, 2))
    fallen = make_fallen(arm=0, reason="out of luck")
    tune = make_tune([1.2, 1.0, 1.1], [(heat, race_candidates(candidates, heat.candidates, (), fallen))])
    assert find_partner(tune) == 2
    found = {each.candidate: each for each in judge_tune(tune).standings}[1]
    assert (found.fate, found.reason) == (Fate.FELL, "out of luck")


def test_a_winner_is_faster_by_its_confirmation_alone() -> None:
    result = judge_tune(make_whole_tune(SLOWER))
    assert result.winner == 1
    assert [each.fate for each in result.standings] == [Fate.WINNER, Fate.RUNNER_UP, Fate.DEFAULT, Fate.UNAVAILABLE]
    assert result.against_default is not None
    assert result.against_default.estimate is not None
    assert result.against_default.estimate.mean == pytest.approx(0.2)


@pytest.mark.parametrize("confirmed", [SAME, WIDE, SLOWER[:3]])
def test_what_is_not_confirmed_is_no_winner_however_far_ahead_its_heat_saw_it(
    confirmed: list[tuple[float, float]],
) -> None:
    result = judge_tune(make_whole_tune(confirmed))
    assert (result.chosen, result.winner) == (1, None)
    assert result.standings[0].fate is Fate.CHOSEN


def test_the_best_of_equal_quality_is_chosen_not_the_quickest() -> None:
    tune = make_whole_tune([], errors=(0.09, 0.2, 0.09))
    assert choose(tune) == [2]
    fates = {each.candidate: each.fate for each in judge_tune(tune).standings}
    assert fates[1] is Fate.WORSE


@pytest.mark.parametrize("error", [0.2, 0.04])
def test_a_better_quality_is_another_training_too(error: float) -> None:
    assert choose(make_whole_tune([], errors=(0.09, error, error))) == []


def test_what_was_stopped_in_its_set_up_had_no_time_and_what_was_stopped_in_its_trainings_is_not_worse() -> None:
    tune = make_whole_tune([])
    late = Tried(candidate=3, kind="timed out", reason="it took too long")
    tune = replace(tune, tried=(*tune.tried[:3], late), quality=race_candidates(tune.info.plan.candidates, (0, 1, 2)))
    fates = {each.candidate: each.fate for each in judge_tune(tune).standings}
    assert (fates[3], fates[1]) == (Fate.NOT_TRIED, Fate.FINALIST)


def test_trainings_that_were_cut_short_prove_nothing() -> None:
    tune = make_whole_tune([])
    assert tune.quality is not None
    cut = race_candidates(
        tune.info.plan.candidates, (0, 1, 2), (), *make_trainings((0.09, 0.09)), make_fallen(arm=2), num_quality_seeds=3
    )
    tune = make_tune([1.2, 1.0, 1.1, None], tune.heats, cut)
    assert choose(tune) == [1]


def test_what_changes_the_training_has_to_be_shown_to_be_equal_and_nothing_else_has_to() -> None:
    default = make_case()
    untested = QualityVerdict(Quality.UNTESTED)
    others = {
        "threads": make_case(num_threads=2),
        "precision": make_case(precision="bf16"),
        "batch size": make_case_of_batch(200),
    }
    assert {name: is_offered(case, default, untested) for name, case in others.items()} == {
        "threads": True,
        "precision": False,
        "batch size": False,
    }
    assert {is_offered(case, default, None) for case in others.values()} == {True, False}
    assert all(is_offered(case, default, QualityVerdict(Quality.EQUIVALENT)) for case in others.values())
    for quality in (Quality.DIFFERENT, Quality.UNDECIDED, Quality.INVALID, Quality.NOT_TRAINED):
        assert not is_offered(others["threads"], default, QualityVerdict(quality))


def make_case_of_batch(size: int) -> Case:
    return msgspec.structs.replace(make_case(), shape=Shape(batch_size=size))


@pytest.mark.parametrize("noise", ["one spread", "rounds alike, processes differ", "spikes"])
def test_of_sixteen_equal_settings_none_is_called_faster_though_the_heats_alone_would(noise: str) -> None:
    called, _, by_heats = describe(simulate_tunes(NOISES[noise], 0.0, 100))
    assert called <= 0.05
    assert by_heats > 0.25, "the control: without a confirmation it cries wolf"


def test_one_of_sixteen_that_takes_a_tenth_less_is_found() -> None:
    _, right, _ = describe(simulate_tunes(NOISES["two modes"], 0.1, 100))
    assert right >= 0.95


def test_scores_are_logarithms_of_ratios() -> None:
    found = {each.candidate: each for each in judge_tune(make_whole_tune([])).standings}
    assert found[0].score == pytest.approx(0.2)
    assert math.exp(found[2].score or 0.0) == pytest.approx(math.exp(0.05))
    assert found[0].num_pairs == 4
