from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench.judge.quality import RECIPE_EPOCHS, Quality, judge_quality
from bench.records.case import Case
from bench.records.journal import Record
from tests.bench.runs import make_case, make_failed, make_run, make_training

BASE, OTHER = make_case(), make_case("eager")


def judge(
    *trainings: list[Record], case: Case = OTHER, cases: Sequence[Case] = (BASE, OTHER)
) -> tuple[Quality, str | None]:
    return judge_quality(make_run(cases, *trainings), case)


def test_the_first_case_is_the_baseline() -> None:
    assert judge(make_training(BASE, [1.0]), case=BASE) == (Quality.BASELINE, None)


def test_the_same_losses_bit_for_bit_are_identical() -> None:
    trainings = [make_training(case, [1.0], losses=[0.5, 0.1 + 0.2]) for case in (BASE, OTHER)]
    assert judge(*trainings) == (Quality.IDENTICAL, None)


def test_one_bit_in_one_epoch_is_no_longer_identical() -> None:
    base, other = make_training(BASE, [1.0], losses=[0.3, 0.25]), make_training(OTHER, [1.0], losses=[0.1 + 0.2, 0.25])
    assert judge(base, other) == (Quality.UNTESTED, None)


def test_replicates_are_compared_with_the_baseline_of_their_own_seed() -> None:
    def train(case: Case, *losses: float) -> list[Record]:
        return [
            record
            for replicate, loss in enumerate(losses)
            for record in make_training(case, [1.0], replicate=replicate, losses=[loss], digest=f"seed {replicate}")
        ]

    assert judge(train(BASE, 0.25, 0.5), train(OTHER, 0.25, 0.5)) == (Quality.IDENTICAL, None)
    assert judge(train(BASE, 0.25, 0.5), train(OTHER, 0.25, 0.25)) == (Quality.UNTESTED, None)
    assert judge(train(BASE, 0.25), train(OTHER, 0.25, 0.5)) == (Quality.UNTESTED, None)


def test_without_a_baseline_that_trained_quality_is_untested() -> None:
    assert judge([make_failed(BASE)], make_training(OTHER, [1.0])) == (Quality.UNTESTED, None)


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
    assert quality is (Quality.IDENTICAL if is_valid else Quality.INVALID)
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


def test_the_baseline_too_can_be_invalid() -> None:
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
    trainings = make_training(SHORT_BASE, [1.0]), make_training(SHORT, [1.0], r_squared=0.1, losses=[None])
    for case in (SHORT_BASE, SHORT):
        assert judge(*trainings, case=case, cases=(SHORT_BASE, SHORT)) == (Quality.CUT_SHORT, None)


def test_a_short_training_on_other_data_is_invalid_all_the_same() -> None:
    trainings = make_training(SHORT_BASE, [1.0]), make_training(SHORT, [1.0], digest="another")
    assert judge(*trainings, case=SHORT, cases=(SHORT_BASE, SHORT))[0] is Quality.INVALID


def test_a_training_longer_than_the_recipe_is_judged() -> None:
    case = make_case(num_epochs=RECIPE_EPOCHS + 1)
    assert judge(make_training(case, [1.0], r_squared=0.5), case=case, cases=(case,))[0] is Quality.INVALID
