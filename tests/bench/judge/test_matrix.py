"""Every cell is what its newest run says, and nothing that was not measured whole is ok."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench.errors import InvalidFileError, NothingStoredError
from bench.judge.matrix import Cell, State, choose_exit_code, count_states, judge_matrix
from bench.records.run import Run
from bench.records.stored import StoredRun
from productnet.exit_code import ExitCode
from tests.bench.ledgers import (
    COMPILED,
    CUDA,
    MPS,
    collect,
    expect,
    make_bad_training,
    make_every_state,
    make_failure,
    store,
)
from tests.bench.runs import make_case, make_run, make_training
from tests.bench.sides import EAGER, REFERENCE, make_environment

GOOD = make_run([REFERENCE, EAGER], make_training(REFERENCE, [4.0]), make_training(EAGER, [1.0]))


def judge(*stored: StoredRun, **faults: InvalidFileError) -> Cell:
    """Judge the one cell of a matrix that expects the eager case of linux-cpu."""
    (cell,) = judge_matrix(collect(*stored, **faults), expect(("linux-cpu", EAGER))).cells
    return cell


def judge_eager(*records: object, is_complete: bool = True, num_replicates: int = 1) -> Cell:
    run = make_run(
        [REFERENCE, EAGER],
        make_training(REFERENCE, [4.0]),
        records,  # type: ignore[arg-type]
        is_complete=is_complete,
        num_replicates=num_replicates,
    )
    return judge(store(run))


def test_what_was_trained_whole_is_ok_and_says_where() -> None:
    cell = judge(store(GOOD))
    assert (cell.state, cell.is_required, cell.reason) == (State.OK, True, None)
    assert cell.stored is not None
    assert cell.stored.path == Path("results/linux-cpu")


@pytest.mark.parametrize(
    ("kind", "state", "code"),
    [
        ("faulty", State.INVALID, 5),
        ("crashed", State.CRASHED, 6),
        ("killed", State.CRASHED, 6),
        ("rubbish", State.CRASHED, 6),
        ("timed out", State.TIMED_OUT, 6),
        ("unavailable", State.SKIPPED, 3),
    ],
)
def test_a_failure_is_its_kind_with_stage_and_reason(kind: str, state: State, code: int) -> None:
    cell = judge_eager(make_failure(EAGER, kind))
    how = "" if kind in ("crashed", "timed out") else f"{kind} "
    assert (cell.state, cell.reason) == (state, f"{how}at set-up of replicate 1: out of luck")
    ledger = judge_matrix(collect(store(make_run([EAGER], [make_failure(EAGER, kind)]))), expect(("linux-cpu", EAGER)))
    assert choose_exit_code(ledger) == code


def test_one_replicate_that_failed_is_a_cell_that_failed_and_the_worst_failure_names_it() -> None:
    records = [*make_training(EAGER, [1.0]), make_failure(EAGER, "unavailable", replicate=1)]
    assert judge_eager(*records, num_replicates=2).state is State.SKIPPED
    records.append(make_failure(EAGER, "crashed", replicate=2))
    assert judge_eager(*records, num_replicates=3).state is State.CRASHED


def test_a_training_that_did_not_learn_is_invalid_whatever_else_happened() -> None:
    cell = judge_eager(*make_bad_training(EAGER), make_failure(EAGER, "crashed", replicate=1), num_replicates=2)
    assert cell.state is State.INVALID
    assert "did not learn" in (cell.reason or "")


def test_a_run_that_was_stopped_is_not_ok_even_where_the_training_is_whole() -> None:
    cell = judge_eager(*make_training(EAGER, [1.0]), is_complete=False)
    assert cell.state is State.MISSING
    assert cell.reason == "PARTIAL, the run was stopped before its end: 1 of 1 trainings are there"


def test_a_run_that_was_killed_is_not_ok() -> None:
    killed = Run(GOOD.info, GOOD.measurements, ended=None)
    assert judge(store(killed)).state is State.MISSING


def test_a_replicate_that_left_nothing_is_missing() -> None:
    cell = judge_eager(*make_training(EAGER, [1.0]), num_replicates=2)
    assert (cell.state, cell.reason) == (State.MISSING, "1 of 2 trainings are there")
    assert judge_eager().reason == "0 of 1 trainings are there"


def test_a_case_that_the_run_did_not_plan_is_missing() -> None:
    run = make_run([REFERENCE], make_training(REFERENCE, [4.0]))
    cell = judge(store(run))
    assert (cell.state, cell.reason) == (State.MISSING, "the run did not set out to measure it")


def test_a_training_cut_short_does_not_stand_in_for_a_whole_one() -> None:
    short = make_case("eager", num_epochs=5)
    cell = judge(store(make_run([short], make_training(short, [0.1]))))
    assert cell.state is State.MISSING
    assert cell.reason == "the run has it with 5 epochs a training, not 1,000"


def test_a_quality_that_is_not_as_good_is_told_beside_ok() -> None:
    records = [
        each
        for seed, mse in enumerate((0.9, 0.91, 0.89))
        for each in (
            *make_training(REFERENCE, [4.0], replicate=seed, digest=f"seed {seed}", mse=0.09 + seed / 1000),
            *make_training(EAGER, [1.0], replicate=seed, digest=f"seed {seed}", mse=mse, losses=(0.5, 0.3)),
        )
    ]
    cell = judge(store(make_run([REFERENCE, EAGER], records, num_replicates=3)))
    assert cell.state is State.OK
    assert (cell.reason or "").startswith("its quality is DIFFERENT: held-out MSE is ")


def test_no_run_is_missing_and_where_it_was_not_asked_for_it_is_skipped_and_fails_nothing() -> None:
    assert judge().state is State.MISSING
    cells = expect(("linux-cpu", EAGER), ("linux-cuda", CUDA))
    ledger = judge_matrix(collect(), cells, ["linux-cuda"])
    assert [each.state for each in ledger.cells] == [State.MISSING, State.SKIPPED]
    assert choose_exit_code(ledger) is ExitCode.FAILED_CASES
    ledger = judge_matrix(collect(store(GOOD)), cells, ["linux-cuda"])
    assert choose_exit_code(ledger) is ExitCode.FINE
    assert choose_exit_code(judge_matrix(collect(store(GOOD)), cells)) is ExitCode.FAILED_CASES


def test_what_was_not_asked_for_and_is_there_counts() -> None:
    run = store(make_run([EAGER], [make_failure(EAGER, "crashed")]))
    ledger = judge_matrix(collect(run), expect(("linux-cpu", EAGER)), ["linux-cpu"])
    assert ledger.cells[0].state is State.CRASHED


def test_a_label_names_the_machine_and_without_an_expected_one_the_directory_does() -> None:
    assert judge(store(GOOD, "results/2026-01-02_host_cpu", label="linux-cpu")).state is State.OK
    assert judge(store(GOOD, "results/linux-cpu", label="nightly")).state is State.OK
    ledger = judge_matrix(
        collect(store(GOOD, "results/linux-cpu", label="macos-cpu")), expect(("linux-cpu", EAGER), ("macos-cpu", EAGER))
    )
    assert [each.state for each in ledger.cells] == [State.MISSING, State.OK]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2026-01-02T03:04:05+00:00", "2026-01-02T03:04:06+00:00"),
        ("2026-01-02T05:30:00+05:30", "2026-01-02T00:00:01Z"),
        ("2026-01-01T23:00:00", "2026-01-02T00:00:00+00:00"),
        ("soon", "2026-01-02"),
        ("2099-01-01T00:00:00+00:00", "2026-01-02"),
        ("9999-12-31T23:59:59-14:00", "2020-01-01"),
    ],
)
def test_of_several_runs_of_a_cell_the_newest_counts_whatever_their_order(older: str, newer: str) -> None:
    bad = make_run([EAGER], [make_failure(EAGER, "crashed")])
    runs = [store(GOOD, "a/linux-cpu", older), store(bad, "b/linux-cpu", newer)]
    assert [judge(*order).state for order in (runs, runs[::-1])] == [State.CRASHED, State.CRASHED]
    mended = [store(bad, "a/linux-cpu", older), store(GOOD, "b/linux-cpu", newer)]
    assert judge(*mended).state is State.OK


def test_a_run_whose_start_can_not_be_is_named() -> None:
    ledger = judge_matrix(collect(store(GOOD, started="2099-01-01")), expect(("linux-cpu", EAGER)))
    assert (ledger.cells[0].state, ledger.undated) == (State.OK, (Path("results/linux-cpu"),))


def test_a_newer_run_of_other_cases_leaves_a_cell_to_the_run_that_has_it() -> None:
    alone = make_run([REFERENCE], make_training(REFERENCE, [4.0]))
    cell = judge(store(GOOD, "a/linux-cpu", "2026-01-02"), store(alone, "b/linux-cpu", "2026-01-03"))
    assert cell.state is State.OK
    assert cell.stored is not None
    assert cell.stored.path == Path("a/linux-cpu")


def test_a_newer_run_that_was_stopped_hides_an_older_that_was_not() -> None:
    stopped = make_run([REFERENCE, EAGER], make_training(EAGER, [1.0]), is_complete=False)
    assert judge(store(GOOD, started="2026-01-02"), store(stopped, started="2026-01-03")).state is State.MISSING


def test_a_device_that_a_machine_can_not_use_is_skipped_with_its_reason_and_neither_missing_nor_failed() -> None:
    environment = make_environment(unusable_devices={"mps": "the first allocation failed"})
    run = store(make_run([EAGER], make_training(EAGER, [1.0]), environment=environment))
    (cell,) = judge_matrix(collect(run), expect(("linux-cpu", MPS), is_required=False)).cells
    assert (cell.state, cell.reason) == (State.SKIPPED, "the first allocation failed")
    second = make_case(device="cuda:1")
    environment = make_environment(unusable_devices={"cuda": "no driver"})
    run = store(make_run([EAGER], make_training(EAGER, [1.0]), environment=environment))
    assert judge_matrix(collect(run), expect(("linux-cpu", second))).cells[0].reason == "no driver"


def test_a_precision_that_a_device_can_not_do_is_skipped_with_its_reason() -> None:
    (card,) = make_environment().identity.accelerators or ()
    card = msgspec.structs.replace(card, name="cuda", unusable_precisions={"bf16": "too old a card"})
    run = store(make_run([CUDA], make_training(CUDA, [4.0]), environment=make_environment({"accelerators": (card,)})))
    half = make_case(device="cuda", precision="bf16")
    other = make_case(device="cuda", precision="fp16")
    cells = judge_matrix(collect(run), expect(("linux-cpu", half), ("linux-cpu", other))).cells
    assert [(each.state, each.reason) for each in cells] == [
        (State.SKIPPED, "too old a card"),
        (State.MISSING, "the run did not set out to measure it"),
    ]


def test_a_run_whose_machine_was_not_recorded_is_judged_all_the_same() -> None:
    run = store(make_run([EAGER], make_training(EAGER, [1.0]), environment=None))
    cells = judge_matrix(collect(run), expect(("linux-cpu", EAGER), ("linux-cpu", CUDA))).cells
    assert [each.state for each in cells] == [State.OK, State.MISSING]


def test_a_damaged_run_is_the_reason_of_its_cell_fails_and_stops_no_other() -> None:
    damaged = InvalidFileError("linux-cpu/samples.jsonl line 3: damaged")
    ledger = judge_matrix(
        collect(store(GOOD, "results/macos-cpu"), linux_cpu=damaged),
        [*expect(("linux-cpu", EAGER), is_required=False), *expect(("macos-cpu", EAGER))],
    )
    assert [(each.state, each.reason) for each in ledger.cells] == [(State.MISSING, str(damaged)), (State.OK, None)]
    assert choose_exit_code(ledger) is ExitCode.INVALID


def test_damage_beside_a_run_that_is_whole_is_kept_and_fails() -> None:
    labelled = store(GOOD, "results/new", label="linux-cpu")
    ledger = judge_matrix(collect(labelled, linux_cpu=InvalidFileError("damaged")), expect(("linux-cpu", EAGER)))
    assert ledger.cells[0].state is State.OK
    assert list(ledger.faults) == [Path("results/linux-cpu")]
    assert choose_exit_code(ledger) is ExitCode.INVALID


def test_an_empty_directory_is_no_damage_and_fails_only_where_something_required_is_missing() -> None:
    for name, code in (("linux_cpu", ExitCode.FAILED_CASES), ("macos_cpu", ExitCode.FINE)):
        runs = [] if name == "linux_cpu" else [store(GOOD)]
        ledger = judge_matrix(collect(*runs, **{name: NothingStoredError("empty")}), expect(("linux-cpu", EAGER)))
        assert choose_exit_code(ledger) is code
        assert len(ledger.faults) == 1


def test_what_is_optional_fails_nothing_and_what_is_required_does() -> None:
    run = store(make_run([EAGER], [make_failure(EAGER, "crashed")]))
    codes = [
        choose_exit_code(judge_matrix(collect(run), expect(("linux-cpu", EAGER), is_required=is_required)))
        for is_required in (False, True)
    ]
    assert codes == [ExitCode.FINE, ExitCode.FAILED_CASES]


def test_of_several_exit_codes_the_table_s_order_decides() -> None:
    assert choose_exit_code(make_every_state()) is ExitCode.INVALID
    run = store(make_run([EAGER, COMPILED], [make_failure(EAGER, "unavailable")], [make_failure(COMPILED, "crashed")]))
    cells = expect(("linux-cpu", EAGER), ("linux-cpu", COMPILED))
    assert choose_exit_code(judge_matrix(collect(run), cells)) is ExitCode.FAILED_CASES


def test_a_run_of_a_machine_that_nobody_expects_is_kept_apart_and_fails_nothing() -> None:
    bad = make_run([COMPILED], [make_failure(COMPILED, "crashed")])
    ledger = judge_matrix(collect(store(GOOD), store(bad, "results/elsewhere")), expect(("linux-cpu", EAGER)))
    assert ledger.strangers == (Path("results/elsewhere"),)
    assert choose_exit_code(ledger) is ExitCode.FINE


def test_a_cell_in_every_state_is_counted_once() -> None:
    ledger = make_every_state()
    counts = count_states(ledger.cells)
    assert sum(number for _, number in counts) == len(ledger.cells)
    assert {state for state, _ in counts} == set(State)
    assert counts[0][0] is State.OK
