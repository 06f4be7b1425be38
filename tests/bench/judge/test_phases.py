from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge.results import PhaseSplit, judge_run
from bench.records.journal import Record
from tests.bench.runs import make_block, make_case, make_details, make_run, make_started, make_training

CASE = make_case()
PARTS = [0.125, 0.25, 0.5, 0.0625]


def split(*records: list[Record]) -> PhaseSplit | None:
    return judge_run(make_run([CASE], *records))[0].phase_split


def need(result: PhaseSplit | None) -> PhaseSplit:
    assert result is not None
    return result


def test_phases_share_out_the_total_of_the_training() -> None:
    """Shares 1/8, 1/4, 1/2 and 1/16 of 8 s a hundred steps: 10, 20, 40 and 5 ms of 80 ms a step."""
    details = make_details(CASE, plain=[0.5], timed=[1.0], phases=[PARTS])
    result = need(split(make_training(CASE, [8.0, 8.0]), details))
    assert result.phases == pytest.approx({"data": 0.01, "forward": 0.02, "backward": 0.04, "optimizer": 0.005})
    assert result.rest == pytest.approx(0.005)
    assert result.total == pytest.approx(0.08)


def test_what_slows_a_whole_block_down_leaves_the_shares() -> None:
    slow = [10 * each for each in PARTS]
    details = make_details(CASE, plain=[0.5, 0.5], timed=[1.0, 10.0], phases=[PARTS, slow])
    assert need(split(make_training(CASE, [8.0]), details)).phases["backward"] == pytest.approx(0.04)


def test_the_share_of_a_phase_is_its_median_over_blocks() -> None:
    phases = [[share, 0.25, 0.25, 0.25] for share in (0.125, 0.0625, 0.25)]
    details = make_details(CASE, plain=[1.0] * 3, timed=[1.0] * 3, phases=phases)
    assert need(split(make_training(CASE, [1.0]), details)).phases["data"] == pytest.approx(0.00125)


@given(
    total=st.floats(1e-3, 1e3),
    blocks=st.lists(st.lists(st.floats(1e-6, 10.0), min_size=4, max_size=4), min_size=1, max_size=5),
)
def test_phases_and_rest_add_up_to_the_total(total: float, blocks: list[list[float]]) -> None:
    timed = [1.1 * sum(parts) for parts in blocks]
    details = make_details(CASE, plain=timed, timed=timed, phases=blocks)
    result = need(split(make_training(CASE, [total]), details))
    assert sum(result.phases.values()) + result.rest == pytest.approx(result.total, rel=1e-12)
    assert result.total == total / 100


def test_the_timer_tax_is_the_median_over_pairs_of_the_same_round() -> None:
    """Taxes of 100 %, 50 % and 25 %; a round without its plain block makes no pair."""
    details = make_details(CASE, plain=[1.0, 2.0, 4.0], timed=[2.0, 3.0, 5.0, 64.0], phases=[PARTS] * 4)
    assert need(split(make_training(CASE, [1.0]), details)).timer_tax == pytest.approx(0.5)


def test_the_timer_tax_is_by_step() -> None:
    blocks = [make_block(CASE, 1.0, "plain", num_steps=50), make_block(CASE, 2.0, "phases", phase_seconds=PARTS)]
    assert need(split(make_training(CASE, [1.0]), [*blocks])).timer_tax == 0.0


def test_pairs_for_the_timer_tax_are_of_one_process() -> None:
    plain = [make_block(CASE, 1.0, "plain"), make_block(CASE, 4.0, "plain", replicate=1)]
    timed = [
        make_block(CASE, 2.0, "phases", phase_seconds=PARTS),
        make_block(CASE, 8.0, "phases", replicate=1, phase_seconds=PARTS),
    ]
    result = need(split(make_training(CASE, [1.0]), make_training(CASE, [1.0], replicate=1), [*plain, *timed]))
    assert result.timer_tax == pytest.approx(1.0)


def test_a_phase_under_ten_times_the_floor_is_not_resolved() -> None:
    """A hundred steps; the floor is 2**-20 s, so that ten floors a step are exactly 1000 * 2**-20 s a block."""
    floor = 2.0**-20
    parts = [1000 * floor, 999 * floor, 0.5, 0.0]
    training = [record for record in make_training(CASE, [1.0]) if record != make_started(CASE)]
    started = make_started(CASE, timer_floor_seconds=floor)
    details = make_details(CASE, plain=[1.0], timed=[1.0], phases=[parts])
    assert need(split([started, *training], details)).unresolved == {"forward", "optimizer"}


@pytest.mark.parametrize("missing", ["train", "plain", "phases", "started"])
def test_without_one_kind_of_record_there_is_no_split(missing: str) -> None:
    records = [*make_training(CASE, [1.0]), *make_details(CASE, plain=[1.0], timed=[1.0], phases=[PARTS])]
    assert split(records) is not None

    def kind_of(record: Record) -> str:
        return getattr(record, "kind", type(record).__name__.lower())

    left = [record for record in records if kind_of(record) != missing]
    assert len(left) == len(records) - 1
    assert split(left) is None
