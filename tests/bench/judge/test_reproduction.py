"""What came out again: a row beside the first case of its own run, so that a slower hour is no difference."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from scipy.stats import ttest_ind

from bench.judge.quality import Quality
from bench.judge.reproduction import Reproduction, judge_reproduction
from bench.records.journal import Record
from bench.records.run import Run
from tests.bench.runs import make_case, make_failed, make_run, make_training
from tests.bench.sides import CRITERIA, EAGER, REFERENCE

STORED = (1.0, 1.001, 0.999)
LOADER = make_case(batching="dataloader")


def make_measured(ratios: Sequence[float], speed: float = 1.0, mse: float = 0.09) -> Run:
    """Return a run in which eager takes so many times what the reference does, a value a replicate."""
    records: list[Record] = []
    for replicate, ratio in enumerate(ratios):
        # Each hour is another: what drifts touches both cases.
        drift = speed * (1 + 0.2 * replicate)
        losses, digest = [0.5, mse], str(replicate)
        records += make_training(REFERENCE, [drift] * 3, replicate=replicate, digest=digest)
        records += make_training(EAGER, [drift * ratio] * 3, replicate=replicate, digest=digest, losses=losses, mse=mse)
    return make_run([REFERENCE, EAGER], records, num_replicates=len(ratios))


def judge(again: Run, stored: Run | None = None) -> Reproduction:
    return judge_reproduction(stored or make_measured(STORED), again, CRITERIA)[-1]


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "SAME"), (1.1, "SLOWER"), (0.9, "FASTER")])
@pytest.mark.parametrize("speed", [0.25, 1.0, 4.0])
def test_a_row_is_held_against_the_first_case_whatever_the_machines_speed(
    factor: float, verdict: str, speed: float
) -> None:
    row = judge(make_measured([factor * each for each in STORED], speed))
    assert row.verdict == verdict
    assert row.is_reproduced == (verdict == "SAME")
    assert row.is_refuted == (verdict in ("SLOWER", "FASTER"))


def test_the_interval_is_welchs_on_the_logarithms_of_the_replicates_ratios() -> None:
    again = (1.0, 1.03, 1.05, 1.01)
    found = judge(make_measured(again)).difference
    assert found is not None
    logarithms = [[math.log(each) for each in side] for side in (again, STORED)]
    interval = ttest_ind(*logarithms, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_under_three_replicates_a_side_nothing_can_be_told() -> None:
    row = judge(make_measured([2.0, 2.0]))
    assert row.verdict == "INCONCLUSIVE"
    assert row.difference is not None
    assert row.difference.half_width is None
    assert not row.is_reproduced
    assert not row.is_refuted


def test_scattered_replicates_decide_nothing() -> None:
    assert judge(make_measured([1.0, 1.2, 1.5])).verdict == "INCONCLUSIVE"


def test_the_first_case_has_only_its_time_which_decides_nothing() -> None:
    first, _ = judge_reproduction(make_measured(STORED), make_measured(STORED, speed=4.0), CRITERIA)
    assert first.ratios == ((), ())
    assert first.verdict == "baseline"
    assert first.difference is not None
    assert first.difference.mean == pytest.approx(math.log(4.0))
    (alone,) = judge_reproduction(
        make_measured(STORED), make_run([REFERENCE], make_training(REFERENCE, [1.0])), CRITERIA
    )
    assert alone.verdict == "INCONCLUSIVE"


def test_a_row_of_another_quality_is_not_reproduced() -> None:
    row = judge(make_measured(STORED, mse=0.9))
    assert row.comparison.quality.quality is Quality.DIFFERENT
    assert row.verdict == "SAME"
    assert not row.is_reproduced
    assert row.is_refuted


def test_rows_that_were_not_measured_again_are_left_out_and_one_that_failed_is_not_compared() -> None:
    stored = make_run([REFERENCE, EAGER, LOADER], *(make_training(case, [1.0]) for case in (REFERENCE, EAGER, LOADER)))
    again = make_run([REFERENCE, LOADER], make_training(REFERENCE, [1.0]), [make_failed(LOADER)])
    rows = judge_reproduction(stored, again, CRITERIA)
    assert [row.comparison.case for row in rows] == [REFERENCE, LOADER]
    assert rows[1].verdict == "NOT COMPARED"
    assert any("ended by SIGKILL" in fault for fault in rows[1].comparison.faults)
