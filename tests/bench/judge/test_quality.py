from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import pytest

from bench.judge.quality import (
    RECIPE_EPOCHS,
    Quality,
    QualityVerdict,
    find_reference_failures,
    judge_quality,
    list_error_ratios,
)
from bench.records.case import Case
from bench.records.journal import Record
from bench.records.run import Run
from tests.bench.runs import make_case, make_failed, make_run, make_training

BASE, OTHER = make_case(), make_case("eager")


def judge_verdict(
    *trainings: list[Record],
    case: Case = OTHER,
    cases: Sequence[Case] = (BASE, OTHER),
    reference: Case | None = None,
) -> QualityVerdict:
    return judge_quality(make_run(cases, *trainings, reference=reference), case)


def judge(
    *trainings: list[Record], case: Case = OTHER, cases: Sequence[Case] = (BASE, OTHER)
) -> tuple[Quality, str | None]:
    verdict = judge_verdict(*trainings, case=case, cases=cases)
    return verdict.quality, verdict.reason


def train(case: Case, *losses: float) -> list[Record]:
    """One training a replicate that ends at this loss."""
    return [
        record
        for replicate, loss in enumerate(losses)
        for record in make_training(case, [1.0], replicate=replicate, losses=[loss], digest=f"seed {replicate}")
    ]


def train_to(case: Case, *errors: float | None, losses: Sequence[float] = (0.5,)) -> list[Record]:
    """One training a replicate that comes to this held-out MSE."""
    return [
        record
        for replicate, mse in enumerate(errors)
        for record in make_training(case, [1.0], replicate=replicate, losses=losses, mse=mse)
    ]


def test_the_reference_is_itself() -> None:
    assert judge_verdict(make_training(BASE, [1.0]), case=BASE) == QualityVerdict(Quality.REFERENCE)


def test_the_same_losses_bit_for_bit_are_equivalent_from_one_seed_on() -> None:
    trainings = [make_training(case, [1.0], losses=[0.5, 0.1 + 0.2]) for case in (BASE, OTHER)]
    assert judge_verdict(*trainings) == QualityVerdict(Quality.EQUIVALENT, is_identical=True)


def test_one_bit_in_one_epoch_is_no_longer_identical() -> None:
    base, other = make_training(BASE, [1.0], losses=[0.3, 0.25]), make_training(OTHER, [1.0], losses=[0.1 + 0.2, 0.25])
    assert judge_verdict(base, other) == QualityVerdict(Quality.UNTESTED)


def test_replicates_are_compared_with_the_reference_of_their_own_seed() -> None:
    assert judge(train(BASE, 0.25, 0.5), train(OTHER, 0.25, 0.5)) == (Quality.EQUIVALENT, None)
    assert judge(train(BASE, 0.25, 0.5), train(OTHER, 0.25, 0.25)) == (Quality.UNTESTED, None)
    assert judge(train(BASE, 0.25), train(OTHER, 0.25, 0.5))[0] is Quality.UNTESTED


def test_a_reference_that_did_not_train_leaves_quality_untested_and_says_so() -> None:
    quality, reason = judge([make_failed(BASE)], make_training(OTHER, [1.0]))
    assert quality is Quality.UNTESTED
    assert reason == "the reference did not come to a valid end in replicates [0]"


def test_a_run_without_a_reference_tests_nothing() -> None:
    run = make_run([BASE, OTHER], *(train_to(case, 1e-4, 2e-4) for case in (BASE, OTHER)))
    bare = msgspec.structs.replace(run.info, plan=msgspec.structs.replace(run.info.plan, reference=None))
    assert judge_quality(Run(bare, run.measurements, None), OTHER).quality is Quality.UNTESTED


def test_three_seeds_that_agree_within_the_margin_are_equivalent() -> None:
    verdict = judge_verdict(train_to(BASE, 1e-4, 2e-4, 4e-4), train_to(OTHER, 1.01e-4, 2.01e-4, 4e-4, losses=[0.51]))
    assert (verdict.quality, verdict.reason, verdict.is_identical) == (Quality.EQUIVALENT, None, False)
    assert verdict.log_ratio is not None
    assert verdict.log_ratio.mean == pytest.approx((math.log(1.01) + math.log(1.005)) / 3)


