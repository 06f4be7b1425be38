"""Two sides of stored runs, case by case; and the cases of one run."""

from __future__ import annotations

import math
import random

import msgspec
import pytest

from bench.errors import IncompleteError
from bench.judge.sides import CaseComparison, SideComparison, compare_sides, compare_within
from bench.records.case import Case
from bench.records.journal import Ended, Record
from bench.records.run import Run, assemble_run
from tests.bench.runs import make_block, make_case, make_failed, make_info, make_run, make_started, make_training
from tests.bench.sides import CRITERIA, EAGER, REFERENCE, make_measured

LOADER = make_case(batching="dataloader")


def every(_case: Case) -> bool:
    return True


def compare(base: list[Run], head: list[Run]) -> SideComparison:
    return compare_sides(base, head, CRITERIA, every)


def make_runs(*seconds: float) -> list[Run]:
    return [make_measured({EAGER: each}) for each in seconds]


def make_within(differences: list[float]) -> Run:
    """A run whose second case takes exp(difference) times the first one's time, a replicate each."""
    records: list[Record] = []
    for replicate, each in enumerate(differences):
        for case, seconds in ((REFERENCE, 1.0 + replicate), (EAGER, (1.0 + replicate) * math.exp(each))):
            records += make_training(case, [seconds, 2 * seconds], replicate=replicate, digest=f"seed {replicate}")
    return make_run([REFERENCE, EAGER], records, num_replicates=len(differences))


def only(cases: list[CaseComparison] | tuple[CaseComparison, ...]) -> CaseComparison:
    (case,) = cases
    return case


def test_the_unit_is_the_run_and_its_time_the_median_of_its_replicates() -> None:
    records = [
        record
        for replicate, seconds in enumerate((100.0, 200.0, 900.0))
        for record in make_training(EAGER, [seconds, seconds, 5 * seconds], replicate=replicate)
    ]
    head = make_run([EAGER], records, num_replicates=3)
    found = only(compare(make_runs(1.0), [head]).cases)
    assert found.base_seconds == (1.0,)
    assert found.head_seconds == (2.0,)
    assert found.difference is not None
    assert found.difference.mean == pytest.approx(math.log(2))
    assert found.verdict == "INCONCLUSIVE"


def test_three_runs_a_side_have_a_verdict() -> None:
    assert only(compare(make_runs(1.0, 1.001, 0.999), make_runs(1.1, 1.101, 1.099)).cases).verdict == "SLOWER"


def test_swapping_the_sides_negates_the_logarithm_and_the_order_of_runs_is_nothing() -> None:
    base, head = make_runs(1.0, 1.01, 1.03), make_runs(1.1, 1.2, 1.05, 1.11)
    one, other = only(compare(base, head).cases), only(compare(head, base).cases)
    assert one.difference is not None
    assert other.difference is not None
    assert one.difference.mean == pytest.approx(-other.difference.mean)
    random.Random(1).shuffle(base)
    head.reverse()
    assert only(compare(base, head).cases).difference == one.difference


def test_a_case_on_one_side_only_is_named_and_no_difference() -> None:
    base, head = [make_measured({EAGER: 1.0, REFERENCE: 1.0})], [make_measured({EAGER: 1.0, LOADER: 1.0})]
    found = compare(base, head)
    assert [case.case for case in found.cases] == [EAGER]
    assert (found.missing, found.new) == ((REFERENCE,), (LOADER,))


def test_sides_without_a_common_case_are_an_error_that_names_both() -> None:
    with pytest.raises(IncompleteError, match="base has cpu/eager/manual; head has cpu/reference/dataloader") as caught:
        compare(make_runs(1.0), [make_measured({LOADER: 1.0})])
    assert caught.value.exit_code == 6


def test_a_case_that_failed_on_a_side_is_not_compared_and_says_why() -> None:
    head = make_run([EAGER], [make_started(EAGER), make_block(EAGER, 1.0), make_failed(EAGER)])
    found = only(compare(make_runs(1.0), [head]).cases)
    assert found.difference is None
    assert found.verdict == "NOT COMPARED"
    assert found.faults == (
        "head, run of 2026-01-02T03:04:05+00:00: killed during train of replicate 0: ended by SIGKILL",
    )


