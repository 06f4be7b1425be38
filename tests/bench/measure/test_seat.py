from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from bench.measure.blocks import TrainBlock
from bench.measure.messages import BlockDone, Explored, Ready
from bench.measure.process import WorkerError, WorkerProcess
from bench.measure.seat import Seat
from tests.bench.runs import make_case, make_info

READY = Ready(
    setup_seconds=0.1,
    compile_seconds=0.1,
    pilot_epoch_seconds=0.1,
    is_cold=True,
    first_step_seconds=0.01,
    num_steps_per_epoch=10,
    torch_version="2.13.0",
)
EXPLORED = Explored(
    pilot_inference_seconds=0.001,
    timer_floor_seconds=1e-7,
    floor_seconds=1e-6,
    inference_floor_seconds=1e-7,
    phase_kinds=("plain", "phases"),
    prefixes=("sampler", "fetch"),
)


def take(*blocks: tuple[int, bool, bool, Sequence[float | None]]) -> Seat:
    case = make_case()
    seat = Seat(make_info([case]).plan, case, 0, cast("WorkerProcess", None), READY, EXPLORED)
    for repetition, starts, ends, losses in blocks:
        seat.take_losses(TrainBlock(len(losses), repetition, starts, ends), losses)
    return seat


def test_the_losses_kept_are_those_of_the_first_training() -> None:
    seat = take((0, True, False, [3.0]), (0, False, True, [2.0]), (1, True, False, [3.0]), (1, False, True, [2.0]))
    assert seat.epoch_losses == [3.0, 2.0]


@pytest.mark.parametrize("last", [2.001, 1.999])
def test_a_repetition_may_end_at_a_loss_that_differs_in_its_last_digits(last: float) -> None:
    take((0, True, True, [3.0, 2.0]), (1, True, True, [3.0, last]))


@pytest.mark.parametrize("last", [2.5, 1.5, None])
def test_a_repetition_that_ends_elsewhere_costs_the_case(last: float | None) -> None:
    with pytest.raises(WorkerError, match=r"training number 2 ended at a loss of .*, the first at 2\.0") as caught:
        take((0, True, True, [3.0, 2.0]), (1, True, True, [3.0, last]))
    assert caught.value.kind == "rubbish"


def test_a_repetition_that_goes_on_where_the_first_ended_is_caught() -> None:
    with pytest.raises(WorkerError, match="training number 2"):
        take((0, True, True, [3.0, 2.0]), (1, True, True, [1.5, 1.0]))


def test_a_step_that_is_shorter_than_its_multiply_adds_is_refused() -> None:
    done = BlockDone(num_steps=1_000, num_samples=1, seconds=0.9e-3)
    with pytest.raises(WorkerError, match=r"a batch took 9e-07 s, and its multiply-adds alone need 1e-06 s here"):
        take().check_floor("train", done)
    take().check_floor("train", BlockDone(num_steps=1_000, num_samples=1, seconds=1.1e-3))
    take().check_floor("prefix", done)


def test_a_prediction_has_a_floor_of_its_own() -> None:
    take().check_floor("inference", BlockDone(num_steps=1_000, num_samples=1, seconds=0.9e-3))
    with pytest.raises(WorkerError, match="its multiply-adds alone need 1e-07 s here"):
        take().check_floor("inference", BlockDone(num_steps=1_000, num_samples=1, seconds=0.9e-4))


def test_trainings_that_all_diverge_are_the_same() -> None:
    take((0, True, True, [None]), (1, True, True, [None]))
