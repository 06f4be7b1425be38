"""What a run says of its cases: time, throughput and speedup."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge.quality import Quality
from bench.judge.results import CaseResult, find_fastest, judge_run
from bench.judge.stages import Stages
from bench.judge.statistics import Summary
from bench.records.case import Case
from bench.records.journal import Record
from tests.bench.runs import make_block, make_case, make_failed, make_run, make_started, make_training

BASE, OTHER, THIRD = make_case(), make_case("eager"), make_case("eager", "dataloader")


def judge(cases: Sequence[Case], *records: list[Record]) -> list[CaseResult]:
    return judge_run(make_run(cases, *records))


def speedup_of(*records: list[Record], cases: Sequence[Case] = (BASE, OTHER)) -> float | None:
    return judge(cases, *records)[1].speedup


def make_blocks(
    case: Case, rounds: dict[int, float], replicate: int = 0, wave: int = 0, num_steps: int = 100
) -> list[Record]:
    return [
        make_block(case, seconds, round=number, replicate=replicate, wave=wave, num_steps=num_steps)
        for number, seconds in rounds.items()
    ]


def test_the_time_to_train_is_one_value_for_each_replicate() -> None:
    (result,) = judge([BASE], make_training(BASE, [1.0, 2.0]), make_training(BASE, [2.0, 3.0], replicate=1))
    assert result.training_seconds == Summary(2, 4.0, 3.5, 4.5)
    assert len(result.trained) == 2


def test_a_baseline_that_joins_several_waves_is_still_one_value_for_each_replicate() -> None:
    base, *_ = judge(
        [BASE, OTHER, THIRD],
        make_training(BASE, [1.0]),
        make_training(OTHER, [1.0]),
        make_training(BASE, [3.0], wave=1),
        make_training(THIRD, [1.0], wave=1),
    )
    assert base.training_seconds == Summary(1, 2.0, None, None)


def test_a_training_that_repeats_counts_with_the_median_of_its_repetitions() -> None:
    repeats = [make_block(BASE, seconds, round=number, repetition=number) for number, seconds in ((1, 4.0), (2, 16.0))]
    (result,) = judge([BASE], make_training(BASE, [1.0]), [*repeats])
    assert result.training_seconds == Summary(1, 4.0, None, None)


def test_throughput_is_over_the_blocks_of_the_trainings() -> None:
    """A hundred steps of a hundred samples in 1, 2 and 4 s: 100, 50 and 25 steps/s."""
    (result,) = judge([BASE], make_training(BASE, [1.0, 2.0, 4.0]), [make_block(BASE, 0.001, "plain")])
    assert result.steps_per_second == Summary(3, 50.0, 37.5, 75.0)
    assert result.samples_per_second == Summary(3, 5_000.0, 3_750.0, 7_500.0)


def test_set_up_and_compiling_are_summarised_over_processes() -> None:
    started = [make_started(BASE, 0, 0, 1.0, 5.0), make_started(BASE, 1, 0, 2.0, 7.0)]
    (result,) = judge([BASE], [*started])
    assert result.stages.setup_seconds == Summary(2, 1.5, 1.25, 1.75)
    assert result.stages.cached_warmup_seconds == Summary(2, 6.0, 5.5, 6.5)


def test_inference_is_seconds_for_each_batch() -> None:
    (result,) = judge([BASE], [make_block(BASE, 0.5, "inference", num_steps=50)])
    assert result.inference_seconds == Summary(1, 0.01, None, None)


def test_what_was_not_measured_is_none() -> None:
    (result,) = judge([BASE], [])
    assert result.training_seconds is None
    assert result.steps_per_second is None
    assert result.samples_per_second is None
    assert result.stages == Stages(None, None, None, None, None, None)
    assert result.payoff_epochs is None
    assert result.data_parts == {}
    assert result.queue_split is None
    assert result.speedup is None
    assert result.phase_split is None
    assert result.inference_seconds is None
    assert (result.failures, result.trained) == ((), ())


def test_the_speedup_is_the_geometric_mean_of_the_ratios_within_rounds() -> None:
    """Ratios 4 / 1 and 18 / 2 = 9: their geometric mean is 6; the ratio of the sums would be 22 / 3."""
    assert speedup_of(make_training(BASE, [4.0, 18.0]), make_training(OTHER, [1.0, 2.0])) == pytest.approx(6.0)


def test_blocks_of_different_lengths_are_compared_by_step() -> None:
    base, other = make_training(BASE, [4.0], num_steps=100), make_training(OTHER, [4.0], num_steps=200)
    assert speedup_of(base, other) == pytest.approx(2.0)


def test_only_rounds_that_both_have_make_a_pair() -> None:
    assert speedup_of(make_blocks(BASE, {0: 1.0, 2: 8.0}), make_blocks(OTHER, {1: 1.0, 2: 2.0})) == pytest.approx(4.0)


def test_only_blocks_of_the_training_make_a_pair() -> None:
    plain = [make_block(BASE, 64.0, "plain"), make_block(OTHER, 1.0, "plain")]
    assert speedup_of(make_blocks(BASE, {0: 2.0}), make_blocks(OTHER, {0: 1.0}), [*plain]) == pytest.approx(2.0)


def test_pairs_exist_only_within_a_wave() -> None:
    """In wave 1 the machine was four times slower: the third case is twice as fast as the baseline beside it."""
    results = judge(
        [BASE, OTHER, THIRD],
        make_blocks(BASE, {0: 1.0}),
        make_blocks(OTHER, {0: 1.0}),
        make_blocks(BASE, {0: 4.0}, wave=1),
        make_blocks(THIRD, {0: 2.0}, wave=1),
    )
    assert [result.speedup for result in results] == [1.0, pytest.approx(1.0), pytest.approx(2.0)]


def test_pairs_exist_only_within_a_replicate() -> None:
    assert speedup_of(make_blocks(BASE, {0: 1.0}, replicate=0), make_blocks(OTHER, {0: 1.0}, replicate=1)) is None


def test_replicates_count_alike_however_many_rounds_they_have() -> None:
    """Ratio 1 in one round, ratio 4 in three: 2 over replicates; over rounds it would be 2.83."""
    speedup = speedup_of(
        make_blocks(BASE, {0: 1.0}),
        make_blocks(OTHER, {0: 1.0}),
        make_blocks(BASE, dict.fromkeys(range(3), 4.0), replicate=1),
        make_blocks(OTHER, dict.fromkeys(range(3), 1.0), replicate=1),
    )
    assert speedup == pytest.approx(2.0)


def test_the_baseline_is_once_as_fast_as_itself() -> None:
    assert judge([BASE], make_training(BASE, [1.0, 3.0]))[0].speedup == 1.0


def test_without_a_baseline_there_is_no_speedup() -> None:
    assert speedup_of(make_training(OTHER, [1.0])) is None


times = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=8)


def rounds_of(seconds: Sequence[float]) -> dict[int, float]:
    return dict(enumerate(seconds))


@given(base=times, other=times)
def test_swapping_the_baseline_and_a_case_inverts_the_speedup(base: list[float], other: list[float]) -> None:
    records = make_blocks(BASE, rounds_of(base)), make_blocks(OTHER, rounds_of(other))
    forwards, backwards = speedup_of(*records), speedup_of(*records, cases=(OTHER, BASE))
    assert forwards is not None
    assert backwards is not None
    assert forwards * backwards == pytest.approx(1.0)


@given(base=times, other=times, factor=st.floats(1e-3, 1e3))
def test_a_machine_that_is_slower_for_all_leaves_the_speedup(
    base: list[float], other: list[float], factor: float
) -> None:
    before = speedup_of(make_blocks(BASE, rounds_of(base)), make_blocks(OTHER, rounds_of(other)))
    after = speedup_of(
        make_blocks(BASE, rounds_of([factor * each for each in base])),
        make_blocks(OTHER, rounds_of([factor * each for each in other])),
    )
    assert after == pytest.approx(before)


@given(base=times, factors=st.lists(st.floats(0.1, 10.0), min_size=8, max_size=8))
def test_what_slows_a_round_down_for_all_leaves_the_speedup(base: list[float], factors: list[float]) -> None:
    drifting = [seconds * factor for seconds, factor in zip(base, factors, strict=False)]
    twice_as_fast = [seconds / 2 for seconds in drifting]
    speedup = speedup_of(make_blocks(BASE, rounds_of(drifting)), make_blocks(OTHER, rounds_of(twice_as_fast)))
    assert speedup == pytest.approx(2.0)


@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_records_does_not_matter(seed: int) -> None:
    # Multiples of 1/8, whose sums are exact in any order.
    records: list[Record] = []
    for replicate in range(3):
        records += make_training(BASE, [1.0, 2.5, 1.25], replicate=replicate)
        records += make_training(OTHER, [0.5, 0.625 + replicate, 0.75], replicate=replicate)
    shuffled = random.Random(seed).sample(records, len(records))
    for before, after in zip(judge([BASE, OTHER], records), judge([BASE, OTHER], shuffled), strict=True):
        assert after.training_seconds == before.training_seconds
        assert after.steps_per_second == before.steps_per_second
        assert after.stages == before.stages
        assert after.speedup == pytest.approx(before.speedup)
        assert (after.quality, len(after.trained)) == (before.quality, len(before.trained))


def test_the_fastest_case_has_the_shortest_time_to_train() -> None:
    fastest = find_fastest(
        judge([BASE, OTHER, THIRD], *(make_training(*each) for each in ((BASE, [2.0]), (OTHER, [1.0]), (THIRD, [3.0]))))
    )
    assert fastest is not None
    assert fastest.case == OTHER


@pytest.mark.parametrize(
    "spoiled",
    [
        make_training(OTHER, [1.0], r_squared=0.5),
        make_training(OTHER, [1.0], losses=[0.5, None]),
        [*make_training(OTHER, [1.0]), make_failed(OTHER, stage="phases")],
        [*make_training(OTHER, [1.0]), make_failed(OTHER, replicate=1)],
        make_blocks(OTHER, {0: 1.0}),
    ],
)
def test_what_is_invalid_failed_or_untrained_is_never_the_fastest(spoiled: list[Record]) -> None:
    results = judge([BASE, OTHER], make_training(BASE, [2.0]), spoiled)
    assert not results[1].is_rankable
    fastest = find_fastest(results)
    assert fastest is not None
    assert fastest.case == BASE


@pytest.mark.parametrize(
    ("errors", "quality"),
    [((2e-4, 2e-4, 2e-4), Quality.DIFFERENT), ((5e-5, 1e-4, 4e-4), Quality.UNDECIDED)],
)
def test_a_faster_mode_that_is_not_shown_to_be_as_good_is_shown_and_not_the_fastest(
    errors: tuple[float, ...], quality: Quality
) -> None:
    base = [make_training(BASE, [2.0], replicate=replicate, mse=1e-4) for replicate in range(3)]
    trained = [
        make_training(OTHER, [1.0], replicate=replicate, mse=mse, losses=[0.5]) for replicate, mse in enumerate(errors)
    ]
    results = judge([BASE, OTHER], *base, *trained)
    assert (results[1].quality, results[1].is_rankable) == (quality, False)
    assert results[1].speedup == pytest.approx(2.0)
    fastest = find_fastest(results)
    assert fastest is not None
    assert fastest.case == BASE


def test_where_nothing_can_be_ranked_there_is_no_fastest() -> None:
    results = judge([BASE], make_training(BASE, [1.0], r_squared=None))
    assert results[0].quality is Quality.INVALID
    assert find_fastest(results) is None
    assert find_fastest([]) is None


def test_a_run_of_one_case_is_judged() -> None:
    (result,) = judge([BASE], make_training(BASE, [1.0]))
    assert (result.case, result.quality, result.is_rankable) == (BASE, Quality.REFERENCE, True)


def test_every_planned_case_is_judged_in_its_order() -> None:
    assert [result.case for result in judge([THIRD, BASE, OTHER])] == [THIRD, BASE, OTHER]


def test_nothing_is_divided_by_a_baseline_that_did_not_learn() -> None:
    fast = make_case("eager")
    unlearned = make_training(BASE, [3.0], r_squared=0.5)
    results = judge_run(make_run([BASE, fast], unlearned, make_training(fast, [2.0])))
    assert [result.speedup for result in results] == [None, None]


def test_the_fastest_case_is_found_by_its_pairs_and_not_by_its_hour() -> None:
    # The machine is half as fast in the second wave: "eager" is twice as fast as the baseline there, in 4 s.
    slow, fast = make_case("middling"), make_case("eager")
    run = make_run(
        [BASE, slow, fast],
        make_training(BASE, [4.0], wave=0),
        make_training(slow, [3.0], wave=0),
        make_training(BASE, [8.0], wave=1),
        make_training(fast, [4.0], wave=1),
    )
    fastest = find_fastest(judge_run(run))
    assert fastest is not None
    assert fastest.case == fast


def test_several_replicates_have_the_spread_between_them_and_one_has_that_of_its_blocks() -> None:
    one = judge_run(make_run([BASE], make_training(BASE, [1.0, 2.0, 4.0])))[0].steps_per_second
    assert one is not None
    assert one.count == 3
    replicates = enumerate([[1.0] * 3, [2.0] * 3])
    trainings = [make_training(BASE, seconds, replicate=number) for number, seconds in replicates]
    two = judge_run(make_run([BASE], *trainings))[0].steps_per_second
    assert two is not None
    assert two.count == 2
