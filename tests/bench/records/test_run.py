from __future__ import annotations

import pytest

from bench.records.run import assemble_run
from tests.bench.runs import make_block, make_case, make_failed, make_info, make_run, make_started, make_trained

CASE = make_case()


def test_records_of_one_process_become_one_measurement() -> None:
    started, block, trained = make_started(CASE), make_block(CASE, 1.0), make_trained(CASE)
    (measurement,) = make_run([CASE], [started, block, trained]).measurements
    assert (measurement.started, measurement.blocks, measurement.trained) == (started, (block,), trained)
    assert measurement.failed is None


def test_replicates_waves_and_cases_are_kept_apart() -> None:
    other = make_case("eager")
    run = make_run(
        [CASE, other],
        [make_block(CASE, 1.0), make_block(CASE, 2.0, replicate=1), make_block(CASE, 3.0, wave=1)],
        [make_block(other, 4.0)],
    )
    assert [each.blocks[0].seconds for each in run.measurements_of(CASE)] == [1.0, 2.0, 3.0]
    assert [each.blocks[0].seconds for each in run.measurements_of(other)] == [4.0]


def test_a_case_of_which_nothing_was_measured_has_no_measurement() -> None:
    assert make_run([CASE]).measurements_of(CASE) == []


def test_a_reference_that_is_no_case_has_measurements_of_its_own() -> None:
    reference = make_case("eager")
    run = make_run([CASE], [make_trained(CASE), make_trained(reference)], reference=reference)
    assert [each.trained for each in run.measurements_of(reference)] == [make_trained(reference)]
    assert len(run.measurements_of(CASE)) == 1


def test_a_record_of_neither_a_case_nor_the_reference_is_refused() -> None:
    with pytest.raises(KeyError, match="cpu/eager/manual"):
        make_run([CASE], [make_trained(make_case("eager"))])


def test_a_reference_can_not_pass_for_a_case_that_it_is_not() -> None:
    with pytest.raises(ValueError, match="the name of a case"):
        make_info([CASE], reference=make_case(num_epochs=7))


def test_a_training_is_its_blocks_in_the_order_of_their_rounds() -> None:
    blocks = [make_block(CASE, 2.0, round=1), make_block(CASE, 1.0, round=0)]
    (measurement,) = make_run([CASE], [*blocks, make_trained(CASE)]).measurements
    assert measurement.whole_trainings() == [blocks[::-1]]


def test_blocks_are_found_by_kind_in_their_order() -> None:
    blocks = [
        make_block(CASE, 1.0),
        make_block(CASE, 2.0, "plain"),
        make_block(CASE, 3.0, "inference"),
        make_block(CASE, 4.0),
    ]
    (measurement,) = make_run([CASE], blocks).measurements
    assert [block.seconds for block in measurement.blocks_of("train")] == [1.0, 4.0]
    assert [block.seconds for block in measurement.blocks_of("plain")] == [2.0]
    assert measurement.blocks_of("phases") == []


def test_the_time_of_a_training_is_the_sum_of_its_blocks() -> None:
    run = make_run([CASE], [make_block(CASE, 1.5), make_block(CASE, 2.25, round=1), make_trained(CASE)])
    assert run.measurements[0].training_seconds() == [3.75]


def test_blocks_after_the_training_are_no_part_of_its_time() -> None:
    run = make_run([CASE], [make_block(CASE, 1.5), make_trained(CASE), make_block(CASE, 8.0, "plain")])
    assert run.measurements[0].training_seconds() == [1.5]


def test_every_whole_repetition_of_a_short_training_is_a_time_of_its_own() -> None:
    blocks = [
        make_block(CASE, 1.0, num_steps=60, repetition=0),
        make_block(CASE, 2.0, num_steps=40, repetition=0),
        make_block(CASE, 4.0, num_steps=60, repetition=1),
        make_block(CASE, 8.0, num_steps=40, repetition=1),
    ]
    run = make_run([CASE], [*blocks, make_trained(CASE)])
    assert run.measurements[0].training_seconds() == [3.0, 12.0]


def test_a_repetition_that_was_cut_off_counts_for_nothing() -> None:
    blocks = [make_block(CASE, 3.0, num_steps=100), make_block(CASE, 1.0, num_steps=60, repetition=1)]
    run = make_run([CASE], [*blocks, make_trained(CASE)])
    assert run.measurements[0].training_seconds() == [3.0]


def test_a_training_that_did_not_come_to_its_end_has_no_time() -> None:
    run = make_run([CASE], [make_block(CASE, 3.0), make_failed(CASE)])
    assert run.measurements[0].training_seconds() == []


@pytest.mark.parametrize("is_complete", [True, False])
def test_a_run_is_complete_only_where_its_end_says_so(is_complete: bool) -> None:
    assert make_run([CASE], is_complete=is_complete).is_complete is is_complete


def test_a_run_without_an_end_was_killed_and_is_not_complete() -> None:
    assert not assemble_run(make_info([CASE]), [make_block(CASE, 1.0)]).is_complete


def test_a_record_of_a_case_that_was_not_planned_is_refused() -> None:
    with pytest.raises(KeyError, match="cpu/eager/manual"):
        make_run([CASE], [make_block(make_case("eager"), 1.0)])