@pytest.mark.parametrize("factor", [1.5, 1 / 1.5])
def test_three_seeds_that_differ_by_more_than_the_margin_are_different_be_it_for_the_better(factor: float) -> None:
    base = train_to(BASE, 1e-4, 2e-4, 4e-4)
    other = train_to(OTHER, 1.01e-4 * factor, 2e-4 * factor, 4e-4 * factor, losses=[0.51])
    quality, reason = judge(base, other)
    assert quality is Quality.DIFFERENT
    assert (
        f"held-out MSE is {math.exp(math.log(1.01) / 3) * factor:.4g} times that of the reference over 3 seeds"
        in str(reason)
    )
    assert "equal is 0.8 to 1.25" in str(reason)


def test_seeds_that_scatter_are_undecided_and_the_reason_says_what_to_do() -> None:
    quality, reason = judge(train_to(BASE, 1e-4, 2e-4, 4e-4), train_to(OTHER, 2e-4, 1e-4, 4e-4, losses=[0.51]))
    assert quality is Quality.UNDECIDED
    assert "more seeds narrow it" in str(reason)


def test_the_margin_is_the_plans() -> None:
    run = make_run(
        [BASE, OTHER], train_to(BASE, 1e-4, 2e-4, 4e-4), train_to(OTHER, 1.5e-4, 3e-4, 6.1e-4, losses=[0.51])
    )
    for margin, quality in ((1.25, Quality.DIFFERENT), (1.51, Quality.UNDECIDED), (2.0, Quality.EQUIVALENT)):
        plan = msgspec.structs.replace(run.info.plan, quality_margin=margin)
        info = msgspec.structs.replace(run.info, plan=plan)
        assert judge_quality(Run(info, run.measurements, None), OTHER).quality is quality


@pytest.mark.parametrize(
    ("base", "other"),
    [
        ((1e-4, 2e-4, 4e-4), (1e-4, 2e-4, None)),
        ((1e-4, 2e-4, 0.0), (1e-4, 2e-4, 0.0)),
        ((1e-4, 2e-4, 4e-4), (1e-4, 2e-4, 4e-4, 8e-4)),
        ((1e-4, 2e-4, 4e-4, 8e-4), (1e-4, 2e-4, 4e-4)),
        ((), (1e-4, 2e-4, 4e-4)),
    ],
)
def test_what_can_not_be_paired_is_undecided_with_a_reason(
    base: tuple[float, ...], other: tuple[float | None, ...]
) -> None:
    quality, reason = judge(train_to(BASE, *base), train_to(OTHER, *other, losses=[0.51]))
    assert quality is Quality.UNDECIDED
    assert reason


def test_a_reference_that_did_not_learn_is_no_measure() -> None:
    bad = make_training(BASE, [1.0], replicate=2, r_squared=0.5)
    base = [*train_to(BASE, 1e-4, 2e-4), *bad]
    quality, reason = judge(base, train_to(OTHER, 1e-4, 2e-4, 4e-4, losses=[0.51]))
    assert quality is Quality.UNDECIDED
    assert "replicates [2]" in str(reason)


CUDA = make_case(device="cuda:0")


def test_a_reference_that_is_none_of_the_cases_is_the_measure_of_all_of_them() -> None:
    records = train_to(BASE, 1e-4, 2e-4, 4e-4), train_to(CUDA, 1e-4, 2e-4, 4e-4, losses=[0.51])
    verdict = judge_verdict(*records, case=CUDA, cases=[CUDA], reference=BASE)
    assert verdict.quality is Quality.EQUIVALENT
    alone = judge_verdict(records[1], case=CUDA, cases=[CUDA], reference=BASE)
    assert alone.quality is Quality.UNDECIDED


def test_what_went_wrong_with_a_reference_of_its_own_is_found_and_of_a_case_is_the_cases() -> None:
    failed = make_failed(BASE)
    assert find_reference_failures(make_run([CUDA], [failed], reference=BASE)) == [(BASE, failed)]
    assert find_reference_failures(make_run([BASE], [failed])) == []


def test_a_case_of_several_waves_is_one_training_a_seed() -> None:
    base = [*train_to(BASE, 1e-4, 2e-4), *make_training(BASE, [1.0], wave=1, losses=[0.5], mse=1e-4)]
    assert judge(base, train_to(OTHER, 1e-4, 2e-4, losses=[0.51]))[0] is Quality.UNTESTED


def test_only_a_quality_that_is_not_in_doubt_may_be_ranked() -> None:
    assert {quality.value for quality in Quality if quality.may_be_ranked} == {
        *("reference", "EQUIVALENT", "untested", "cut short"),
    }


