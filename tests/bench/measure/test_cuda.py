"""What stand-ins can't show: a card's own queue, timed. `pytest -m gpu` on a machine with CUDA."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from bench.measure.messages import (
    BlockDone,
    CallsCounted,
    CountCalls,
    Explore,
    Explored,
    Judge,
    Judged,
    RunBlock,
    SetUp,
)
from bench.measure.rates import measure_rates
from bench.measure.session import Session
from bench.records.case import Case
from bench.records.journal import PHASES, BlockKind
from bench.workloads.productnet import ProductNet
from productnet.device import open_device
from productnet.kinds.cuda import make_marks
from tests.bench.runs import make_rates
from tests.bench.test_run import call

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device"),
]


@pytest.fixture(scope="module")
def session() -> Session:
    session = Session(ProductNet)
    case = Case(device="cuda", engine="reference", batching="manual", num_threads=1, num_epochs=10)
    session.perform(SetUp(case=case, seed=1, timeout_seconds=60))
    explored = session.perform(Explore(timeout_seconds=60))
    assert isinstance(explored, Explored)
    assert explored.phase_kinds == ("plain", "phases", "device")
    done = session.perform(RunBlock(kind="train", amount=5, timeout_seconds=60))
    assert isinstance(done, BlockDone)
    assert explored.floor_seconds is not None
    assert 0 < explored.floor_seconds < done.seconds / done.num_steps
    return session


def run(session: Session, kind: BlockKind, amount: int = 5) -> BlockDone:
    done = session.perform(RunBlock(kind=kind, amount=amount, timeout_seconds=60))
    assert isinstance(done, BlockDone)
    return done


def test_every_card_can_be_opened_by_its_number() -> None:
    for index in range(torch.cuda.device_count()):
        device = open_device(f"cuda:{index}")
        assert device.torch_device.index == index
        assert device.memory_bytes


def test_the_queue_of_a_card_accounts_for_the_block_that_it_is_in(session: Session) -> None:
    done = run(session, "phases")
    assert done.phase_seconds is not None
    assert done.host_phase_seconds is not None
    assert set(done.phase_seconds) == set(done.host_phase_seconds) == set(PHASES)
    assert 0.3 * done.seconds < sum(done.phase_seconds.values()) <= done.seconds


def test_a_card_is_held_for_as_long_as_was_asked_for_from_the_first_time_on() -> None:
    marks = make_marks(0)
    before = marks.mark()
    marks.hold(0.02)
    after = marks.mark()
    torch.cuda.synchronize()
    assert 0.005 < marks.seconds_between(before, after) < 0.2  # other processes may share the card


def test_with_its_queue_full_a_card_takes_no_longer_than_in_the_training_as_it_runs(session: Session) -> None:
    natural, filled = run(session, "phases"), run(session, "device")
    assert natural.phase_seconds is not None
    assert filled.phase_seconds is not None
    assert all(filled.phase_seconds[phase] > 0 for phase in ("forward", "backward", "optimizer"))
    assert sum(filled.phase_seconds.values()) < sum(natural.phase_seconds.values())


def test_the_peak_of_a_cards_memory_is_counted(session: Session) -> None:
    run(session, "train")
    judged = session.perform(Judge(timeout_seconds=60))
    assert isinstance(judged, Judged)
    assert judged.memory.peak_device_bytes is not None
    assert judged.memory.peak_device_bytes > 12_000  # the samples alone


def test_what_a_step_runs_on_a_card_is_counted(session: Session) -> None:
    counted = session.perform(CountCalls(timeout_seconds=60))
    assert isinstance(counted, CallsCounted)
    assert counted.operators_per_step > 50
    assert counted.kernels_per_step is not None
    assert 10 < counted.kernels_per_step < 2 * counted.operators_per_step


def test_a_card_has_every_rate() -> None:
    rates = measure_rates(make_rates(None, None, None, None, device="cuda", reason="-"))
    assert rates.reasons == {}
    assert rates.register_multiply_adds_per_second is not None
    assert rates.matrix_multiply_adds_per_second is not None
    assert rates.matrix_multiply_adds_per_second < 1.1 * rates.register_multiply_adds_per_second


def test_a_run_on_a_card_ends_well_and_names_it(tmp_path: Path) -> None:
    answer = call("--device", "cuda", "--epochs", "4", "--output", "run", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    environment = json.loads((tmp_path / "run" / "run.json").read_text())["environment"]
    (accelerator,) = environment["identity"]["accelerators"]
    assert accelerator["name"] == "cuda"
    assert (tmp_path / "run" / "queue.md").exists()
