"""What a race says of the quality of its arms: of trainings with the same seeds, seed by seed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from bench.judge.quality import Quality
from bench.judge.race import judge_race
from bench.records.case import Shape
from tests.bench.races import ARMS, make_plan, make_race, make_schooled


def school(*factors: float, losses: Sequence[float] = (0.5, 0.375), seeds: Sequence[int] = (0, 1, 2)) -> Quality:
    records = [make_schooled("a", seed) for seed in range(len(factors))]
    records += [
        make_schooled("b", seed, losses=losses, mse=0.09 * factor) for seed, factor in zip(seeds, factors, strict=False)
    ]
    (contrast,) = judge_race(make_race([0.0] * 4, *records))
    return contrast.quality.quality


def test_identical_losses_are_equivalent_after_one_seed() -> None:
    (contrast,) = judge_race(make_race([0.0] * 4, make_schooled("a"), make_schooled("b")))
    assert contrast.quality.quality is Quality.EQUIVALENT
    assert contrast.quality.is_identical


@pytest.mark.parametrize(
    ("factors", "quality"),
    [
        ((1.0, 1.01, 1.02), Quality.EQUIVALENT),
        ((2.0, 2.01, 2.02), Quality.DIFFERENT),
        ((0.5, 1.0, 2.0), Quality.UNDECIDED),
        ((2.0, 2.01), Quality.UNTESTED),
    ],
)
def test_seeds_are_paired_with_those_of_the_first_arm(factors: tuple[float, ...], quality: Quality) -> None:
    assert school(*factors) is quality


def test_trainings_of_other_seeds_or_of_one_arm_alone_are_not_compared() -> None:
    assert school(2.0, 2.01, 2.02, seeds=(1, 2, 3)) is Quality.NOT_TRAINED
    (contrast,) = judge_race(make_race([0.0] * 4, *(make_schooled("a", seed) for seed in range(3))))
    assert contrast.quality.quality is Quality.NOT_TRAINED


@pytest.mark.parametrize("label", ["a", "b"])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"losses": (0.5, None)}, "its loss is not finite"),
        ({"r_squared": 0.5}, "it did not learn"),
        ({"r_squared": None}, "it did not learn"),
    ],
)
def test_a_training_that_is_worth_nothing_is_invalid_and_says_whose(
    label: str, changes: dict[str, object], reason: str
) -> None:
    records = [make_schooled(each, **(changes if each == label else {})) for each in "ab"]  # type: ignore[arg-type]
    (contrast,) = judge_race(make_race([0.0] * 4, *records))
    assert contrast.quality.quality is Quality.INVALID
    assert (contrast.quality.reason or "").startswith(f"arm {label}: {reason}")


def test_the_margin_of_quality_is_the_plans() -> None:
    records = [make_schooled("a", seed) for seed in range(3)]
    records += [make_schooled("b", seed, losses=[0.5], mse=0.09 * (2.0 + 0.01 * seed)) for seed in range(3)]
    (contrast,) = judge_race(make_race([0.0] * 4, *records, plan=make_plan(quality_margin=3.0)))
    assert contrast.quality.quality is Quality.EQUIVALENT


def test_batches_of_another_size_are_other_batches_and_no_other_data() -> None:
    """A digest holds the batches as they were handed out; quality then says what the difference is worth."""
    records = [make_schooled(label, seed, digest=label) for label in "ab" for seed in range(3)]
    larger = msgspec.structs.replace(ARMS[1], case=msgspec.structs.replace(ARMS[1].case, shape=Shape(batch_size=200)))
    qualities = [
        judge_race(make_race([0.0] * 4, *records, plan=make_plan(ARMS[0], arm)))[0].quality.quality
        for arm in (ARMS[1], larger)
    ]
    assert qualities == [Quality.INVALID, Quality.EQUIVALENT]
