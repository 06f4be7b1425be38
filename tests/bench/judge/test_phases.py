from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge.phases import PhaseSplit
from bench.judge.results import judge_run
from bench.records.journal import PHASES, Record
from tests.bench.runs import make_block, make_case, make_details, make_prefix, make_run, make_started, make_training

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


def test_what_the_timers_took_is_no_part_of_the_work_that_is_shared_out() -> None:
    """Of a block of 2 s the timers took 1: the phases are shares of the other second."""
    details = make_details(CASE, plain=[1.0], timed=[2.0], phases=[PARTS])
    details = [
        msgspec.structs.replace(b, timer_seconds=1.0) if getattr(b, "kind", "") == "phases" else b for b in details
    ]
    result = need(split(make_training(CASE, [8.0]), details))
    assert result.phases["forward"] == pytest.approx(0.02)
    assert result.rest == pytest.approx(0.005)
    assert result.timer_tax == pytest.approx(1.0)


# Without inner timers: longer and longer parts


def prefix(name: str, seconds: float, number: int = 0) -> Record:
    return make_prefix(CASE, name, seconds, number=number)


def test_a_part_costs_what_its_prefix_takes_longer_than_the_one_before() -> None:
    rounds = [("sampler", 1.0), ("fetch", 5.0), ("loader", 6.0), ("move", 6.5)]
    records = [prefix(name, seconds + drift, drift) for drift in range(3) for name, seconds in rounds]
    parts = judge_run(make_run([CASE], records))[0].data_parts
    assert parts == pytest.approx({"sampler": 0.02, "fetch": 0.04, "loader": 0.01, "move": 0.005})


def test_a_part_that_was_not_measured_is_left_out_and_noise_may_make_one_negative() -> None:
    parts = judge_run(make_run([CASE], [prefix("sampler", 2.0), prefix("move", 1.0)]))[0].data_parts
    assert parts == pytest.approx({"sampler": 0.02, "move": -0.01})


def test_where_nothing_else_tells_phases_apart_they_are_the_differences() -> None:
    seconds = {"sampler": 1.0, "fetch": 2.0, "forward": 4.0, "backward": 7.0, "optimizer": 7.5}
    blocks = [prefix(name, each) for name, each in seconds.items()]
    result = need(split([make_started(CASE, 0, 0)], make_training(CASE, [8.0])[1:], blocks))
    assert result.phases == pytest.approx({"data": 0.02, "forward": 0.02, "backward": 0.03, "optimizer": 0.005})
    assert result.rest == pytest.approx(0.005)
    assert result.timer_tax is None


# A device with a queue of its own


def test_host_queue_and_device_are_told_apart() -> None:
    block = make_block(CASE, 8.0, "plain", num_steps=100)
    stream, host = dict.fromkeys(PHASES, 2.0), dict.fromkeys(PHASES, 1.0)
    natural = msgspec.structs.replace(block, kind="phases", phase_seconds=stream, host_phase_seconds=host)
    filled = msgspec.structs.replace(
        natural, kind="device", phase_seconds=dict.fromkeys(PHASES, 0.5), host_phase_seconds={}
    )
    queue = judge_run(make_run([CASE], [natural, filled]))[0].queue_split
    assert queue is not None
    assert (queue.host_issue["data"], queue.stream["forward"], queue.device["backward"]) == (0.01, 0.02, 0.005)
    assert queue.idle_share == 0.75


def test_a_device_without_a_queue_has_no_such_split() -> None:
    details = make_details(CASE, plain=[0.5], timed=[1.0], phases=[PARTS])
    assert judge_run(make_run([CASE], make_training(CASE, [8.0]), details))[0].queue_split is None
