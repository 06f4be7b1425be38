"""A hundred steps a training, of 1e8 operations each: with 5e10 multiply-adds a second the floor of a step is 1 ms."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from bench.judge.bounds import CACHED_BYTES, Bound
from bench.judge.ladder import Rung, judge_ladder, list_rates
from bench.judge.results import judge_run
from bench.records.case import Case
from bench.records.journal import PHASES, Block, Record
from bench.records.rates import StepWork
from tests.bench.runs import (
    make_block,
    make_case,
    make_counted,
    make_details,
    make_failed,
    make_rates,
    make_run,
    make_started,
    make_training,
)

LOADER, BASE, FAST = make_case(batching="dataloader"), make_case(), make_case("eager")
WORK = StepWork(num_flops=10**8, num_bytes=10**7, working_set_bytes=CACHED_BYTES + 1)


def climb(*records: Iterable[Record], rungs: tuple[Case, ...] = (LOADER, BASE, FAST)) -> list[Rung]:
    cases = (BASE, *(case for case in rungs if case != BASE))
    run = make_run(cases, *records, rungs=rungs, reference=BASE)
    return judge_ladder(run, judge_run(run))


def train(case: Case, seconds: float, work: StepWork | None = WORK) -> list[Record]:
    return make_training(case, [seconds], work=work)


def test_a_rung_is_held_against_the_one_before_and_against_the_reference() -> None:
    rungs = climb(train(LOADER, 8.0), train(BASE, 4.0), train(FAST, 1.0))
    assert [rung.result.case for rung in rungs] == [LOADER, BASE, FAST]
    assert [rung.over_before for rung in rungs] == pytest.approx([None, 2.0, 4.0])
    assert [rung.over_reference for rung in rungs] == pytest.approx([0.5, 1.0, 4.0])


def test_a_rung_in_another_wave_is_held_against_the_one_before_through_the_first_case() -> None:
    """The machine was half as fast in the other wave: the baseline there says so."""
    rungs = climb(
        train(LOADER, 8.0),
        train(BASE, 4.0),
        make_training(BASE, [8.0], wave=1),
        make_training(FAST, [2.0], wave=1),
    )
    assert [rung.over_before for rung in rungs] == pytest.approx([None, 2.0, 4.0])


def test_a_rung_that_failed_or_did_not_learn_is_climbed_over() -> None:
    broken, wrong = make_case("broken"), make_case("wrong")
    rungs = climb(
        train(BASE, 4.0),
        [make_failed(broken)],
        make_training(wrong, [0.5], r_squared=0.1, work=WORK),
        train(FAST, 1.0),
        rungs=(BASE, broken, wrong, FAST),
    )
    assert [rung.over_before for rung in rungs] == pytest.approx([None, None, None, 4.0])
    assert [rung.over_reference for rung in rungs] == pytest.approx([1.0, None, None, 4.0])


def test_every_device_climbs_from_its_own_first_rung() -> None:
    card = make_case(device="cuda")
    rungs = climb(train(BASE, 4.0), train(FAST, 2.0), train(card, 1.0), rungs=(BASE, FAST, card))
    assert [rung.over_before for rung in rungs] == pytest.approx([None, 2.0, None])


def test_every_number_of_replicas_climbs_from_its_own_first_rung() -> None:
    few, many = (msgspec.structs.replace(make_case(each), num_replicas=4) for each in ("eager", "compiled"))
    rungs = climb(train(BASE, 4.0), train(FAST, 2.0), train(few, 2.0), train(many, 0.5), rungs=(BASE, FAST, few, many))
    assert [rung.over_before for rung in rungs] == pytest.approx([None, 2.0, None, 4.0])


def test_shares_are_those_of_what_each_would_take_at_the_measured_rates() -> None:
    """A step takes 10 ms: 1 ms of arithmetic, 1.25 ms at the rate of a product, 1 ms for its bytes, 6 ms for calls."""
    (rung,) = climb(train(BASE, 1.0), [make_counted(BASE, 3_000.0), make_rates(5e10)], rungs=(BASE,))
    assert rung.flop_per_second == pytest.approx(1e10)
    assert rung.floor_seconds == pytest.approx(0.1)
    assert rung.share_of_floor == pytest.approx(0.1)
    assert rung.share_of_matrix == pytest.approx(0.125)
    assert rung.shares.compute == pytest.approx(0.1)
    assert rung.shares.memory == pytest.approx(0.1)
    assert rung.shares.dispatch == pytest.approx(0.6)
    assert rung.operators_per_step == 3_000.0
    assert rung.kernels_per_step is None
    assert rung.host_busy_share is None
    assert rung.bound is Bound.DISPATCH


def test_what_stays_in_the_caches_waits_for_no_memory() -> None:
    small = msgspec.structs.replace(WORK, working_set_bytes=CACHED_BYTES)
    (rung,) = climb(train(BASE, 1.0, small), [make_rates(5e10)], rungs=(BASE,))
    assert rung.shares.memory == 0.0


def test_the_best_rate_of_all_waves_counts_and_of_operators_the_middle_one() -> None:
    records = [make_rates(rate, operators=operators) for rate, operators in ((5e10, 1e5), (2e10, 9e5), (None, 3e5))]
    (rates,) = list_rates(make_run([BASE], records))
    assert rates.peaks["register_multiply_adds_per_second"] == 5e10
    assert rates.peaks["operators_per_second"] == 3e5
    assert rates.reasons == {}


def test_a_library_that_is_faster_than_the_compiled_loop_is_the_peak() -> None:
    (rung,) = climb(train(BASE, 1.0), [make_rates(5e10, matrix=1e11)], rungs=(BASE,))
    assert rung.share_of_floor == pytest.approx(0.05)


def test_a_device_whose_peak_was_not_measured_has_no_floor_and_may_have_a_verdict() -> None:
    records: list[Record] = [make_rates(None), make_counted(BASE, 1.0)]
    (slow,) = climb(train(BASE, 1.0), records, rungs=(BASE,))
    assert (slow.share_of_floor, slow.floor_seconds, slow.bound) == (None, None, Bound.LATENCY)
    (busy,) = climb(train(BASE, 0.2), records, rungs=(BASE,))
    assert (busy.share_of_floor, busy.bound) == (None, Bound.COMPUTE)
    (unknown,) = climb(train(BASE, 1.0), [make_rates(None, matrix=None), make_counted(BASE, 1.0)], rungs=(BASE,))
    assert (unknown.share_of_matrix, unknown.bound) == (None, None)


def test_rates_of_another_device_precision_or_number_of_threads_are_none_of_a_case() -> None:
    others = [make_rates(5e10, device="cuda"), make_rates(5e10, precision="bf16"), make_rates(5e10, num_threads=2)]
    (rung,) = climb(train(BASE, 1.0), others, rungs=(BASE,))
    assert (rung.share_of_floor, rung.share_of_matrix, rung.shares.memory, rung.bound) == (None, None, None, None)


def test_where_nobody_has_counted_there_is_no_share() -> None:
    (rung,) = climb(train(BASE, 1.0, None), [make_rates(5e10), make_counted(BASE, None, reason="no")], rungs=(BASE,))
    assert (rung.flop_per_second, rung.share_of_floor, rung.shares.memory) == (None, None, None)
    assert (rung.operators_per_step, rung.shares.dispatch, rung.bound) == (None, None, None)


def test_a_device_that_waits_for_its_host_is_held_up_by_calls_however_cheap_one_is() -> None:
    """Of 10 ms a step the host hands over for 9 and the device works for 2."""
    natural = make_details(BASE, plain=[1.0], timed=[1.0], phases=[[0.25, 0.25, 0.25, 0.25]])
    host = dict.fromkeys(PHASES, 0.225)
    natural = [
        msgspec.structs.replace(each, host_phase_seconds=host)
        if isinstance(each, Block) and each.phase_seconds
        else each
        for each in natural
    ]
    filled = make_block(BASE, 1.0, "device", phase_seconds=[0.05, 0.05, 0.05, 0.05])
    records = [*natural, filled, make_rates(5e10), make_counted(BASE, 10.0, kernels=12.5)]
    (rung,) = climb(train(BASE, 1.0), records, rungs=(BASE,))
    assert rung.host_busy_share == pytest.approx(0.9)
    assert rung.shares.dispatch == pytest.approx(0.8)
    assert rung.kernels_per_step == 12.5
    assert rung.bound is Bound.DISPATCH


def test_a_rung_of_which_nothing_was_measured_has_nothing_but_its_failure() -> None:
    rung = climb(train(BASE, 1.0), [make_failed(FAST), make_rates(5e10)], rungs=(BASE, FAST))[1]
    assert rung.result.failures
    assert {rung.over_before, rung.over_reference, rung.share_of_floor, rung.flop_per_second, rung.bound} == {None}


def test_a_run_that_is_no_ladder_has_no_rungs() -> None:
    run = make_run([BASE], [make_started(BASE)])
    assert judge_ladder(run, judge_run(run)) == []