@pytest.mark.parametrize("case", [BASE, OTHER])
def test_a_case_that_never_came_to_the_end_of_a_training_says_so(case: Case) -> None:
    started = make_training(case, [1.0])[:-1]
    assert judge([*started, make_failed(case)], case=case) == (Quality.NOT_TRAINED, None)
    assert judge([], case=case) == (Quality.NOT_TRAINED, None)


@pytest.mark.parametrize(
    ("r_squared", "is_valid"), [(0.989, False), (0.9899999, False), (0.99, True), (1.0, True), (-3.0, False)]
)
def test_a_training_that_did_not_learn_is_invalid(r_squared: float, is_valid: bool) -> None:
    quality, reason = judge(make_training(BASE, [1.0]), make_training(OTHER, [1.0], r_squared=r_squared))
    assert quality is (Quality.EQUIVALENT if is_valid else Quality.INVALID)
    assert (reason is None) is is_valid
    assert is_valid or "it did not learn: held-out R squared is" in str(reason)


def test_the_reason_shows_what_was_reached_and_what_is_needed() -> None:
    _, reason = judge(make_training(OTHER, [1.0], r_squared=0.989))
    assert reason == "it did not learn: held-out R squared is 0.989000, at least 0.99 is needed"


def test_an_r_squared_that_is_not_finite_is_invalid() -> None:
    quality, reason = judge(make_training(OTHER, [1.0], r_squared=None))
    assert quality is Quality.INVALID
    assert "R squared is not finite" in str(reason)


@pytest.mark.parametrize("losses", [[None, 0.5], [0.5, None]])
def test_a_loss_that_is_not_finite_in_any_epoch_is_invalid(losses: list[float | None]) -> None:
    result = judge(make_training(BASE, [1.0], losses=losses), make_training(OTHER, [1.0], losses=losses))
    assert result == (Quality.INVALID, "its loss is not finite")


def test_the_reference_too_can_be_invalid() -> None:
    assert judge(make_training(BASE, [1.0], r_squared=0.5), case=BASE)[0] is Quality.INVALID


def test_one_bad_replicate_makes_a_case_invalid() -> None:
    good, bad = make_training(OTHER, [1.0]), make_training(OTHER, [1.0], replicate=1, r_squared=0.5)
    assert judge(make_training(BASE, [1.0]), good, bad)[0] is Quality.INVALID


def test_a_training_on_other_data_is_invalid_even_where_it_learned() -> None:
    quality, reason = judge(make_training(BASE, [1.0]), make_training(OTHER, [1.0], digest="another"))
    assert quality is Quality.INVALID
    assert "digests differ" in str(reason)


SHORT_BASE, SHORT = make_case(num_epochs=RECIPE_EPOCHS - 1), make_case("eager", num_epochs=RECIPE_EPOCHS - 1)


def test_a_training_shorter_than_the_recipe_is_cut_short_whatever_it_learned() -> None:
    trainings = make_training(SHORT_BASE, [1.0]), make_training(SHORT, [1.0], r_squared=0.1)
    for case in (SHORT_BASE, SHORT):
        assert judge(*trainings, case=case, cases=(SHORT_BASE, SHORT)) == (Quality.CUT_SHORT, None)


def test_a_short_training_whose_loss_is_not_finite_is_invalid_all_the_same() -> None:
    trainings = make_training(SHORT_BASE, [1.0]), make_training(SHORT, [1.0], losses=[None])
    expected = (Quality.INVALID, "its loss is not finite")
    assert judge(*trainings, case=SHORT, cases=(SHORT_BASE, SHORT)) == expected


def test_a_short_training_on_other_data_is_invalid_all_the_same() -> None:
    trainings = make_training(SHORT_BASE, [1.0]), make_training(SHORT, [1.0], digest="another")
    assert judge(*trainings, case=SHORT, cases=(SHORT_BASE, SHORT))[0] is Quality.INVALID


def test_a_training_longer_than_the_recipe_is_judged() -> None:
    case = make_case(num_epochs=RECIPE_EPOCHS + 1)
    assert judge(make_training(case, [1.0], r_squared=0.5), case=case, cases=(case,))[0] is Quality.INVALID


def test_errors_are_divided_by_the_references_of_the_same_seed() -> None:
    records = [
        *make_training(BASE, [1.0], mse=0.5),
        *make_training(BASE, [1.0], replicate=1, mse=0.25),
        *make_training(OTHER, [1.0], replicate=1, mse=0.5),
        *make_training(OTHER, [1.0], replicate=2, mse=0.5),
    ]
    run = make_run([BASE, OTHER], records, num_replicates=3)
    assert list_error_ratios(run, OTHER) == {run.info.plan.seed + 1: 2.0}