def test_half_a_training_is_no_time_and_is_said() -> None:
    info = make_info([EAGER])
    torn = assemble_run(info, [make_started(EAGER), make_block(EAGER, 1.0), Ended(is_complete=False, seconds=1.0)])
    found = only(compare(make_runs(1.0), [torn]).cases)
    assert found.head_seconds == ()
    assert found.faults == ("head, run of 2026-01-02T03:04:05+00:00: 1 of 1 replicates did not come to their end",)


def test_a_case_that_only_some_runs_planned_is_said() -> None:
    base = [*make_runs(1.0, 1.0), make_measured({REFERENCE: 1.0})]
    found = compare(base, make_runs(1.0, 1.0, 1.0))
    assert found.cases[0].remarks == ("base: planned in 2 of 3 runs",)
    assert found.cases[0].verdict == "INCONCLUSIVE"
    assert found.cases[0].faults == ()


def test_runs_that_repeat_to_the_last_digit_are_asked_whether_they_are_copies() -> None:
    found = only(compare(make_runs(1.0, 1.0, 1.0), make_runs(1.0, 1.0, 1.0)).cases)
    assert found.verdict == "SAME"
    assert found.remarks == ("no run differs from another of its side: are they copies?",)


def test_what_did_not_learn_has_no_verdict_on_its_speed() -> None:
    head = [make_run([EAGER], make_training(EAGER, [1.0], r_squared=0.5))]
    found = only(compare(make_runs(1.0), head).cases)
    assert found.verdict == "INVALID"
    assert found.quality.reason is not None
    assert found.quality.reason.startswith("head: it did not learn")


def test_only_the_cases_that_are_kept_are_compared() -> None:
    runs = [make_measured({EAGER: 1.0, REFERENCE: 1.0, LOADER: 1.0})]
    found = compare_sides(runs, runs, CRITERIA, lambda case: case.engine == "reference")
    assert [case.case for case in found.cases] == [REFERENCE, LOADER]


def test_cases_of_one_run_are_pairs_within_rounds_and_the_unit_is_the_replicate() -> None:
    found = only(compare_within(make_within([0.02, 0.03, 0.03, 0.04]), CRITERIA, every))
    assert found.case == EAGER
    assert found.difference is not None
    assert found.difference.mean == pytest.approx(0.03)
    assert found.difference.half_width == pytest.approx(3.18245 * math.sqrt(2 / 3) / 100 / 2, rel=1e-5)
    assert found.verdict == "SLOWER"


def test_what_slows_a_round_slows_both_and_cancels() -> None:
    found = only(compare_within(make_within([0.03] * 4), CRITERIA, every))
    assert found.difference is not None
    assert found.difference.half_width == pytest.approx(0, abs=1e-12)


def test_under_four_replicates_there_is_a_ratio_and_no_verdict() -> None:
    found = only(compare_within(make_within([0.5, 0.5, 0.5]), CRITERIA, every))
    assert found.difference is not None
    assert found.difference.mean == pytest.approx(0.5)
    assert (found.difference.half_width, found.verdict) == (None, "INCONCLUSIVE")


@pytest.mark.parametrize("spoil", ["invalid", "failed"])
def test_beside_a_first_case_that_is_worth_nothing_nothing_is_compared(spoil: str) -> None:
    first = make_training(REFERENCE, [1.0], r_squared=0.5 if spoil == "invalid" else 0.9998)
    failed = [make_failed(REFERENCE)] if spoil == "failed" else []
    run = make_run([REFERENCE, EAGER], first, make_training(EAGER, [1.0]), failed)
    found = only(compare_within(run, CRITERIA, every))
    assert (found.difference, found.verdict) == (None, "NOT COMPARED")


def test_epochs_that_were_let_through_still_pair_the_case() -> None:
    short = msgspec.structs.replace(EAGER, num_epochs=10)
    found = only(compare(make_runs(1.0), [make_measured({short: 2.0})]).cases)
    assert found.difference is not None
    assert found.difference.mean == pytest.approx(math.log(2))
    assert str(found.quality.quality) == "cut short"
