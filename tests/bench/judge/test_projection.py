"""What a stored run foretells of a longer training, and how often that holds."""

from __future__ import annotations

import math
import statistics

import msgspec
import numpy as np
import pytest

from bench.campaigns.projection_coverage import NOISES, Noise, simulate, simulate_run
from bench.judge.law import Interval
from bench.judge.projection import check, predict, project
from bench.records.journal import Record, Started
from bench.records.run import Run, reprice
from tests.bench.replicated import make_replicas_case, make_replicated
from tests.bench.runs import make_case, make_failed, make_run, make_started, make_training

CASE = make_case(num_epochs=30)


def make_short(*seconds: list[float], colds: tuple[bool, ...] = (), starts: tuple[float, ...] = ()) -> Run:
    """Return a run whose processes timed blocks of 100 steps, three a training; a start takes 0.75 s."""
    groups: list[list[Record]] = []
    for replicate, each in enumerate(seconds):
        records = make_training(CASE, each, replicate=replicate)
        started = records[0]
        assert isinstance(started, Started)
        changes: dict[str, object] = {}
        if colds:
            changes["is_cold"] = colds[replicate]
        if starts:
            changes |= {"setup_seconds": 0.0, "compile_seconds": starts[replicate]}
        groups.append([msgspec.structs.replace(started, **changes), *records[1:]])
    return make_run([CASE], *groups, num_replicates=len(seconds))


def test_a_projection_is_the_start_and_then_steps_at_their_mean_cost() -> None:
    (found,) = project(make_short([1.0, 1.0, 4.0], [2.0, 2.0, 2.0]), num_steps=10_000)
    assert found.start_seconds == 0.75
    assert found.step_seconds == pytest.approx(0.02)
    assert found.seconds == pytest.approx(200.75)
    assert found.num_processes == 2


def test_epochs_are_as_many_steps_as_the_run_had_in_one() -> None:
    (found,) = project(make_short([1.0, 1.0, 1.0]), num_epochs=1_000)
    assert found.num_steps == 10_000


def test_steps_are_of_each_network_and_epochs_of_all_where_several_are_trained_at_once() -> None:
    case = make_replicas_case(4, num_epochs=30)
    run = make_run([case], make_replicated(case, [1.0, 1.0, 1.0]))  # 400 updates a block, 10 steps an epoch
    (steps,), (epochs,) = project(run, num_steps=10_000), project(run, num_epochs=1_000)
    assert steps.num_steps == epochs.num_steps == 40_000
    assert steps.seconds == epochs.seconds == pytest.approx(100.75)


def test_a_case_whose_training_is_worth_nothing_or_whose_process_failed_says_so() -> None:
    whole = make_case()
    lost = make_run([whole], make_training(whole, [1.0], r_squared=0.5))
    assert (project(lost, num_steps=100)[0].doubt or "").startswith("INVALID: it did not learn")
    failed = make_run([CASE], make_training(CASE, [1.0]), [make_started(CASE, 1), make_failed(CASE, 1)])
    assert project(failed, num_steps=100)[0].doubt == "a process of it failed (train): ended by SIGKILL"
    assert project(make_short([1.0]), num_steps=100)[0].doubt is None


def test_processes_that_have_nothing_in_common_have_an_interval_that_a_float_can_hold() -> None:
    found = predict([-90.0, 60.0], [[0.0]] * 2, 1.0, 1)
    assert found is not None
    assert found.low == 0
    assert math.isfinite(found.high)


def test_one_process_gives_no_interval() -> None:
    (found,) = project(make_short([1.0, 1.1, 0.9]), num_steps=100)
    assert found.interval is None


def test_the_interval_is_of_one_further_training_and_not_of_the_mean() -> None:
    totals = [0.0, 0.1, 0.2, 0.3]
    found = predict(totals, [[0.0] * 12] * 4, 1.0, 100)
    assert found is not None
    half_width = 3.182446 * statistics.stdev(totals) * math.sqrt(1 + 1 / 4)  # t of 3 degrees at 97.5 %
    assert math.log(found.high) == pytest.approx(0.15 + half_width, rel=1e-6)
    assert math.log(found.low) == pytest.approx(0.15 - half_width, rel=1e-6)


def test_a_training_that_is_shorter_than_what_a_process_ran_scatters_more() -> None:
    totals, costs = [0.0, 0.01], [[-0.1, 0.1] * 6, [-0.1, 0.1] * 6]
    widths = []
    for num_blocks in (1, 4, 12, 1_000):
        found = predict(totals, costs, 1.0, num_blocks)
        assert found is not None
        widths.append(found.high / found.low)
    assert widths[0] > widths[1]
    assert widths[2] == widths[3]


def test_equal_processes_leave_no_width_and_no_error() -> None:
    found = predict([1.0, 1.0], [[1.0], [1.0]], 1.0, 10)
    assert found == Interval(math.e, math.e, math.e)


def test_the_start_is_that_of_the_process_that_found_nothing_compiled_and_scatters_as_the_others_do() -> None:
    run = make_short(*[[1.0] * 3] * 3, colds=(True, False, False), starts=(20.0, 0.5, 2.0))
    (found,) = project(run, num_steps=100)
    assert found.start_seconds == 20.0
    assert found.seconds == pytest.approx((21.0 * 11.0 * 41.0) ** (1 / 3))  # 20, and half and twice of it
    assert found.start_share > 0.9


def test_blocks_too_short_to_stand_for_a_training_are_told_of() -> None:
    assert project(make_short([0.01] * 3), num_steps=100)[0].has_short_blocks
    assert not project(make_short([0.1] * 3), num_steps=100)[0].has_short_blocks


def test_what_an_hour_costs_prices_the_interval() -> None:
    dear = reprice(make_short([1.0, 1.0], [1.0, 1.0]), {"cpu": 3600.0})
    (found,) = project(dear, num_steps=100)
    assert found.money == found.interval
    (unpriced,) = project(reprice(dear, {"cuda": 1.0}), num_steps=100)
    assert unpriced.money is None


def test_a_projection_is_held_against_the_first_training_of_each_process() -> None:
    case = make_case(num_epochs=1_000)
    full = make_run(
        [case],
        *(
            make_training(case, [each], replicate=number, num_steps=10_000)
            for number, each in enumerate((100.0, 300.0))
        ),
        num_replicates=2,
    )
    (found,) = check(make_short([1.0] * 3, [1.01] * 3, [0.99] * 3, [1.0] * 3), full)
    assert found.measured == (100.75, 300.75)
    assert found.projection.num_steps == 10_000
    assert found.num_within == 1


def test_another_work_is_not_held_against() -> None:
    case = make_case("eager", num_epochs=1_000)
    assert check(make_short([1.0] * 3), make_run([case], make_training(case, [1.0]))) == []


@pytest.mark.parametrize("name", ["one spread", "a noisy machine", "spikes", "drift of 3 %, 1 s"])
@pytest.mark.parametrize("length", [3, 33])
def test_the_interval_holds_the_training_as_often_as_it_says(name: str, length: int) -> None:
    held, _ = simulate(NOISES[name], 4, length, 200)
    assert held >= 0.9


def test_blocks_of_one_process_in_place_of_processes_would_not_hold_it() -> None:
    """The control: samples of one process are not independent, and say nothing of how processes differ."""
    generator = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        costs, training = simulate_run(Noise(between=0.02, within=0.01), 1, 33, generator)
        found = predict(costs[0].tolist(), [[each] for each in costs[0].tolist()], 1.0, 33)
        assert found is not None
        held += found.low <= training <= found.high
    assert held / 200 < 0.7
