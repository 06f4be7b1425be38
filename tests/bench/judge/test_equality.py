"""Quality of two sides, seed by seed."""

from __future__ import annotations

import math

import pytest

from bench.judge.equality import compare_quality
from bench.judge.quality import Quality, QualityVerdict
from bench.records.run import Run
from tests.bench.runs import make_case, make_run, make_training
from tests.bench.sides import EAGER, make_measured

SHORT = make_case("eager", num_epochs=10)


def train(errors: tuple[float, ...], loss: float = 0.25) -> Run:
    return make_measured({EAGER: 1.0}, errors, (0.5, loss))


def compare(base: list[Run], head: list[Run]) -> QualityVerdict:
    return compare_quality(base, head, EAGER, 1.25)


def test_the_same_losses_are_equal_bit_for_bit_with_any_number_of_seeds() -> None:
    assert compare([train((0.09,))], [train((0.09,))]) == QualityVerdict(Quality.EQUIVALENT, is_identical=True)


def test_other_losses_under_three_seeds_are_untested() -> None:
    found = compare([train((0.09, 0.09))], [train((0.09, 0.09), 0.26)])
    assert found == QualityVerdict(Quality.UNTESTED, "2 seeds on both sides; from 3 on it is tested")


@pytest.mark.parametrize(
    ("factors", "quality"),
    [
        ((1.0, 1.01, 0.99), Quality.EQUIVALENT),
        ((2.0, 2.1, 1.9), Quality.DIFFERENT),
        ((0.5, 0.51, 0.49), Quality.DIFFERENT),
        ((0.5, 1.0, 2.0), Quality.UNDECIDED),
    ],
)
def test_three_seeds_are_paired_and_tested(factors: tuple[float, ...], quality: Quality) -> None:
    errors = (0.05, 0.1, 0.2)
    head = tuple(error * factor for error, factor in zip(errors, factors, strict=True))
    found = compare([train(errors)], [train(head, 0.26)])
    assert found.quality is quality
    assert found.log_ratio is not None
    assert found.log_ratio.mean == pytest.approx(math.log(math.prod(factors)) / 3)
    swapped = compare([train(head, 0.26)], [train(errors)])
    assert swapped.log_ratio is not None
    assert swapped.log_ratio.mean == pytest.approx(-found.log_ratio.mean)


def test_several_runs_of_a_side_are_one_value_a_seed() -> None:
    base = [train((0.09,) * 3), train((0.09,) * 3)]
    head = [train((0.045,) * 3, 0.26), train((0.18,) * 3, 0.27)]
    found = compare(base, head)
    assert found.quality is Quality.EQUIVALENT
    assert found.log_ratio is not None
    assert found.log_ratio.num_seeds == 3
    assert found.log_ratio.mean == pytest.approx(0, abs=1e-12)
    assert compare(base[::-1], head[::-1]) == found


def test_only_seeds_of_both_sides_are_compared_and_that_is_said() -> None:
    found = compare([train((0.09, 0.09))], [train((0.09,))])
    assert found == QualityVerdict(Quality.EQUIVALENT, "compared over the 1 seeds that both sides have", True)


@pytest.mark.parametrize("side", ["base", "head"])
def test_a_side_that_did_not_learn_is_invalid_and_named(side: str) -> None:
    bad = make_run([EAGER], make_training(EAGER, [1.0], r_squared=None, digest="seed 0"))
    good = train((0.09,))
    found = compare([bad], [good]) if side == "base" else compare([good], [bad])
    assert found.quality is Quality.INVALID
    assert found.reason is not None
    assert found.reason.startswith(f"{side}: it did not learn")


def test_an_error_of_nothing_is_undecided_and_no_ratio() -> None:
    found = compare([train((0.0, 0.09, 0.09))], [train((0.09,) * 3, 0.26)])
    assert found.quality is Quality.UNDECIDED
    assert found.log_ratio is None


def test_trainings_cut_short_have_no_quality_but_may_be_the_same() -> None:
    base, head = (make_run([SHORT], make_training(SHORT, [1.0], r_squared=0.1)) for _ in range(2))
    assert compare_quality([base], [head], SHORT, 1.25) == QualityVerdict(Quality.CUT_SHORT, is_identical=True)


def test_other_data_that_was_let_through_is_untested() -> None:
    base, head = (
        make_run([EAGER], make_training(EAGER, [1.0], digest=digest, losses=(0.5, loss)))
        for digest, loss in (("a", 0.25), ("b", 0.26))
    )
    assert compare([base], [head]) == QualityVerdict(Quality.UNTESTED, "the same seeds trained on other data")


def test_without_a_training_there_is_no_quality() -> None:
    assert compare([train((0.09,))], [make_run([EAGER])]).quality is Quality.NOT_TRAINED
