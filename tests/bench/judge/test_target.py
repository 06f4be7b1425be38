from __future__ import annotations

import math

import pytest

from bench.judge.statistics import Summary
from bench.judge.target import TARGET_LOSS, seconds_to_target, summarise_target
from bench.records.journal import Record
from bench.records.run import Measurement
from tests.bench.runs import make_block, make_case, make_run, make_trained, make_training

BASE = make_case()
OVER, UNDER = TARGET_LOSS, TARGET_LOSS / 2


def measure(*records: Record) -> list[Measurement]:
    return make_run([BASE], records).measurements_of(BASE)


def test_time_within_a_block_is_shared_out_evenly_over_its_epochs() -> None:
    """Four epochs in two blocks of 10 and 6 s: the third epoch ends half way through the second block."""
    (measurement,) = measure(*make_training(BASE, [10.0, 6.0], losses=[OVER, OVER, UNDER, OVER]))
    assert seconds_to_target(measurement) == [pytest.approx(13.0)]


def test_a_target_met_in_the_last_epoch_takes_the_whole_training() -> None:
    (measurement,) = measure(*make_training(BASE, [10.0, 6.0], losses=[OVER, OVER, OVER, UNDER]))
    assert seconds_to_target(measurement) == [pytest.approx(16.0)] == [sum(measurement.training_seconds())]


def test_blocks_of_unequal_lengths_count_by_their_steps() -> None:
    """Thirty steps in blocks of 10 and 20; a loss under the target after 15 of them."""
    blocks = [make_block(BASE, 1.0, num_steps=10), make_block(BASE, 8.0, round=1, num_steps=20)]
    (measurement,) = measure(*blocks, make_trained(BASE, losses=[UNDER, OVER]))
    assert seconds_to_target(measurement) == [pytest.approx(1.0 + 8.0 * 5 / 20)]


def test_it_is_the_first_time_under_the_target_that_counts_and_the_target_itself_is_not_under_it() -> None:
    (measurement,) = measure(*make_training(BASE, [8.0], losses=[OVER, UNDER, OVER, UNDER]))
    assert seconds_to_target(measurement) == [pytest.approx(4.0)]


@pytest.mark.parametrize("losses", [[OVER, OVER], [None, None]])
def test_a_training_that_misses_the_target_takes_forever(losses: list[float | None]) -> None:
    measurements = measure(*make_training(BASE, [8.0], losses=losses))
    assert seconds_to_target(measurements[0]) == [math.inf]
    assert summarise_target(measurements) == Summary(1, math.inf, None, None)


def test_every_repetition_of_a_short_training_is_a_value() -> None:
    blocks = [make_block(BASE, seconds, round=number, repetition=number) for number, seconds in enumerate([2.0, 4.0])]
    measurements = measure(*blocks, make_trained(BASE, losses=[UNDER, UNDER]))
    assert seconds_to_target(measurements[0]) == [1.0, 2.0]
    assert summarise_target(measurements) == Summary(1, 1.5, None, None)


def test_a_training_that_was_not_judged_has_no_time_to_the_target() -> None:
    measurements = measure(make_block(BASE, 1.0))
    assert seconds_to_target(measurements[0]) == []
    assert summarise_target(measurements) is None


@pytest.mark.parametrize(("num_missing", "median"), [(0, 2.0), (1, 2.0), (2, math.inf), (3, math.inf)])
def test_a_replicate_that_misses_counts_as_longer_than_any_other(num_missing: int, median: float) -> None:
    records = [
        record
        for replicate in range(3)
        for record in make_training(
            BASE, [2.0], replicate=replicate, losses=[OVER if replicate < num_missing else UNDER]
        )
    ]
    summary = summarise_target(measure(*records))
    assert summary is not None
    assert (summary.count, summary.median) == (3, median)
    assert (summary.low is None) == (num_missing > 0)
