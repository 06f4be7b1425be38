"""What a network takes among others, how good they are over their seeds, and what makes them worth nothing."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from bench.judge.quality import Quality, QualityVerdict, judge_quality
from bench.judge.replicas import Growth, ReplicasResult, judge_replicas, list_growths
from bench.judge.results import find_fastest, judge_run
from bench.judge.run_faults import find_run_faults
from bench.judge.statistics import Summary, summarise
from bench.records.case import Case
from bench.records.journal import Ended, Record, Replica
from tests.bench.replicated import make_replica, make_replicas_case, make_replicated
from tests.bench.runs import make_case, make_info, make_run, make_training

BASE = make_case()
FOUR = make_replicas_case(4)


def judge(*records: list[Record], case: Case = FOUR, num_replicates: int = 1) -> ReplicasResult:
    run = make_run([BASE, case], *records, num_replicates=num_replicates)
    return judge_replicas(judge_run(run)[1])


def judge_four(replicas: Sequence[Replica], case: Case = FOUR) -> QualityVerdict:
    base = make_training(BASE, [1.0], digest="seed 1")
    return judge_quality(make_run([BASE, case], base, make_replicated(case, [1.0], replicas)), case)


# Time


def test_a_network_takes_its_even_share_and_so_many_are_made_a_second() -> None:
    result = judge(make_replicated(FOUR, [1.5, 0.5]))
    assert result.model_seconds == Summary(1, 0.5, None, None)
    assert result.models_per_second == Summary(1, 2.0, None, None)


def test_the_slowest_replicate_is_the_lowest_rate() -> None:
    records = [make_replicated(FOUR, [seconds], replicate=number) for number, seconds in enumerate((1.0, 2.0, 4.0))]
    rate = judge(*records, num_replicates=3).models_per_second
    assert rate is not None
    assert (rate.count, rate.median) == (3, 2.0)
    assert rate.low == pytest.approx(4 / 3)
    assert rate.high == pytest.approx(8 / 3)


def test_a_speedup_is_that_of_one_network_among_the_others() -> None:
    run = make_run([BASE, FOUR], make_training(BASE, [1.0]), make_replicated(FOUR, [2.0]))
    assert judge_run(run)[1].speedup == pytest.approx(2.0)


def test_without_a_valid_baseline_the_fastest_is_that_whose_network_takes_least() -> None:
    run = make_run(
        [BASE, make_case("eager"), FOUR],
        make_training(BASE, [1.0], r_squared=0.5),
        make_training(make_case("eager"), [1.0], digest="seed 1"),
        make_replicated(FOUR, [2.0]),
        reference=make_case(num_threads=2),
    )
    fastest = find_fastest(judge_run(run))
    assert fastest is not None
    assert fastest.case == FOUR


def test_a_time_to_a_loss_and_a_payoff_are_no_figures_of_several_networks() -> None:
    run = make_run([BASE, FOUR], make_training(BASE, [1.0]), make_replicated(FOUR, [2.0]))
    result = judge_run(run)[1]
    assert result.target_seconds is None
    assert result.payoff_epochs is None


# Quality over seeds


def test_seeds_that_replicates_share_count_once() -> None:
    records = [make_replicated(FOUR, [1.0], replicate=number) for number in range(3)]
    result = judge(*records, num_replicates=3)
    assert (result.num_seeds, result.num_learned) == (6, 6)
    assert result.heldout_rmse == summarise([0.1 * seed for seed in range(1, 7)])


def test_the_lowest_r_squared_is_named_and_those_under_the_bar_have_not_learned() -> None:
    result = judge(make_replicated(FOUR, [1.0], [make_replica(1), make_replica(2, 0.98), *map(make_replica, (3, 4))]))
    assert (result.num_learned, result.lowest_r_squared) == (3, 0.98)


def test_a_loss_that_is_not_finite_leaves_no_median_that_hides_it() -> None:
    lost = make_replica(2, None, final_loss=None, heldout_rmse=None)
    result = judge(make_replicated(FOUR, [1.0], [make_replica(1), lost, *map(make_replica, (3, 4))]))
    assert (result.final_loss, result.heldout_rmse, result.lowest_r_squared) == (None, None, None)


def test_a_training_that_was_cut_short_is_held_against_no_bar() -> None:
    short = make_replicas_case(2, num_epochs=2)
    assert judge(make_replicated(short, [1.0]), case=short).num_learned is None


def test_one_network_is_a_seed_a_replicate() -> None:
    records = [make_training(make_case("eager"), [1.0], replicate=number) for number in range(2)]
    result = judge(*records, case=make_case("eager"), num_replicates=2)
    assert (result.num_seeds, result.num_learned) == (2, 2)


# What makes a case INVALID


def test_replicas_of_their_own_seeds_that_learned_are_as_good_as_their_first() -> None:
    assert judge_four([*map(make_replica, (1, 2, 3, 4))]) == QualityVerdict(Quality.EQUIVALENT, is_identical=True)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (make_replica(3, 0.5), "1 of 4 replicas did not learn: held-out R squared of seed 3 is 0.500000"),
        (make_replica(3, None), "held-out R squared of seed 3 is not finite"),
        (make_replica(3, final_loss=None), "its loss is not finite"),
        (make_replica(3, digest="seed 2"), "two replicas trained on the same data, parameters and order"),
    ],
)
def test_one_broken_replica_makes_the_case_invalid(broken: Replica, reason: str) -> None:
    verdict = judge_four([make_replica(1), make_replica(2), broken, make_replica(4)])
    assert verdict.quality is Quality.INVALID
    assert reason in str(verdict.reason)


def test_a_replica_that_trained_otherwise_than_the_reference_of_its_seed_is_invalid() -> None:
    base = [make_training(BASE, [1.0], replicate=number, digest=f"seed {1 + number}") for number in range(2)]
    strange = [make_replica(1), make_replica(2, digest="strange"), make_replica(3), make_replica(4)]
    run = make_run([BASE, FOUR], *base, make_replicated(FOUR, [1.0], strange), num_replicates=2)
    verdict = judge_quality(run, FOUR)
    assert verdict.quality is Quality.INVALID
    assert "the replica of seed 2 trained on other data" in str(verdict.reason)


def test_a_loss_that_is_not_finite_is_invalid_however_short_the_training() -> None:
    short = make_replicas_case(2, num_epochs=2)
    assert judge_four([make_replica(1), make_replica(2)], short).quality is Quality.CUT_SHORT
    assert judge_four([make_replica(1), make_replica(2, final_loss=None)], short).quality is Quality.INVALID


# Growth


def test_the_knee_is_the_fewest_that_reach_nearly_the_most() -> None:
    assert Growth(BASE, ((1, 100.0), (4, 380.0), (16, 700.0), (64, 740.0))).knee == 16
    assert Growth(BASE, ((1, 100.0), (4, 380.0))).knee == 4
    assert Growth(BASE, ((1, 100.0), (4, 90.0))).knee == 1


def test_growths_are_of_modes_with_more_than_one_number_and_leave_out_what_may_not_be_ranked() -> None:
    alone, two = make_case("eager"), make_replicas_case(2)
    run = make_run(
        [BASE, alone, two, FOUR],
        make_training(BASE, [1.0], digest="seed 1"),
        make_training(alone, [1.0], digest="seed 1"),
        make_replicated(two, [1.0]),
        make_replicated(FOUR, [1.0], [make_replica(1), make_replica(2, 0.5), make_replica(3), make_replica(4)]),
    )
    assert list_growths(judge_run(run)) == [Growth(alone, ((1, 1.0), (2, 2.0)))]


# Stored runs


def list_faults(replicas: Sequence[Replica], case: Case = FOUR) -> list[str]:
    records = [
        msgspec.structs.replace(each, epoch_losses=(0.25,) * case.num_epochs) if hasattr(each, "epoch_losses") else each
        for each in make_replicated(case, [1.0] * 12, replicas)
    ]
    info = make_info([case])
    info = msgspec.structs.replace(info, plan=msgspec.structs.replace(info.plan, num_detail_rounds=0))
    found = find_run_faults(info, [*records, Ended(is_complete=True, seconds=75.0)])
    return [f"{each.field}: {each.expected}, {each.found}" for each in found if each.field.endswith(", replicas")]


def test_replicas_that_are_missing_of_other_seeds_or_not_what_the_record_says_are_faults() -> None:
    first = make_replica(1, heldout_rmse=0.3)
    others = [*map(make_replica, (2, 3, 4))]
    assert list_faults([first, *others]) == []
    assert "4 of seeds from 1 on, 3, of seeds [1, 2, 3]" in list_faults([first, *others[:2]])[0]
    assert "4 of seeds from 1 on" in list_faults([*others, first])[0]
    assert "the first is" in list_faults([make_replica(1, heldout_rmse=0.2), *others])[0]
    assert "none, 1, of seeds [1]" in list_faults([first], make_replicas_case(1))[0]
